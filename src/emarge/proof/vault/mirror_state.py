"""What a mirror decided, in one SQLite file: keys, pending and mirrored checkpoints, second histories."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from emarge.proof.vault import sqlite

FILE = "state.sqlite3"
_MOST_REFUSALS = 1000  # of one log: the first ones say all
_SCHEMA = """
CREATE TABLE logs (
  origin TEXT PRIMARY KEY, vkey TEXT NOT NULL, pending BLOB, note BLOB, line BLOB, tiled INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE refusals (
  origin TEXT NOT NULL, size INTEGER NOT NULL, note BLOB NOT NULL, held BLOB NOT NULL, reason TEXT NOT NULL,
  refused_at TEXT NOT NULL, PRIMARY KEY (origin, size, note)
) STRICT, WITHOUT ROWID;
"""


@dataclass(frozen=True)
class LogState:
    """A log that is mirrored: ``note`` (under ``line``) is mirrored, ``pending`` is at or ahead of it.

    ``tiled`` says that the tiles of ``note`` were on disk before it was decided.
    """

    origin: str
    vkey: str
    pending: bytes | None
    note: bytes | None
    line: bytes | None
    tiled: bool


@dataclass(frozen=True)
class Refusal:
    """Evidence against a log: it signed ``note``, of ``size`` entries, which contradicts ``held``."""

    origin: str
    size: int
    note: bytes
    held: bytes
    reason: str
    refused_at: datetime


def create(folder: Path) -> None:
    """Make the state of a new mirror."""
    sqlite.create(folder / FILE, _SCHEMA)


class MirrorState:
    """The state of a mirror, which must exist: opening a missing one raises CorruptVault."""

    def __init__(self, folder: Path, *, read_only: bool = False) -> None:
        self._database = sqlite.Database(folder / FILE, read_only=read_only)

    def logs(self) -> list[LogState]:
        rows = self._database.read("SELECT origin, vkey, pending, note, line, tiled FROM logs ORDER BY origin")
        return [
            LogState(origin, vkey, pending, note, line, bool(tiled))
            for origin, vkey, pending, note, line, tiled in rows
        ]

    def add(self, origin: str, vkey: str) -> None:
        """Begin to mirror a log."""
        with self._database.transaction() as connection:
            connection.execute("INSERT INTO logs VALUES (?, ?, NULL, NULL, NULL, 0)", (origin, vkey))

    def set_pending(self, origin: str, note: bytes) -> None:
        """The checkpoint whose entries are to come."""
        with self._database.transaction() as connection:
            connection.execute("UPDATE logs SET pending = ? WHERE origin = ?", (note, origin))

    def set_mirrored(self, origin: str, note: bytes, line: bytes, *, tiled: bool) -> None:
        """The checkpoint all of whose entries are held."""
        with self._database.transaction() as connection:
            update = "UPDATE logs SET note = ?, line = ?, tiled = ? WHERE origin = ?"
            connection.execute(update, (note, line, int(tiled), origin))

    def refuse(self, refusal: Refusal) -> None:
        """Remember a second history, once."""
        with self._database.transaction() as connection:
            connection.execute(
                """
                INSERT INTO refusals SELECT ?1, ?2, ?3, ?4, ?5, ?6
                WHERE (SELECT count(*) FROM refusals WHERE origin = ?1) < ?7 ON CONFLICT DO NOTHING
                """,
                (
                    refusal.origin,
                    refusal.size,
                    refusal.note,
                    refusal.held,
                    refusal.reason,
                    refusal.refused_at.isoformat(),
                    _MOST_REFUSALS,
                ),
            )

    def refusals(self) -> list[Refusal]:
        """Every second history, in the order of logs and sizes."""
        query = "SELECT origin, size, note, held, reason, refused_at FROM refusals ORDER BY origin, size, note"
        rows = self._database.read(query)
        return [
            Refusal(origin, size, note, held, reason, datetime.fromisoformat(at))
            for origin, size, note, held, reason, at in rows
        ]

    def close(self) -> None:
        self._database.close()
