"""The changes of the clock's state, kept across restarts: the last day's, and the last thousand at most."""

import json
import logging
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from emarge.proof.timestamping import reservation
from emarge.proof.timestamping.clock import Change, stamp

LIMIT = 1000
KEPT = timedelta(days=1)
_FILE = "clock-history.jsonl"
_log = logging.getLogger("emarge.timestamping")


class History:
    """One line per change in the authority's folder; the file is replaced durably as a whole, being small."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / _FILE
        self._lock = threading.Lock()
        self._changes = _load(self._path)

    def add(self, change: Change) -> None:
        """Keep a change. One that cannot be written (disk full) is kept in memory and written with the next."""
        line = {
            "at": stamp(change.at),
            "before": change.before,
            "state": change.state,
            "reason": change.reason,
            "excluded": list(change.excluded),
        }
        with self._lock:
            self._changes = [*self._changes, line][-LIMIT:]
            content = b"".join(json.dumps(one).encode("ascii") + b"\n" for one in self._changes)
            try:
                reservation.replace(self._path, content)
            except OSError as error:
                _log.error("the history of the clock cannot be written: %s", error)

    def since(self, instant: datetime) -> list[dict[str, Any]]:
        """The changes from an instant on, oldest first."""
        first = stamp(instant)
        with self._lock:
            return [one for one in self._changes if one["at"] >= first]

    def last_day(self, now: datetime) -> list[dict[str, Any]]:
        """The changes of the day before ``now``."""
        return self.since(now.astimezone(UTC) - KEPT)


def _load(path: Path) -> list[dict[str, Any]]:
    """What a former process kept. A history that cannot be read is not worth a stopped authority: it starts anew."""
    try:
        return [_parse(line) for line in path.read_bytes().splitlines()][-LIMIT:]
    except FileNotFoundError:
        return []
    except (OSError, ValueError) as error:
        _log.error("the history of the clock cannot be read and starts anew: %s", error)
        return []


def _parse(line: bytes) -> dict[str, Any]:
    change = json.loads(line)
    if not isinstance(change, dict) or not isinstance(change.get("at"), str):
        raise ValueError("a line is not a change")  # noqa: TRY004 - bad data, not a fault of the program
    return change
