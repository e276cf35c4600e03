"""GPS time, as gpsd reports it: its JSON protocol (gpsd_json(5)) over TCP.

A receiver with a pulse per second gives PPS reports, good to microseconds. One without gives TPV reports alone:
the second that a fix belongs to, sent some time after that second began. How long after is the receiver's business,
so the true time is anywhere between the fix's time and that time plus the greatest lag.
"""

import json
import math
import socket
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, BinaryIO

from emarge.proof.timestamping.quorum import Interval
from emarge.proof.timestamping.sources import ALLOWANCE, SECOND, Instant, Observation, SourceSilent, instant

LAG = timedelta(milliseconds=600)
TIMEOUT = 5.0  # seconds without a time before the source counts as silent
_LINE = 64 * 1024
_WATCH = b'?WATCH={"enable":true,"json":true,"pps":true};\n'
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PULSE_KEPT = 3 * SECOND
_FIXES = {2, 3}  # NMEA modes: a position was computed, so the time is the satellites'
_BEST_PRECISION, _WORST_PRECISION = -40, 0
_LAST_SECOND = 2**40


class GpsdSource:
    """A GPS receiver behind gpsd. ``lag``: the longest time from a second to the report of its fix, without PPS."""

    name = "gps"
    pause = 0.0

    def __init__(
        self,
        host: str,
        port: int,
        *,
        lag: timedelta = LAG,
        timeout: float = TIMEOUT,
        now: Callable[[], Instant] = instant,
    ) -> None:
        self.address = f"{host}:{port}"
        self._host, self._port, self._timeout, self._now = host, port, timeout, now
        self._lag = _nanoseconds(lag)
        self._socket: socket.socket | None = None
        self._lines: BinaryIO | None = None
        self._fix: datetime | None = None
        self._pulse_until = 0

    def observe(self) -> Observation:
        """The next time that gpsd reports. Raises `SourceSilent`, after the timeout at the latest."""
        until = time.monotonic() + self._timeout
        try:
            while time.monotonic() < until:
                observation = self._read(self._line())
                if observation is not None:
                    return observation
        except (OSError, ValueError, RecursionError, OverflowError) as error:
            self.close()
            raise SourceSilent(f"gpsd cannot be read: {error}.") from error
        raise SourceSilent("gpsd reports no time: the receiver has no fix.")

    def _line(self) -> tuple[bytes, Instant]:
        """One line and when it arrived. Raises OSError, or ValueError when it has no end."""
        if self._lines is None:
            self._socket = socket.create_connection((self._host, self._port), self._timeout)
            self._socket.sendall(_WATCH)
            self._lines = self._socket.makefile("rb")
        line = self._lines.readline(_LINE)
        arrived = self._now()
        if not line:
            raise ConnectionError("it closed the connection")
        if not line.endswith(b"\n"):
            raise ValueError("a line does not end")
        return line, arrived

    def _read(self, line: tuple[bytes, Instant]) -> Observation | None:
        """What a report says about the time, if anything. Raises ValueError when it is malformed."""
        report = json.loads(line[0])
        if not isinstance(report, dict):
            raise ValueError("a report is not an object")  # noqa: TRY004 - bad data, not a fault of the program
        if report.get("class") == "PPS":
            return self._pulse(report, line[1])
        if report.get("class") == "TPV":
            return self._position(report, line[1])
        return None

    def _pulse(self, report: dict[str, Any], arrived: Instant) -> Observation | None:
        real = _whole(report, "real_sec", 0, _LAST_SECOND) * SECOND + _whole(report, "real_nsec", 0, SECOND - 1)
        clock = _whole(report, "clock_sec", 0, _LAST_SECOND) * SECOND + _whole(report, "clock_nsec", 0, SECOND - 1)
        precision = _whole(report, "precision", _BEST_PRECISION, _WORST_PRECISION)
        elapsed = arrived.system - clock
        if not 0 <= elapsed <= 2 * SECOND:
            return None  # the system clock stepped since the pulse, or the report is stale
        error = math.ceil(SECOND * 2.0**precision) + ALLOWANCE
        self._pulse_until = arrived.raw + _PULSE_KEPT
        return Observation(arrived.raw, Interval(real + elapsed - error, real + elapsed + error))

    def _position(self, report: dict[str, Any], arrived: Instant) -> Observation | None:
        if report.get("mode") not in _FIXES or "time" not in report or arrived.raw < self._pulse_until:
            return None
        fix = datetime.fromisoformat(_text(report, "time"))
        if fix.tzinfo is None:
            raise ValueError("a time without its zone")
        if fix == self._fix:
            return None  # the same fix again, later: only its first report says when it was
        error = _seconds(report.get("ept", 0.0)) + ALLOWANCE
        self._fix = fix
        at = _nanoseconds(fix - _EPOCH)
        return Observation(arrived.raw, Interval(at - error, at + self._lag + error))

    def close(self) -> None:
        """Let go of the connection; the next observation makes another."""
        for closing in (self._lines, self._socket):
            if closing is not None:
                closing.close()
        self._lines = self._socket = None


def _nanoseconds(length: timedelta) -> int:
    return length // timedelta(microseconds=1) * 1000


def _whole(report: dict[str, Any], name: str, low: int, high: int) -> int:
    value = report.get(name)
    if type(value) is not int or not low <= value <= high:
        raise ValueError(f"{name} of a report is not a number from {low} to {high}")
    return value


def _text(report: dict[str, Any], name: str) -> str:
    value = report[name]
    if not isinstance(value, str):
        raise ValueError(f"{name} of a report is not a text")  # noqa: TRY004 - bad data, not a fault of the program
    return value


def _seconds(value: object) -> int:
    """Nanoseconds, from the seconds of an error estimate."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= SECOND:
        raise ValueError("ept of a report is not an error in seconds")
    return math.ceil(value * SECOND)
