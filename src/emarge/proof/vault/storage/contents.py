"""Sealed contents and, in a file of another folder, their keys: destroying a key touches nothing else."""

import json
from collections.abc import Sequence
from pathlib import Path

from emarge.proof.vault.log.deposits import Deposit, SealedContent
from emarge.proof.vault.storage import sqlite

CONTENTS = Path("contents", "contents.sqlite3")
KEYS = Path("keys", "keys.sqlite3")
_TABLE = """
CREATE TABLE sealed (
  log TEXT NOT NULL, uuid TEXT NOT NULL, value BLOB NOT NULL, PRIMARY KEY (log, uuid)
) STRICT;
"""
_PUT = "INSERT OR REPLACE INTO sealed VALUES (?, ?, ?)"
_DELETE = "DELETE FROM sealed WHERE log = ? AND uuid = ?"
_GET = "SELECT value FROM sealed WHERE log = ? AND uuid = ?"
_ANY = "SELECT 1 FROM sealed WHERE log = ? AND uuid IN (SELECT value FROM json_each(?)) LIMIT 1"
_HAS = "SELECT 1 FROM sealed WHERE log = ? AND uuid = ?"


def create(folder: Path) -> None:
    """Make the two empty stores of a new vault."""
    for name in (CONTENTS, KEYS):
        sqlite.create(folder / name, _TABLE)


class Contents:
    """The two stores of a vault, which must exist."""

    def __init__(self, folder: Path, *, read_only: bool = False) -> None:
        self._contents = sqlite.Database(folder / CONTENTS, read_only=read_only)
        self._keys = sqlite.Database(folder / KEYS, read_only=read_only)

    def put(self, log: str, deposits: Sequence[Deposit]) -> None:
        """Make the contents of records durable, then their keys.

        Only for records that are not sequenced: an earlier attempt's content is written over.
        """
        sealed = [deposit for deposit in deposits if deposit.content]
        if sealed:
            with self._contents.transaction() as connection:
                connection.executemany(_PUT, [(log, one.uuid, one.content) for one in sealed])
            with self._keys.transaction() as connection:
                connection.executemany(_PUT, [(log, one.uuid, one.content_key) for one in sealed])

    def get(self, log: str, uuid: str) -> SealedContent | None:
        """The content of a record, None when it never had one or when its key was destroyed."""
        key = self._keys.read(_GET, (log, uuid))
        content = self._contents.read(_GET, (log, uuid)) if key else []
        return SealedContent(content[0][0], key[0][0]) if content else None

    def about(self, log: str, uuid: str) -> tuple[bytes | None, bool]:
        """The ciphertext of a record as it lies, None when there is none, and whether its key still exists."""
        content = self._contents.read(_GET, (log, uuid))
        key = self._keys.read(_HAS, (log, uuid))
        return content[0][0] if content else None, bool(key)

    def any_key(self, log: str, uuids: Sequence[str]) -> bool:
        """Whether the key of one of these records exists."""
        return bool(self._keys.read(_ANY, (log, json.dumps(uuids))))

    def destroy(self, log: str, uuids: Sequence[str]) -> None:
        """Delete the keys of records, then their contents. ``empty_logs`` ends it."""
        rows = [(log, uuid) for uuid in uuids]
        for store in (self._keys, self._contents):
            with store.transaction() as connection:
                connection.executemany(_DELETE, rows)

    def empty_logs(self) -> None:
        """Leave no byte of what was deleted in any file of the two stores; VaultUnavailable while one is read."""
        for store in (self._keys, self._contents):
            store.empty_log()

    def close(self) -> None:
        self._contents.close()
        self._keys.close()
