"""How the vault opens a PostgreSQL database in the place of the sequencer's SQLite file.

One connection, which holds the sequencer's lock as long as it lives. It is never opened again: one that is lost may
have committed or not, and the lock went with it, so the process stops as after a failed fsync.
"""

import hashlib
import threading
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import conninfo

from emarge.proof.vault.errors import CorruptVault, ServerLostError, VaultRefused

SCHEMA = "emarge_sequencer"
_VERSION = 1
_OPTIONS = f"-c search_path={SCHEMA} -c synchronous_commit=on -c lock_timeout=5s -c statement_timeout=30s"
_SILENCE = {
    "connect_timeout": 10,  # seconds
    "keepalives_idle": 10,  # seconds
    "keepalives_interval": 5,  # seconds
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,  # milliseconds
}
_EXISTS = "SELECT count(*) FROM information_schema.schemata WHERE schema_name = %s"


class _Transaction:
    """Takes the SQL that SQLite takes: its placeholders are the only difference."""

    def __init__(self, cursor: "psycopg.Cursor[tuple[Any, ...]]") -> None:
        self._cursor = cursor

    def execute(self, query: str, values: Sequence[Any] = ()) -> None:
        self._cursor.execute(_placed(query), values)

    def executemany(self, query: str, rows: Sequence[Sequence[Any]]) -> None:
        self._cursor.executemany(_placed(query), rows)

    def changes(self) -> int:
        """How many rows the last statement changed."""
        return self._cursor.rowcount


class Database:
    """A connection that threads share in turn. An error in a write is fatal, and so is the loss of the connection.

    Raises CorruptVault when the database is not the one that was made for this vault, VaultRefused (``in_use``)
    when another process writes to it, and ServerLostError when it cannot be reached, or would not keep what it commits.
    """

    EACH_TEXT = "SELECT json_array_elements_text(?::json)"
    EACH_NUMBER = "SELECT json_array_elements_text(?::json)::bigint"

    def __init__(self, info: str, name: str, *, read_only: bool = False) -> None:
        self.lost = False
        self._lock = threading.Lock()
        self._connection = _connect(info, " -c default_transaction_read_only=on" if read_only else "")
        try:
            if not read_only:
                _require_durable(self._connection)
                _take_lock(self._connection, name)
            _require_own(self._connection, name)
        except psycopg.Error as error:
            self._connection.close()
            raise CorruptVault(f"the sequencer in PostgreSQL cannot be read: {type(error).__name__}") from error
        except BaseException:
            self._connection.close()
            raise

    @contextmanager
    def transaction(self) -> Iterator[_Transaction]:
        """One write transaction, on the server's disk when it ends; on any exception nothing of it is kept."""
        with self._lock:
            try:
                with self._connection.transaction(), self._connection.cursor() as cursor:
                    yield _Transaction(cursor)
            except psycopg.Error as error:
                self.lost = True
                raise ServerLostError(f"writing the sequencer in PostgreSQL failed: {type(error).__name__}") from error

    def read(self, query: str, values: tuple[str | int, ...] = ()) -> list[tuple[Any, ...]]:
        """The rows of one query; ServerLostError when the connection is gone, CorruptVault when it cannot be read."""
        with self._lock:
            try:
                return self._connection.execute(_placed(query), values).fetchall()
            except psycopg.Error as error:
                if self._connection.closed:
                    self.lost = True
                    raise ServerLostError("the connection to the sequencer in PostgreSQL is lost") from error
                raise CorruptVault(f"the sequencer in PostgreSQL cannot be read: {type(error).__name__}") from error

    def empty_log(self) -> None:
        """What was deleted leaves PostgreSQL's files by its own vacuum, and its log by its own recycling."""

    def close(self) -> None:
        with self._lock:
            self._connection.close()


def create(info: str, schema: str) -> str:
    """Make the tables of a new vault in a database, and give the name by which it knows its vault.

    Raises VaultRefused when ``info`` holds a password, when the database would not keep what it commits, and when a
    sequencer is there already that has a log or is in use. An empty one that nobody uses is what a crash of this left.
    """
    try:
        if conninfo.conninfo_to_dict(info).get("password"):
            raise VaultRefused("password", "keep the password out of the address: PGPASSFILE or PGPASSWORD brings it")
    except psycopg.ProgrammingError:
        raise VaultRefused("bad_address", "the address of the PostgreSQL database cannot be read") from None
    name = str(uuid.uuid4())
    connection = _connect(info)
    try:
        with connection.transaction():
            _require_durable(connection)
            _require_free(connection)
            connection.execute(f"CREATE SCHEMA {SCHEMA}".encode())
            connection.execute(schema.encode())
            connection.execute(b"CREATE TABLE vault (version INTEGER NOT NULL, name TEXT NOT NULL)")
            connection.execute("INSERT INTO vault VALUES (%s, %s)", (_VERSION, name))
    except psycopg.Error as error:
        raise VaultRefused("postgresql", f"the sequencer was not made in PostgreSQL: {error}") from error
    finally:
        connection.close()
    return name


def _connect(info: str, more: str = "") -> "psycopg.Connection[tuple[Any, ...]]":
    try:
        full = conninfo.make_conninfo(info, application_name="emarge vault", options=_OPTIONS + more, **_SILENCE)
        return psycopg.connect(full, autocommit=True)
    except psycopg.Error as error:
        raise ServerLostError(f"the sequencer in PostgreSQL cannot be reached: {type(error).__name__}") from error


def _require_durable(connection: "psycopg.Connection[tuple[Any, ...]]") -> None:
    for setting in ("fsync", "full_page_writes", "synchronous_commit"):
        (value,) = connection.execute("SELECT current_setting(%s)", (setting,)).fetchone() or ("",)
        if value != "on":
            raise VaultRefused("not_durable", f"PostgreSQL runs with {setting} {value}: what it commits could be lost")
    if connection.execute("SELECT pg_is_in_recovery()").fetchone() != (False,):
        raise VaultRefused("not_durable", "this PostgreSQL server is a standby: the sequencer is its primary")


def _require_free(connection: "psycopg.Connection[tuple[Any, ...]]") -> None:
    if connection.execute(_EXISTS, (SCHEMA,)).fetchone() == (0,):
        return
    found = connection.execute("SELECT name, (SELECT count(*) FROM logs) FROM vault").fetchone()
    if found is None or found[1]:
        raise VaultRefused("exists", "the database holds a sequencer already: a vault is never made over another")
    _take_lock(connection, found[0])
    connection.execute(f"DROP SCHEMA {SCHEMA} CASCADE".encode())


def _require_own(connection: "psycopg.Connection[tuple[Any, ...]]", name: str) -> None:
    if connection.execute(_EXISTS, (SCHEMA,)).fetchone() == (0,):
        raise CorruptVault("the PostgreSQL database holds no sequencer: a vault is only made on purpose")
    if connection.execute("SELECT version, name FROM vault").fetchall() != [(_VERSION, name)]:
        raise CorruptVault("the PostgreSQL database holds the sequencer of another vault")


def _take_lock(connection: "psycopg.Connection[tuple[Any, ...]]", name: str) -> None:
    number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big", signed=True)
    if connection.execute("SELECT pg_try_advisory_lock(%s)", (number,)).fetchone() != (True,):
        raise VaultRefused("in_use", "another process writes to this vault's sequencer")


def _placed(query: str) -> bytes:
    return query.replace("?", "%s").encode()
