"""Serial numbers and instants that no token can have been given before, even after kill -9.

What may be used is written ahead, a block at a time: a crash loses the rest of a block, never repeats a part.
The sequence of system calls: open a temporary file, write, fsync, close, rename it over ``reserved.json``,
open the folder, fsync, close.
"""

import fcntl
import json
import os
import secrets
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from emarge.proof.timestamping.errors import AuthorityError, AuthorityInUse

BLOCK = 10_000
COUNT_BITS = 64  # of a serial number, below the bits of the run
_RUN_BITS = 63
AHEAD = timedelta(seconds=1)
_FILE, _LOCK = "reserved.json", "lock"
_FORMAT = "%Y-%m-%dT%H:%M:%S.%fZ"


class _Reserved(NamedTuple):
    serial: int
    time: datetime


def write_new(path: Path, content: bytes) -> None:
    """Create a file that must not exist, readable by its owner alone, and make its content durable."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(descriptor)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def replace(path: Path, content: bytes) -> None:
    """Replace a file durably: after a crash it is the old one or the new one, whole."""
    temporary = path.with_name(path.name + ".new")
    temporary.unlink(missing_ok=True)
    write_new(temporary, content)
    temporary.replace(path)
    sync_folder(path.parent)


def start(folder: Path) -> None:
    """Write the first state of a new authority: nothing was given yet."""
    write_new(folder / _FILE, _encode(_Reserved(1, datetime(1970, 1, 1, tzinfo=UTC))))


def _encode(reserved: _Reserved) -> bytes:
    state = {"serial": reserved.serial, "time": reserved.time.strftime(_FORMAT)}
    return json.dumps(state).encode("ascii") + b"\n"


class Reservation:
    """The right to give serials and instants, held by one process at a time.

    Counts come from the folder, which may be put back from an old copy; the bits of the run make its serials others.
    """

    def __init__(self, folder: Path) -> None:
        """Take the folder's lock. Raises `AuthorityError` when it is held, or the state is unreadable."""
        self._folder = folder
        self._lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            state = json.loads((folder / _FILE).read_bytes())
            time = datetime.strptime(state["time"], _FORMAT).replace(tzinfo=UTC)
            self._reserved = _Reserved(int(state["serial"]), time)
        except BlockingIOError as error:
            os.close(self._lock)
            raise AuthorityInUse("Another process signs with this timestamp authority.") from error
        except (OSError, ValueError, KeyError, TypeError) as error:
            os.close(self._lock)
            raise AuthorityError("reserved.json of the timestamp authority cannot be read.") from error
        self._next = self._reserved.serial
        self._run = (secrets.randbits(_RUN_BITS) | 1 << _RUN_BITS - 1) << COUNT_BITS
        self.latest = self._reserved.time

    def take(self, count: int, at: datetime) -> int:
        """The first of ``count`` fresh serials, for the instant ``at``, not before `latest`."""
        first = self._next
        if first + count > self._reserved.serial or at > self._reserved.time:
            self._write(_Reserved(first + count + BLOCK, at + AHEAD))
        self._next = first + count
        self.latest = at
        return self._run + first

    def _write(self, reserved: _Reserved) -> None:
        """Replace the state durably; what was reserved stays as it was when this fails."""
        replace(self._folder / _FILE, _encode(reserved))
        self._reserved = reserved

    def close(self) -> None:
        """Give back what was not used, so that a clean restart need not wait, and let go of the lock."""
        try:
            self._write(_Reserved(self._next, self.latest))
        finally:
            os.close(self._lock)
