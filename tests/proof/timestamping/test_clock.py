"""A reading says whether it may be stamped; the compared clock makes one from what its sources say."""

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from emarge.proof.timestamping.clock import SAMPLES, Change, ComparedClock, Reading, SystemClock, declared, stamp
from emarge.proof.timestamping.comparison import ClockState, Schedule, Verdict
from emarge.proof.timestamping.quorum import Interval
from emarge.proof.timestamping.sources import Instant, Observation, SourceSilent, Watched
from emarge.proof.timestamping.tokens import DEMO_POLICY, QUORUM_POLICY

MS, SECOND = 1_000_000, 1_000_000_000
START = 1_795_422_600 * SECOND + 250 * MS  # the instant of the fixture `now`


def test_the_system_clock_is_declared_under_the_demo_policy():
    before = datetime.now(UTC)
    reading = SystemClock().read()
    assert before <= reading.at <= datetime.now(UTC)
    assert reading == Reading(
        reading.at,
        timedelta(milliseconds=500),
        ("system clock (declared)",),
        ClockState.IN_SYNC,
        DEMO_POLICY,
        timedelta(seconds=1),
        Verdict.DECLARED,
    )


@pytest.mark.parametrize(
    ("state", "fit"),
    [
        (ClockState.IN_SYNC, True),
        (ClockState.SOON_OUT_OF_SYNC, True),
        (ClockState.OUT_OF_SYNC, False),
        (ClockState.UNKNOWN, False),
    ],
)
def test_a_reading_is_fit_while_its_state_is_good(now, state, fit):
    assert replace(declared(now), state=state).fit is fit


def test_a_reading_is_unfit_beyond_a_second(now):
    assert declared(now, timedelta(seconds=1)).fit is True
    assert declared(now, timedelta(seconds=1, microseconds=1)).fit is False


class Said:
    """An external source that says what the test tells it."""

    pause = 0.0

    def __init__(self, name):
        self.name, self.address = name, f"address of {name}"
        self.closed = False

    def observe(self):
        raise SourceSilent(f"{self.name} says nothing.")

    def close(self):
        self.closed = True


class Driven:
    """A clock whose instants and observations the test gives, with no thread."""

    def __init__(self, samples=(), **schedule):
        self.at = Instant(10 * SECOND, START)
        self.changes, self.kept = [], []
        self.clock = ComparedClock(
            [Said("gps"), Said("internet")],
            Schedule(**schedule),
            on_change=self.changes.append,
            samples=samples,
            on_sample=self.kept.append,
            now=lambda: self.at,
        )
        self.lies = {"gps": 0, "internet": 0}

    def pass_by(self, nanoseconds):
        self.at = Instant(self.at.raw + nanoseconds, self.at.system + nanoseconds)

    def rounds(self, count):
        for _ in range(count):
            self.pass_by(SECOND)
            for watch in self.clock._watches:
                says = self.at.system + self.lies[watch.source.name]
                observation = Observation(self.at.raw, Interval(says - 7 * MS, says + 9 * MS))
                watch._watched = Watched(observation, None)
            self.clock.compare()
        return self.clock.read()


@pytest.fixture
def driven():
    return Driven()


def test_a_reading_is_the_middle_of_the_interval_and_half_its_width(driven, now):
    assert driven.rounds(3) == Reading(
        now + timedelta(seconds=3, milliseconds=1),
        # Half of 16 ms, three rounds of which the first two carried the quartz into it, rounded up to one microsecond.
        timedelta(milliseconds=8, microseconds=1),
        ("gps", "internet", "quartz"),
        ClockState.IN_SYNC,
        QUORUM_POLICY,
        timedelta(milliseconds=100),
        Verdict.AGREED,
    )


def test_between_rounds_the_quartz_carries_the_reading(driven, now):
    driven.rounds(3)
    driven.pass_by(2 * SECOND)
    reading = driven.clock.read()
    assert reading.at == now + timedelta(seconds=5, milliseconds=1)
    assert reading.bound == timedelta(milliseconds=8, microseconds=101)


def test_before_the_first_round_nothing_is_known(driven, now):
    reading = driven.clock.read()
    assert (reading.state, reading.bound, reading.fit) == (ClockState.UNKNOWN, timedelta.max, False)
    assert driven.clock.describe()["comparison"] is None
    assert driven.changes == []


def test_each_change_is_told_once_in_order(driven, now):
    driven.rounds(5)
    driven.lies["gps"] = 3 * SECOND
    driven.rounds(5)
    driven.pass_by(60 * SECOND)
    driven.clock.read()
    driven.clock.read()
    assert driven.changes == [
        Change(now + timedelta(seconds=1), ClockState.UNKNOWN, ClockState.UNKNOWN, Verdict.RETURNING, ()),
        Change(now + timedelta(seconds=3), ClockState.UNKNOWN, ClockState.IN_SYNC, Verdict.AGREED, ()),
        Change(now + timedelta(seconds=6), ClockState.IN_SYNC, ClockState.IN_SYNC, Verdict.AGREED, ("gps",)),
        Change(now + timedelta(seconds=70), ClockState.IN_SYNC, ClockState.UNKNOWN, Verdict.NOT_REFRESHED, ("gps",)),
    ]


def test_who_cannot_be_told_does_not_stop_the_clock(caplog):
    def full(change):
        raise OSError(28, "No space left on device")

    driven = Driven()
    driven.clock._on_change = full
    assert driven.rounds(3).fit is True
    assert [record.message for record in caplog.records] == ["a change of the clock's state was not taken"] * 2


def test_it_describes_what_was_compared(driven):
    driven.rounds(3)
    driven.lies["internet"] = -3 * SECOND
    driven.rounds(1)
    described = driven.clock.describe()
    agreed = [-7.05, 9.05]
    compared = {
        "at": "2026-11-23T08:30:04.250000Z",
        "verdict": "two sources agree",
        "agreed_ms": [-7.0, 9.0],
        "intervals_ms": {"gps": [-7.0, 9.0], "internet": [-3007.0, -2991.0], "quartz": agreed},
        "excluded": ["internet"],
    }
    assert described["comparison"] == compared | {"good_rounds": 3}
    assert described["sources"] == [
        {
            "name": "gps",
            "address": "address of gps",
            "fault": None,
            "state": "heard",
            "earliest_ms": -7.0,
            "latest_ms": 9.0,
        },
        {
            "name": "internet",
            "address": "address of internet",
            "fault": None,
            "state": "excluded",
            "earliest_ms": -3007.0,
            "latest_ms": -2991.0,
        },
        {
            "name": "quartz",
            "address": None,
            "fault": None,
            "state": "heard",
            "earliest_ms": agreed[0],
            "latest_ms": agreed[1],
        },
    ]


def test_silent_and_imprecise_sources_are_described_as_such():
    driven = Driven(accuracy=timedelta(milliseconds=5))
    driven.rounds(1)
    assert [one["state"] for one in driven.clock.describe()["sources"]] == ["imprecise", "imprecise", "expired"]
    driven.pass_by(6 * SECOND)
    driven.clock.compare()
    assert [one["state"] for one in driven.clock.describe()["sources"]] == ["silent", "silent", "expired"]


def test_a_day_is_sampled_every_five_minutes(driven):
    driven.rounds(601)
    samples = driven.clock.describe()["samples"]
    assert [sample["at"] for sample in samples] == [
        "2026-11-23T08:30:01.250000Z",
        "2026-11-23T08:35:01.250000Z",
        "2026-11-23T08:40:01.250000Z",
    ]
    assert [sample["state"] for sample in samples] == ["unknown", "in sync", "in sync"]
    assert SAMPLES == 288
    assert [len(each) for each in driven.kept] == [1, 2, 3]
    assert driven.kept[-1] == samples
    assert Driven(samples).clock.describe()["samples"] == samples


def test_it_says_until_when_the_quartz_alone_would_carry_the_time(driven, now):
    assert driven.clock.describe()["until"] is None
    driven.rounds(2)
    assert driven.clock.describe()["until"] is None
    driven.rounds(1)
    # 8 ms, widened by 50 ppm, are 100 ms after 1,840 s: before the hour of the hold-over is over.
    assert driven.clock.describe()["until"] == stamp(now + timedelta(seconds=3 + 1840))
    wide = Driven(accuracy=timedelta(milliseconds=500))
    wide.rounds(3)
    assert wide.clock.describe()["until"] == stamp(now + timedelta(seconds=3, hours=1))
    precise = Driven(accuracy=timedelta(milliseconds=10))
    precise.rounds(3)
    assert precise.clock.describe()["until"] == stamp(now + timedelta(seconds=3 + 40))


def test_the_system_clock_describes_itself_as_declared():
    source = {"name": "system clock", "address": None, "state": "declared", "fault": None}
    assert SystemClock().describe() == {
        "sources": [source | {"earliest_ms": None, "latest_ms": None}],
        "comparison": None,
        "until": None,
        "samples": [],
    }


def test_a_source_that_hangs_stops_neither_the_others_nor_the_end():
    class Hanging(Said):
        def observe(self):
            hung.set()
            released.wait(60)
            raise SourceSilent("It was released.")

    hung, released = threading.Event(), threading.Event()
    quick = Schedule(period=timedelta(milliseconds=5))
    broken = Said("internet")
    broken.observe = lambda: 1 / 0
    with ComparedClock([Hanging("gps"), broken], quick, on_change=lambda _: None) as clock:
        assert hung.wait(30)
        while clock.read().reason != Verdict.NO_QUORUM or not clock._watches[1].last.fault.startswith("It failed"):
            pass
        assert [one["fault"] for one in clock.describe()["sources"]] == [
            "It has not spoken yet.",
            "It failed; the log says how.",
            None,
        ]
    released.set()
