"""The one point of decision: which checkpoint of a log is the last. A compare-and-swap on (log, size).

The same transaction keeps what only serves to find: record uuid → index, label → index. It is an SQLite file in the
vault's folder, or a PostgreSQL database that ``sequencer.json`` there names (docs/formats/log.md).
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from emarge.proof.vault.errors import CorruptVault
from emarge.proof.vault.storage import files, sqlite

if TYPE_CHECKING:
    from emarge.proof.vault.storage import postgres

FILE = "sequencer.sqlite3"
ELSEWHERE = "sequencer.json"
_SCHEMA = """
CREATE TABLE logs (
  log {text} PRIMARY KEY, size {integer} NOT NULL, checkpoint {bytes} NOT NULL
) {options};
CREATE TABLE checkpoints (
  log {text} NOT NULL, size {integer} NOT NULL, checkpoint {bytes} NOT NULL, PRIMARY KEY (log, size)
) {options};
CREATE TABLE deposits (
  log {text} NOT NULL, position {integer} NOT NULL, uuid {text} NOT NULL, size {integer} NOT NULL,
  PRIMARY KEY (log, position), UNIQUE (log, uuid)
) {options};
CREATE TABLE labels (
  log {text} NOT NULL, label {text} NOT NULL, position {integer} NOT NULL, PRIMARY KEY (log, label, position)
) {options};
"""
_SQLITE = {"text": "TEXT", "integer": "INTEGER", "bytes": "BLOB", "options": "STRICT, WITHOUT ROWID"}
_POSTGRES = {"text": 'TEXT COLLATE "C"', "integer": "BIGINT", "bytes": "BYTEA", "options": ""}


@dataclass(frozen=True)
class Head:
    """The last checkpoint of a log."""

    size: int
    checkpoint: bytes


@dataclass(frozen=True)
class Row:
    """What is kept to find a record again."""

    uuid: str
    labels: tuple[str, ...]


@dataclass(frozen=True)
class Place:
    """Where a record stands, and the first checkpoint that holds it."""

    index: int
    size: int
    checkpoint: bytes


@dataclass(frozen=True)
class Span:
    """A checkpoint that was sequenced, and how many records it was the first to hold: ``[start, end)``."""

    size: int
    checkpoint: bytes
    records: int
    start: int
    end: int


def create(folder: Path, postgresql: str = "") -> None:
    """Make the sequencer of a new vault: in its folder, or in the PostgreSQL database of this address.

    Raises VaultRefused when that database will not do.
    """
    if not postgresql:
        sqlite.create(folder / FILE, _SCHEMA.format(**_SQLITE))
        return
    from emarge.proof.vault.storage import postgres

    name = postgres.create(postgresql, _SCHEMA.format(**_POSTGRES))
    values = json.dumps({"postgresql": postgresql, "name": name}, indent=1).encode() + b"\n"
    files.put_all(folder, {folder / ELSEWHERE: values})


def _database(folder: Path, *, read_only: bool) -> "sqlite.Database | postgres.Database":
    if not (folder / ELSEWHERE).exists():
        return sqlite.Database(folder / FILE, read_only=read_only)
    if (folder / FILE).exists():
        raise CorruptVault(f"{ELSEWHERE} and {FILE} are both there: only one can be the sequencer")
    try:
        values = json.loads((folder / ELSEWHERE).read_bytes())
        info, name = str(values["postgresql"]), str(values["name"])
    except (ValueError, KeyError, TypeError):
        raise CorruptVault(f"{ELSEWHERE} is unreadable") from None
    from emarge.proof.vault.storage import postgres

    return postgres.Database(info, name, read_only=read_only)


class Sequencer:
    """The sequencer of a vault, which must exist: opening a missing one raises CorruptVault.

    One in PostgreSQL raises VaultRefused (``in_use``) when another process has it, and ServerLostError when it cannot
    be reached: ``lost`` says afterwards that the connection is gone for good.
    """

    def __init__(self, folder: Path, *, read_only: bool = False) -> None:
        self._database = _database(folder, read_only=read_only)
        self._reading = self._database
        if isinstance(self._database, sqlite.Database):
            # Of its own for what is asked of every batch while the one before it is written.
            self._reading = sqlite.Database(folder / FILE, read_only=True)

    @property
    def lost(self) -> bool:
        return self._database.lost

    def logs(self) -> list[str]:
        return [log for (log,) in self._database.read("SELECT log FROM logs ORDER BY log")]

    def head(self, log: str) -> Head | None:
        """The last checkpoint of a log, or None when the log is not known."""
        rows = self._database.read("SELECT size, checkpoint FROM logs WHERE log = ?", (log,))
        return Head(*rows[0]) if rows else None

    def add(self, log: str, checkpoint: bytes) -> None:
        """Begin a log with the checkpoint of its empty tree."""
        with self._database.transaction() as connection:
            connection.execute("INSERT INTO logs VALUES (?, 0, ?)", (log, checkpoint))
            connection.execute("INSERT INTO checkpoints VALUES (?, 0, ?)", (log, checkpoint))

    def advance(self, log: str, old_size: int, checkpoint: bytes, rows: Sequence[Row]) -> None:
        """Swap in the checkpoint that holds these rows more, if the log still has ``old_size`` entries.

        Raises CorruptVault otherwise: somebody else wrote to this log.
        """
        size = old_size + len(rows)
        indexed = list(enumerate(rows, start=old_size))
        with self._database.transaction() as connection:
            swap = "UPDATE logs SET size = ?, checkpoint = ? WHERE log = ? AND size = ?"
            connection.execute(swap, (size, checkpoint, log, old_size))
            if connection.changes() != 1:
                raise CorruptVault(f"the log {log} no longer has {old_size} entries: another writer was here")
            connection.execute("INSERT INTO checkpoints VALUES (?, ?, ?)", (log, size, checkpoint))
            connection.executemany(
                "INSERT INTO deposits VALUES (?, ?, ?, ?)",
                [(log, index, row.uuid, size) for index, row in indexed],
            )
            connection.executemany(
                "INSERT INTO labels VALUES (?, ?, ?)",
                [(log, label, index) for index, row in indexed for label in sorted(set(row.labels))],
            )

    def places(self, log: str, uuids: Sequence[str]) -> dict[str, Place]:
        """Where those of these records stand that the log holds."""
        query = f"""
            SELECT uuid, position, deposits.size, checkpoint FROM deposits
            JOIN checkpoints ON checkpoints.log = deposits.log AND checkpoints.size = deposits.size
            WHERE deposits.log = ? AND uuid IN ({self._database.EACH_TEXT})
        """  # noqa: S608 - words of the database, not of a caller
        rows = self._reading.read(query, (log, json.dumps(uuids)))
        return {uuid: Place(*place) for uuid, *place in rows}

    def uuid(self, log: str, index: int) -> str | None:
        """The record at an index."""
        query = "SELECT uuid FROM deposits WHERE log = ? AND position = ?"
        rows = self._database.read(query, (log, index))
        return rows[0][0] if rows else None

    def placed(self, log: str, indexes: Sequence[int]) -> dict[int, tuple[str, int]]:
        """For each of these indexes the record there and the size of the first checkpoint that holds it."""
        each = self._database.EACH_NUMBER
        query = f"SELECT position, uuid, size FROM deposits WHERE log = ? AND position IN ({each})"  # noqa: S608
        return {index: (uuid, size) for index, uuid, size in self._database.read(query, (log, json.dumps([*indexes])))}

    def listed(self, log: str, start: int, end: int, most: int, label: str | None) -> list[tuple[int, str]]:
        """Index and uuid of the first ``most`` records of ``[start, end)``, under a label if one is given."""
        values: tuple[str | int, ...] = (log, start, end, most)
        query = "SELECT position, uuid FROM deposits WHERE log = ? AND position >= ? AND position < ?"
        if label is not None:
            values = (label, *values)
            query = """
                SELECT position, uuid FROM labels JOIN deposits USING (log, position)
                WHERE label = ? AND log = ? AND position >= ? AND position < ?
            """
        rows = self._database.read(f"{query} ORDER BY position LIMIT ?", values)
        return [(index, uuid) for index, uuid in rows]

    def find(self, log: str, label: str) -> list[int]:
        """The indexes under a label, ascending."""
        query = "SELECT position FROM labels WHERE log = ? AND label = ? ORDER BY position"
        return [index for (index,) in self._database.read(query, (log, label))]

    def history(self, log: str, after: int, most: int) -> list[Span]:
        """The next checkpoints of more than ``after`` entries, up to ``most`` of them, by ascending size."""
        query = "SELECT size, checkpoint FROM checkpoints WHERE log = ? AND size > ? ORDER BY size LIMIT ?"
        notes = self._database.read(query, (log, after, most))
        if not notes:
            return []
        query = """
            SELECT size, count(*), min(position), max(position) + 1 FROM deposits
            WHERE log = ? AND position >= ? AND position < ? GROUP BY size
        """
        rows = {size: rest for size, *rest in self._database.read(query, (log, max(after, 0), notes[-1][0]))}
        return [Span(size, note, *rows.get(size, (0, 0, 0))) for size, note in notes]

    def uuids(self, log: str, start: int, end: int) -> list[str]:
        """The records at the indexes ``[start, end)``, in order."""
        query = "SELECT uuid FROM deposits WHERE log = ? AND position >= ? AND position < ? ORDER BY position"
        return [uuid for (uuid,) in self._database.read(query, (log, start, end))]

    def drop_labels(self, log: str, runs: Sequence[tuple[int, int]]) -> None:
        """Forget the labels of the records in these runs ``[start, end)``, leaving no byte of them.

        Raises VaultUnavailable (``busy``) while another process reads an older state: try again.
        """
        with self._database.transaction() as connection:
            connection.executemany(
                "DELETE FROM labels WHERE log = ? AND position >= ? AND position < ?",
                [(log, start, end) for start, end in runs],
            )
        self._database.empty_log()

    def state(self, log: str) -> tuple[Head, int, int]:
        """Head, number of records and highest index (-1 when empty), in one look, to be checked."""
        query = """
            SELECT size, checkpoint, (SELECT count(*) FROM deposits WHERE log = logs.log),
                   (SELECT coalesce(max(position), -1) FROM deposits WHERE log = logs.log)
            FROM logs WHERE log = ?
        """
        size, checkpoint, count, highest = self._database.read(query, (log,))[0]
        return Head(size, checkpoint), count, highest

    def close(self) -> None:
        if self._reading is not self._database:
            self._reading.close()
        self._database.close()
