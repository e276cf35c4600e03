"""How the vault opens its SQLite files: one connection each, durable commits, never made by opening."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import apsw

from emarge.proof.vault.errors import CorruptVault, DurabilityLost, VaultUnavailable
from emarge.proof.vault.storage import files

_VERSION = 1
# The indexes are met at random: what is written again before the log is moved into the file is moved once.
_CACHE = 32 * 1024  # KiB
_LONG_LOG = 8192  # pages, 32 MiB


class Database:
    """A connection that threads share in turn. An SQLite error in a write is fatal, like a failed fsync."""

    EACH_TEXT = EACH_NUMBER = "SELECT value FROM json_each(?)"
    lost = False
    """Whether it is gone for good: never, a file does not hang up."""

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        mode = apsw.SQLITE_OPEN_READONLY if read_only else apsw.SQLITE_OPEN_READWRITE
        self._name = f"{path.parent.name}/{path.name}"
        self._log = path.with_name(path.name + "-wal")
        self._lock = threading.Lock()
        try:
            self._connection = apsw.Connection(str(path), flags=mode)
            version = self._connection.pragma("user_version")
        except apsw.Error as error:
            raise CorruptVault(f"{self._name} is missing or unreadable: a vault is only made on purpose") from error
        if version != _VERSION:
            raise CorruptVault(f"{self._name} is not a database of this vault")
        self._connection.set_busy_timeout(5000)
        if not read_only:
            self._connection.pragma("synchronous", "FULL")
            self._connection.pragma("secure_delete", 1)
            self._connection.pragma("cache_size", -_CACHE)
            self._connection.wal_autocheckpoint(_LONG_LOG)
            # SQLite shrugs at a failed fsync of the folder of its write-ahead log, which reading has just made.
            files.sync_folder(path.parent)

    @contextmanager
    def transaction(self) -> Iterator[apsw.Connection]:
        """One write transaction, durable when it ends; on any exception nothing of it is kept."""
        with self._lock:
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                try:
                    yield self._connection
                    self._connection.execute("COMMIT")
                except BaseException:
                    if self._connection.in_transaction:
                        self._connection.execute("ROLLBACK")
                    raise
            except apsw.Error as error:
                raise DurabilityLost(f"writing {self._name} failed: {type(error).__name__}") from error

    def read(self, query: str, values: tuple[str | int, ...] = ()) -> list[tuple[Any, ...]]:
        """The rows of one query; CorruptVault when the file cannot be read."""
        with self._lock:
            try:
                return self._connection.execute(query, values).fetchall()
            except apsw.Error as error:
                raise CorruptVault(f"{self._name} cannot be read: {type(error).__name__}") from error

    def empty_log(self) -> None:
        """Move the write-ahead log into the file and truncate it: what was deleted before is then in neither.

        Raises VaultUnavailable (``busy``) while another process reads an older state: try again.
        """
        with self._lock:
            try:
                self._connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
            except apsw.BusyError:
                raise VaultUnavailable("busy") from None
            except apsw.Error as error:
                raise DurabilityLost(f"writing {self._name} failed: {type(error).__name__}") from error
            files.sync_file(self._log)  # SQLite does not: after a power cut the file could have its old length

    def close(self) -> None:
        with self._lock:
            self._connection.close()


def create(path: Path, schema: str) -> None:
    """Make a database, durably; it is an error when it exists."""
    files.make_folder(path.parent)
    path.touch(mode=0o600, exist_ok=False)
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
    connection.pragma("journal_mode", "wal")
    connection.pragma("synchronous", "FULL")
    with connection:
        connection.execute(schema)
        connection.pragma("user_version", _VERSION)
    connection.close()
    files.sync_folder(path.parent)
