"""Starts the processes of one machine, restarts the one that dies, stops them all together."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import FrameType

import httpx

from emarge.cli.ending import STAYS_DOWN
from emarge.cli.errors import CommandError

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_SLOWEST_RESTART = 5.0  # seconds between two tries of a process that keeps dying


@dataclass
class Child:
    """One process: what starts it, and where it answers once it is ready."""

    name: str
    arguments: list[str]
    url: str
    environment: Mapping[str, str]
    process: subprocess.Popen[bytes] | None = None
    deaths: int = 0
    again_at: float = field(default=0.0)
    stays_down: bool = False

    def start(self) -> None:
        self.process = subprocess.Popen(  # noqa: S603 - our own command, no shell
            [sys.executable, "-m", "emarge", *self.arguments],
            env={**os.environ, **self.environment},
            preexec_fn=_die_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509 - set before threads
        )

    def answers(self) -> bool:
        """Whether its /health answers: 503 is an answer, of an authority whose clock is not fit yet."""
        try:
            status = httpx.get(f"{self.url}/health", timeout=2).status_code
        except httpx.HTTPError:
            return False
        return status in {httpx.codes.OK, httpx.codes.SERVICE_UNAVAILABLE}


def _die_with_parent() -> None:
    # A killed supervisor must not leave writers behind that a second start would meet.
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


class Supervisor:
    def __init__(self, children: list[Child]) -> None:
        self.children = children
        self._stopping = False

    def start(self, *, timeout: float = 60.0) -> None:
        """Start each child and wait until it answers, in order; CommandError when one does not in time (seconds)."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        for child in self.children:
            child.start()
        until = time.monotonic() + timeout
        for child in self.children:
            while not child.answers():
                if child.process is not None and child.process.poll() is not None:
                    if self._stays_down(child):
                        break
                    raise CommandError(f"The {child.name} process stopped at its start; its message stands above.")
                if time.monotonic() > until:
                    raise CommandError(f"The {child.name} process does not answer at {child.url}.")
                time.sleep(0.05)

    def watch(self) -> None:
        """Restart what dies, but what stays down for good, until asked to stop."""
        while not self._stopping:
            for child in self.children:
                self._mend(child)
            time.sleep(0.1)

    def stop(self) -> None:
        """Ask every child to stop, the last started first, and wait for it."""
        for child in reversed(self.children):
            if child.process is not None and child.process.poll() is None:
                child.process.terminate()
                try:
                    child.process.wait(timeout=10)
                except subprocess.TimeoutExpired:
                    child.process.kill()
                    child.process.wait()

    def _mend(self, child: Child) -> None:
        if child.stays_down or self._stays_down(child):
            return
        if child.process is not None and child.process.poll() is not None:
            print(f"emarge: the {child.name} process died ({child.process.returncode}); starting it again.", flush=True)
            child.process = None
            child.again_at = time.monotonic() + min(0.2 * 2**child.deaths, _SLOWEST_RESTART)
            child.deaths += 1
        if child.process is None and time.monotonic() >= child.again_at and not self._stopping:
            child.start()

    def _stays_down(self, child: Child) -> bool:
        """Whether a process ended for good: another start would find what this one found. The others go on."""
        if child.process is None or child.process.poll() != STAYS_DOWN:
            return False
        child.stays_down = True
        print(
            f"emarge: the {child.name} process stays down until somebody has looked: its message stands above.\n"
            "emarge: the others go on. What people sign is kept; mend this, then start `emarge run` again to seal it.",
            flush=True,
        )
        return True

    def _stop(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - the signal module's signature
        self._stopping = True
