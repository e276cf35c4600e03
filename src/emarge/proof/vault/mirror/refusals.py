"""The second histories that a mirror or a witness refused: evidence against a log, kept for ever."""

from dataclasses import dataclass
from datetime import datetime

from emarge.proof.vault.storage.sqlite import Database

_MOST = 1000  # of one log: the first ones say all
SCHEMA = """
CREATE TABLE refusals (
  origin TEXT NOT NULL, size INTEGER NOT NULL, note BLOB NOT NULL, held BLOB NOT NULL, reason TEXT NOT NULL,
  refused_at TEXT NOT NULL, PRIMARY KEY (origin, size, note)
) STRICT, WITHOUT ROWID;
"""


@dataclass(frozen=True)
class Refusal:
    """Evidence against a log: it signed ``note``, of ``size`` entries, which contradicts ``held``."""

    origin: str
    size: int
    note: bytes
    held: bytes
    reason: str
    refused_at: datetime


def remember(database: Database, refusal: Refusal) -> None:
    """Remember a second history, once."""
    with database.transaction() as connection:
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
                _MOST,
            ),
        )


def remembered(database: Database) -> list[Refusal]:
    """Every second history, in the order of logs and sizes."""
    query = "SELECT origin, size, note, held, reason, refused_at FROM refusals ORDER BY origin, size, note"
    return [
        Refusal(origin, size, note, held, reason, datetime.fromisoformat(at))
        for origin, size, note, held, reason, at in database.read(query)
    ]
