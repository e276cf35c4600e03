"""Tells what changed in class meetings to the streams of this process, and of the others over the same base.

Several web processes may serve one base on PostgreSQL, which carries the word between them when it commits.
"""

import logging
import threading
from collections.abc import Iterable

from django.db import Error, connection, transaction

from emarge.attendance.live import hub

CHANNEL = "emarge_live"
_LOOK_SECONDS = 1.0
_AGAIN_SECONDS = 2.0

logger = logging.getLogger("emarge.attendance")


def tell(meetings: Iterable[tuple[str, str]]) -> None:
    """In the transaction of what changed in class meetings (base and meeting, UUIDs): once it is committed, tell it."""
    told = sorted(set(meetings))
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            for base, meeting in told:
                cursor.execute("SELECT pg_notify(%s, %s)", [CHANNEL, f"{base} {meeting}"])
    else:
        transaction.on_commit(lambda: _publish(told))


def _publish(meetings: Iterable[tuple[str, str]]) -> None:
    for base, meeting in meetings:
        hub.publish(base, meeting)


def listen(stop: threading.Event) -> None:
    """Pass on what PostgreSQL says, until ``stop`` is set; nothing to do on SQLite, which one process serves.

    What changes while the connection is lost is not heard: once it is back every stream begins again with the state.
    """
    if connection.vendor != "postgresql":
        return
    heard = True
    try:
        while not stop.is_set():
            try:
                _listen(stop, again=not heard)
            except Error as error:
                if heard:
                    logger.warning("Changes of other processes are not heard, and will be again: %s", error)
                connection.close()
                stop.wait(_AGAIN_SECONDS)
                heard = False
    finally:
        connection.close()


def _listen(stop: threading.Event, *, again: bool) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"LISTEN {CHANNEL}")
    if again:
        hub.doubt()
    while not stop.is_set():
        with connection.wrap_database_errors:
            for said in connection.connection.notifies(timeout=_LOOK_SECONDS):
                base, _, meeting = said.payload.partition(" ")
                hub.publish(base, meeting)
