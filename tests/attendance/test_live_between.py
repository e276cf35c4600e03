"""What changes is told to whoever watches, also by another process."""

import threading
import time

import pytest
from django.db import connection, transaction

from emarge.attendance import live_between
from emarge.attendance.live import Hub

BASE, MEETING = "00000000-2222-4333-8444-555555555555", "11111111-2222-4333-8444-555555555555"

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def woken(monkeypatch):
    """The hub of this process, and what wakes when it hears something."""
    hub, woken = Hub(), threading.Event()
    hub.listen(woken.set)
    monkeypatch.setattr(live_between, "hub", hub)
    woken.hub = hub
    return woken


@pytest.fixture
def listener(woken, monkeypatch):
    """What every web process runs beside its pages."""
    monkeypatch.setattr(live_between, "_AGAIN_SECONDS", 0.1)
    stop = threading.Event()
    thread = threading.Thread(target=live_between.listen, args=(stop,))
    thread.start()
    _await_listener()
    yield
    stop.set()
    thread.join()


def _listeners():
    """The other sessions that listen."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pid FROM pg_stat_activity WHERE query = 'LISTEN emarge_live' AND state = 'idle'"
            " AND pid <> pg_backend_pid()"
        )
        return [pid for (pid,) in cursor.fetchall()]


def _await_listener(gone=()):
    if connection.vendor == "postgresql":
        until = time.monotonic() + 20
        while not set(_listeners()) - set(gone):
            assert time.monotonic() < until
            time.sleep(0.02)


def _tell():
    with transaction.atomic():
        live_between.tell([(BASE, MEETING), (BASE, MEETING)])


def test_a_change_is_told_once_it_is_committed(woken, listener):
    with transaction.atomic():
        live_between.tell([(BASE, "of an act that is undone")])
        transaction.set_rollback(True)
    _tell()
    assert woken.wait(10)
    assert woken.hub.take() == {MEETING: BASE}


@pytest.mark.skipif(connection.vendor != "postgresql", reason="one process serves a base on SQLite")
def test_a_listener_whose_connection_was_cut_listens_again(woken, listener, caplog):
    cut = _listeners()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(pid) FROM unnest(%s) AS pid", [cut])
    _await_listener(gone=cut)
    assert woken.wait(10)
    assert woken.hub.was_doubtful()
    woken.clear()
    _tell()
    assert woken.wait(10)
    assert woken.hub.take() == {MEETING: BASE}
    assert [record.levelname for record in caplog.records] == ["WARNING"]
