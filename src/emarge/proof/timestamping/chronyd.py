"""Internet time (NTP), as chronyd measures it, read by pychrony (libchrony) from its command port or socket.

The error of what chronyd says is at most half the root delay plus the root dispersion (chronyc(1), *tracking*). Its
leap status is not looked at: it stays "normal" for ever once every server has gone.
"""

import math
import os
import socket
import struct
from collections.abc import Callable

import pychrony

from emarge.proof.timestamping.quorum import Interval
from emarge.proof.timestamping.sources import ALLOWANCE, SECOND, Instant, Observation, SourceSilent, instant

TIMEOUT = 2.0  # seconds for one answer
OLDEST = 3600.0  # seconds since chronyd's last measure before it counts as silent
DRIFT = 50e-6  # of a clock since that measure
_FASTEST_READING = SECOND // 10
_TIMEVAL = struct.Struct("@ll")


class ChronydSource:
    """The servers of a chronyd. ``address``: the path of its socket, or ``IP:PORT``."""

    name = "internet"

    def __init__(
        self, address: str, *, pause: float = 1.0, timeout: float = TIMEOUT, now: Callable[[], Instant] = instant
    ) -> None:
        self.address, self.pause = address, pause
        self._timeout, self._now = timeout, now

    def observe(self) -> Observation:
        """What chronyd says now. Raises `SourceSilent`: not reached, no server selected or reached, too old."""
        try:
            with pychrony.ChronyConnection(self.address) as connection:
                _limit(connection, self._timeout)
                selected = _selected(connection.get_sources())
                before = self._now()
                tracking = connection.get_tracking()
                after = self._now()
        except (pychrony.ChronyError, OSError) as error:
            raise SourceSilent(f"chronyd does not answer: {error}.") from error
        if after.raw - before.raw > _FASTEST_READING:
            raise SourceSilent("chronyd took too long to answer.")
        return _observation(tracking, selected, before, after)

    def close(self) -> None:
        """Each observation closes its own connection."""


def _limit(connection: pychrony.ChronyConnection, seconds: float) -> None:
    """Without this an answer lost on the way is waited for until the end of time: pychrony has no time limit."""
    descriptor = connection._fd  # noqa: SLF001 - a test with a stopped chronyd guards this
    if descriptor is None:
        raise SourceSilent("chronyd is not connected.")
    with socket.socket(fileno=os.dup(descriptor)) as same:
        whole = int(seconds)
        value = _TIMEVAL.pack(whole, int((seconds - whole) * 1_000_000))
        same.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, value)


def _selected(servers: list[pychrony.Source]) -> pychrony.Source:
    """The server that chronyd follows. Raises `SourceSilent` when it follows none, or one that went away."""
    for server in servers:
        if server.state is pychrony.SourceState.SELECTED:
            if server.reachability == 0:
                raise SourceSilent(f"The server {server.address} is not reached any more.")
            return server
    raise SourceSilent("chronyd follows no server.")


def _observation(
    tracking: pychrony.TrackingStatus, server: pychrony.Source, before: Instant, after: Instant
) -> Observation:
    if not tracking.is_synchronized():
        raise SourceSilent("chronyd is not synchronised.")
    says = before.system + round(tracking.offset * SECOND)
    age = max(says / SECOND - tracking.ref_time, float(server.last_sample_ago), 0.0)
    if age > OLDEST:
        raise SourceSilent(f"chronyd measured last {age:.0f} s ago.")
    error = tracking.root_delay / 2 + tracking.root_dispersion + age * DRIFT
    # The correction is of some instant between the two readings of the clocks: both are covered.
    reading = abs((after.system - before.system) - (after.raw - before.raw)) + after.raw - before.raw
    width = math.ceil(error * SECOND) + reading + ALLOWANCE
    return Observation(before.raw, Interval(says - width, says + width))
