"""The kernel's random bytes, drawn many at a time: each draw is a system call, which a burst cannot afford per row."""

import os
import threading
from uuid import UUID

_DRAWN = 4096  # bytes


class _Drawn(threading.local):
    """What this thread has drawn and not given away; nothing is given twice."""

    left = b""


_drawn = _Drawn()


def _forget() -> None:
    _drawn.left = b""


os.register_at_fork(after_in_child=_forget)  # or both processes would give the same


def random_bytes(count: int) -> bytes:
    """Fresh bytes of the kernel's generator, at most 4,096."""
    if len(_drawn.left) < count:
        _drawn.left = os.urandom(_DRAWN)
    given, _drawn.left = _drawn.left[:count], _drawn.left[count:]
    return given


def random_uuid() -> UUID:
    """A random UUID (RFC 9562, version 4)."""
    return UUID(bytes=random_bytes(16), version=4)
