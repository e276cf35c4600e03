"""Each change of a real authority's clock, in each log once: across restarts, crashes and floods."""

import hashlib
import threading
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from django.db import connection
from django.utils import timezone

from emarge.audit import rules
from emarge.audit.authority import TimestampUnavailable
from emarge.audit.clock_records import ClockFollower
from emarge.audit.models import ClockCursor, OutboxEvent
from emarge.audit.relay import Relay
from emarge.cli.timestamping import create_authority
from emarge.proof.evidence import records
from emarge.proof.timestamping.client import TimestampClient
from emarge.proof.timestamping.clock import Change
from emarge.proof.timestamping.comparison import ClockState, Verdict
from emarge.proof.timestamping.history import History
from emarge.proof.timestamping.verify import read_token
from tests.audit.events import fresh_log, happen
from tests.processes import Server, free_port, start_timestamping
from tests.proof.timestamping.receivers import Chronyd, Gpsd, NtpServer

pytestmark = [pytest.mark.processes, pytest.mark.django_db(transaction=True)]
IN_SYNC, SOON, OUT, UNKNOWN = ClockState
START = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


class Authority:
    """A real authority; its clock changes while it is stopped, as if it had."""

    def __init__(self, data):
        create_authority(data, name="Émarge")
        self.folder = data / "timestamping"
        self.server = start_timestamping(data)

    def changes(self, *changes):
        """Let the clock change, to each (state, excluded) in turn."""
        self.server.stop()
        history = History(self.folder)
        before = history._changes[-1]["state"]
        for state, *excluded in changes:
            history.add(Change(datetime.now(UTC), ClockState(before), state, Verdict.DECLARED, tuple(excluded)))
            before = state
        if (before, history._changes[-1]["excluded"]) != (IN_SYNC, []):
            # What the next process would find by itself is written here, so that tests count no surprise.
            history.add(Change(datetime.now(UTC), ClockState(before), IN_SYNC, Verdict.DECLARED, ()))
        self.server.start()


@pytest.fixture(scope="module")
def module_authority(tmp_path_factory):
    made = Authority(tmp_path_factory.mktemp("authority") / "data")
    yield made
    made.server.stop()


@pytest.fixture
def authority(module_authority, monkeypatch):
    monkeypatch.setenv("EMARGE_TIMESTAMP_URL", module_authority.server.url)
    return module_authority


@pytest.fixture
def follower():
    with closing(ClockFollower()) as made:
        yield made


@pytest.fixture
def log():
    """A log that has begun, after the authority did."""
    log = fresh_log()
    happen(log, at=timezone.now())
    return log


def recorded(log):
    """What the records of a log say of the clock, in the log's order."""
    rows = OutboxEvent.objects.filter(log=log, event="clock.changed").order_by("id")
    return [records.parse(bytes(row.record)) for row in rows]


def ranges(log):
    return [(one.details["first"], one.details["last"]) for one in recorded(log)]


def test_a_log_begins_with_the_state_that_it_was_begun_in(authority, follower, log):
    assert follower.follow() == 1
    [begun] = recorded(log)
    last = History(authority.folder).after(0)["changes"][-1]
    assert begun.details == {
        "history": History(authority.folder).name,
        "first": last["number"],
        "last": last["number"],
        "changed_at": last["at"],
        "before": last["before"].replace(" ", "_"),
        "state": "in_sync",
        "reason": "the system clock is declared trusted",
        "excluded": [],
    }
    assert (begun.actor.role, begun.actor.person, begun.code, begun.meeting) == ("system", None, "École", None)
    row = OutboxEvent.objects.get(log=log, event="clock.changed")
    assert row.labels == ["event:clock.changed", f"day:{row.created_at.date().isoformat()}"]


def test_changes_while_the_relay_was_down_are_each_recorded_once_and_in_order(authority, follower, log):
    follower.follow()
    [(_, before)] = ranges(log)
    authority.changes((SOON,), (OUT, "quartz"), (IN_SYNC,))
    with closing(ClockFollower()) as again:
        assert (again.follow(), again.follow()) == (3, 0)
    assert follower.follow() == 0
    assert [(one.details["before"], one.details["state"], one.details["excluded"]) for one in recorded(log)[1:]] == [
        ("in_sync", "soon_out_of_sync", []),
        ("soon_out_of_sync", "out_of_sync", ["quartz"]),
        ("out_of_sync", "in_sync", []),
    ]
    assert ranges(log)[1:] == [(before + n, before + n) for n in (1, 2, 3)]


def test_each_log_has_each_change_and_one_that_begins_later_its_own_state(authority, follower, log):
    other = fresh_log()
    happen(other, at=timezone.now())
    follower.follow()
    authority.changes((SOON,), (IN_SYNC,))
    assert follower.follow() == 4
    assert ranges(log) == ranges(other)
    later = fresh_log()
    happen(later, at=timezone.now())
    follower.meet([later])
    assert follower.follow() == 1
    assert ranges(later) == ranges(log)[-1:]


def test_a_crash_between_record_and_cursor_leaves_neither(authority, follower, log, monkeypatch):
    follower.follow()
    authority.changes((SOON,), (IN_SYNC,))

    def crash(*_args, **_kept):
        raise MemoryError

    with monkeypatch.context() as broken:
        broken.setattr(ClockCursor, "save", crash)
        with pytest.raises(MemoryError):
            follower.follow()
    assert len(recorded(log)) == 1
    assert follower.follow() == 2
    assert len(recorded(log)) == 3


def test_two_followers_at_once_record_each_change_once(authority, follower, log):
    follower.follow()
    authority.changes((SOON,), (IN_SYNC,))
    written = []

    def follow():
        with closing(ClockFollower()) as one:
            written.append(one.follow())
        connection.close()

    threads = [threading.Thread(target=follow) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(written) == [0, 0, 0, 2]
    assert len(recorded(log)) == 3


def test_a_flood_is_told_by_few_records_that_leave_nothing_out(authority, follower, log, monkeypatch):
    now = timezone.now()
    monkeypatch.setattr(timezone, "now", lambda: now)
    follower.follow()
    [(first, _)] = ranges(log)
    authority.changes(*[(IN_SYNC, "gps"), (IN_SYNC,)] * 10)
    assert follower.follow() == rules.PER_MINUTE - 1
    told = ranges(log)
    assert told == [*[(first + n, first + n) for n in range(5)], (first + 5, first + 20)]
    merged = recorded(log)[-1].details["merged"]
    assert (merged["states"], merged["excluded"]) == (["in_sync"], ["gps"])
    assert merged["since"] < recorded(log)[-1].details["changed_at"]
    authority.changes((SOON,), (IN_SYNC,))
    assert follower.follow() == 0
    now += timedelta(minutes=1)
    assert follower.follow() == 2
    assert ranges(log)[-2:] == [(first + 21, first + 21), (first + 22, first + 22)]


def test_a_history_that_began_anew_is_recorded_from_its_start(authority, follower, log):
    follower.follow()
    authority.server.stop()
    (authority.folder / "clock-history.jsonl").unlink()
    authority.server.start()
    assert follower.follow() == 1
    old, new = recorded(log)
    assert old.details["history"] != new.details["history"]
    assert (new.details["first"], "lost" in new.details) == (1, False)


def test_changes_that_the_authority_no_longer_has_are_counted(authority, follower, log):
    follower.follow()
    [(_, before)] = ranges(log)
    authority.changes((SOON,), (IN_SYNC,), (SOON,), (IN_SYNC,))
    path = authority.folder / "clock-history.jsonl"
    name, *lines = path.read_bytes().splitlines(keepends=True)
    authority.server.stop()
    path.write_bytes(b"".join([name, *lines[-2:]]))
    authority.server.start()
    with closing(ClockFollower()) as again:
        assert again.follow() == 2
    assert [one.details.get("lost") for one in recorded(log)] == [None, 2, None]
    assert ranges(log)[1] == (before + 3, before + 3)


def test_without_an_authority_nothing_is_recorded_and_it_is_said(authority, log, monkeypatch):
    authority.server.stop()
    with closing(ClockFollower()) as one, pytest.raises(TimestampUnavailable, match="does not answer"):
        one.follow()
    authority.server.start()
    monkeypatch.delenv("EMARGE_TIMESTAMP_URL")
    with closing(ClockFollower()) as one, pytest.raises(TimestampUnavailable, match="EMARGE_TIMESTAMP_URL is not set"):
        one.follow()


@pytest.mark.parametrize(("count", "room", "sizes"), [(3, 6, [1] * 3), (6, 6, [1] * 6), (7, 6, [1] * 5 + [2])])
def test_changes_are_told_one_by_one_while_they_fit(count, room, sizes):
    groups = rules.told_together(range(count), room)
    assert [len(group) for group in groups] == sizes
    assert [one for group in groups for one in group] == list(range(count))


def test_where_there_is_no_room_nothing_is_told():
    assert rules.told_together([1, 2], 0) == rules.told_together([1], -1) == []
    assert rules.told_together([1, 2], 1) == [[1, 2]]


def test_a_clock_put_back_does_not_stop_the_records():
    later = START + timedelta(hours=1)
    assert rules.of_the_last_minute([START - timedelta(minutes=1), START, later], START) == [START]


def test_a_receiver_that_lies_is_named_in_the_vault(servers, tmp_path, monkeypatch):
    """From the real gpsd and chronyd to the record, by a running relay; the vault stamps it meanwhile."""
    gpsd, ntp = Gpsd().start(), NtpServer()
    chronyd = Chronyd(tmp_path / "chronyd", ntp).start()
    create_authority(tmp_path / "data", name="Émarge")
    where = ["--gpsd", f"127.0.0.1:{gpsd.port}", "--chronyd", chronyd.address]
    how = ["--gps-lag-ms", "300", "--accuracy-ms", "250"]
    command = ["timestamping", "serve", "--data", str(tmp_path / "data"), *where, *how]
    server, stop = Server(command, free_port()), threading.Event()
    log = fresh_log()
    happen(log, at=timezone.now())
    relay = threading.Thread(target=Relay().run, args=(stop,))
    try:
        server.start()
        monkeypatch.setenv("EMARGE_TIMESTAMP_URL", server.url)
        relay.start()
        _until(lambda: [one for one in recorded(log) if one.details["state"] == "in_sync"])
        gpsd.lie = 3.0
        _until(lambda: recorded(log)[-1].details["excluded"] == ["gps"])
        with TimestampClient(server.url, (tmp_path / "data/credentials/timestamping").read_text().strip()) as client:
            assert read_token(client.stamp([hashlib.sha256(b"x").digest()])[0])
        gpsd.lie = 0.0
        _until(lambda: recorded(log)[-1].details["excluded"] == [])
        _until(lambda: not OutboxEvent.objects.filter(log=log, index__isnull=True).exists())
    finally:
        stop.set()
        relay.join(timeout=30)
        for each in (server, gpsd, chronyd):
            each.kill()
        ntp.stop()
    told = recorded(log)
    assert all(after.details["first"] == one.details["last"] + 1 for one, after in pairwise(told))
    assert {one.details["reason"] for one in told if one.details["excluded"]} == {"two sources agree"}


def _until(condition):
    until = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.05)
