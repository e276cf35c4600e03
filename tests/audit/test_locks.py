"""Locks between processes, as threads with connections of their own."""

import threading
import time

import pytest
from django.db import connection, transaction

from emarge.audit.locks import held

pytestmark = pytest.mark.django_db(transaction=True)


def _beside(act):
    """What an act gives in another session."""
    given = []

    def run():
        try:
            given.append(act())
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    return thread, given


def _free(name):
    def ask():
        with held(name, wait=False) as mine:
            return mine

    thread, given = _beside(ask)
    thread.join()
    return given == [True]


def test_one_at_a_time_where_several_sessions_may_be():
    alone = connection.vendor != "postgresql"  # SQLite: one process does it all
    with held("a") as mine:
        assert (mine, _free("a"), _free("b")) == (True, alone, True)
    assert _free("a")


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one process")
def test_whoever_waits_begins_when_the_other_has_done():
    def wait():
        with held("a"):
            return time.monotonic()

    with held("a"):
        thread, given = _beside(wait)
        time.sleep(0.3)
        assert given == []
        left = time.monotonic()
    thread.join()
    assert given[0] >= left


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one process")
def test_a_lock_ends_even_when_its_transaction_failed():
    with pytest.raises(ZeroDivisionError), held("a"), transaction.atomic():
        raise ZeroDivisionError
    assert _free("a")
    with held("a"):
        connection.close()  # as when the server cuts it: the lock is gone, and leaving it is no fault
    assert _free("a")
