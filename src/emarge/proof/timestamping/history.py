"""The changes of the clock's state and its samples, kept across restarts (docs/formats/timestamping.md, *History*)."""

import hashlib
import json
import logging
import secrets
import threading
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from emarge.proof.timestamping import reservation
from emarge.proof.timestamping.clock import Change, Reading, stamp
from emarge.proof.timestamping.comparison import ClockState

LIMIT = 1000
KEPT = timedelta(days=1)
_FILE, _SAMPLES = "clock-history.jsonl", "clock-samples.jsonl"
_log = logging.getLogger("emarge.timestamping")


class History:
    """One line per change in the authority's folder; the file is replaced durably as a whole, being small.

    Changes are numbered from 1, without a gap, for the life of the history, whose ``name`` is drawn at random: a
    reader that knows name and number knows what it has read.
    """

    def __init__(self, folder: Path) -> None:
        self._path, self._samples = folder / _FILE, folder / _SAMPLES
        self._lock = threading.Lock()
        self.name, self._changes = _load(self._path)

    def add(self, change: Change) -> None:
        """Keep a change. One that cannot be written (disk full) is kept in memory and written with the next."""
        with self._lock:
            self._changes = [*self._changes, _line(self._last + 1, change)][-LIMIT:]
            _write(self._path, [{"history": self.name}, *self._changes])

    def begin(self, reading: Reading) -> None:
        """Keep, as a change, what a process finds at its start, when the former one left another state."""
        left = self._changes[-1] if self._changes else None
        before = ClockState(left["state"]) if left else ClockState.UNKNOWN
        if left is None or (before, left["reason"], left["excluded"]) != (reading.state, reading.reason, []):
            self.add(Change(datetime.now(UTC), before, reading.state, reading.reason, ()))

    @property
    def _last(self) -> int:
        return int(self._changes[-1]["number"]) if self._changes else 0

    def after(self, number: int) -> dict[str, Any]:
        """The changes that come after a number, of those that are kept, oldest first; the name and the last number."""
        with self._lock:
            changes = [one for one in self._changes if one["number"] > number]
            return {"history": self.name, "last": self._last, "changes": changes}

    def since(self, instant: datetime) -> list[dict[str, Any]]:
        """The changes from an instant on, oldest first."""
        first = stamp(instant)
        with self._lock:
            return [one for one in self._changes if one["at"] >= first]

    def last_day(self, now: datetime) -> list[dict[str, Any]]:
        """The changes of the day before ``now``."""
        return self.since(now.astimezone(UTC) - KEPT)

    def samples(self, now: datetime) -> list[dict[str, Any]]:
        """The samples that a former process kept of the day before ``now``."""
        first = stamp(now.astimezone(UTC) - KEPT)
        try:
            kept = [_parse(line) for line in self._samples.read_bytes().splitlines()]
        except FileNotFoundError:
            return []
        except (OSError, ValueError) as error:
            _log.error("the samples of the clock cannot be read and start anew: %s", error)
            return []
        return [one for one in kept if one["at"] >= first]

    def keep_samples(self, samples: Sequence[Mapping[str, Any]]) -> None:
        """Keep the samples for the next process; a disk that fails costs no more than a part of a picture."""
        _write(self._samples, samples)


def _line(number: int, change: Change) -> dict[str, Any]:
    return {
        "number": number,
        "at": stamp(change.at),
        "before": change.before,
        "state": change.state,
        "reason": change.reason,
        "excluded": list(change.excluded),
    }


def _write(path: Path, lines: Sequence[Mapping[str, Any]]) -> None:
    try:
        reservation.replace(path, b"".join(json.dumps(one).encode("ascii") + b"\n" for one in lines))
    except OSError as error:
        _log.error("%s cannot be written: %s", path.name, error)


def _load(path: Path) -> tuple[str, list[dict[str, Any]]]:
    """What a former process kept. A history that cannot be read is not worth a stopped authority: it starts anew."""
    try:
        content = path.read_bytes()
        return _read(content)
    except FileNotFoundError:
        pass
    except (OSError, ValueError) as error:
        _log.error("the history of the clock cannot be read and starts anew: %s", error)
    return secrets.token_hex(16), []


def _read(content: bytes) -> tuple[str, list[dict[str, Any]]]:
    """Name and changes. A file of before they had numbers gets a name of its content: the same at each reading."""
    first, *rest = content.splitlines() or [b""]
    header = json.loads(first)
    if isinstance(header, dict) and isinstance(header.get("history"), str):
        changes = [_parse(line) for line in rest]
        if not all(type(one.get("number")) is int for one in changes):
            raise ValueError("a change has no number")
        return header["history"], changes[-LIMIT:]
    old = [_parse(line) for line in [first, *rest]]
    return hashlib.sha256(content).hexdigest()[:32], [{"number": at, **one} for at, one in enumerate(old, start=1)]


def _parse(line: bytes) -> dict[str, Any]:
    kept = json.loads(line)
    if not isinstance(kept, dict) or not isinstance(kept.get("at"), str):
        raise ValueError("a line is not what was kept")  # noqa: TRY004 - bad data, not a fault of the program
    return kept
