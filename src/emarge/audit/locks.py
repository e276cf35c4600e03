"""Locks on what one process does at a time. On SQLite there is one process; on PostgreSQL there may be several."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import Error, connection


@contextmanager
def held(name: str, *, wait: bool = True) -> Iterator[bool]:
    """Hold what is named, in the whole installation; whether it is held, which ``wait`` makes sure of.

    A lock of the session (so not behind a pooler that shares sessions): it ends with this, with the process, or with
    its connection. Another may then begin beside one that does not know yet: only for what may be done twice.
    Raises OperationalError when another holds it for longer than a session waits for locks (lib.postgresql).
    """
    if connection.vendor != "postgresql":
        yield True
        return
    key = int.from_bytes(hashlib.sha256(f"emarge {name}".encode()).digest()[:8], "big", signed=True)
    mine = _asked("SELECT pg_advisory_lock(%s) IS NOT NULL" if wait else "SELECT pg_try_advisory_lock(%s)", key)
    try:
        yield mine
    finally:
        if mine:
            _leave(key)


def _asked(statement: str, key: int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(statement, [key])
        return bool(cursor.fetchone()[0])


def _leave(key: int) -> None:
    try:
        _asked("SELECT pg_advisory_unlock(%s)", key)
    except Error:
        connection.close()  # the lock goes with it
