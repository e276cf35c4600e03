"""What a mirror decided, in one SQLite file: keys, pending and mirrored checkpoints, second histories."""

from dataclasses import dataclass
from pathlib import Path

from emarge.proof.vault.mirror import refusals
from emarge.proof.vault.mirror.refusals import Refusal
from emarge.proof.vault.storage import sqlite

FILE = "state.sqlite3"
_LOGS = """
CREATE TABLE logs (
  origin TEXT PRIMARY KEY, vkey TEXT NOT NULL, pending BLOB, note BLOB, line BLOB, tiled INTEGER NOT NULL
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


def create(folder: Path) -> None:
    """Make the state of a new mirror."""
    sqlite.create(folder / FILE, _LOGS + refusals.SCHEMA)


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
        refusals.remember(self._database, refusal)

    def refusals(self) -> list[Refusal]:
        """Every second history, in the order of logs and sizes."""
        return refusals.remembered(self._database)

    def close(self) -> None:
        self._database.close()
