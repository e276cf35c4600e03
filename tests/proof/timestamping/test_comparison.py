"""Every rule for stopping and for coming back, in a world whose clocks the test moves."""

import random
from datetime import timedelta

import pytest

from emarge.proof.timestamping.comparison import ClockState, Comparator, Schedule, Verdict
from emarge.proof.timestamping.quorum import Interval
from emarge.proof.timestamping.sources import Instant, Observation

MS, SECOND = 1_000_000, 1_000_000_000
START = 1_800_000_000 * SECOND
IN_SYNC, SOON, OUT, UNKNOWN = ClockState


class World:
    """True time passes; the quartz and the system clock follow it, each source says it as the test wants."""

    def __init__(self, **schedule):
        self.comparator = Comparator(Schedule(**schedule))
        self.passed = 0
        self.system_error = 0
        self.quartz_ppm = 0
        self.lies = {"gps": 0, "internet": 0}
        self.widths = {"gps": 20 * MS, "internet": 10 * MS}
        self.silent = set()
        self.said = {}

    @property
    def truth(self):
        return START + self.passed

    @property
    def at(self):
        raw = self.passed + self.passed * self.quartz_ppm // 1_000_000
        return Instant(raw, self.truth + self.system_error)

    def wait(self, seconds):
        self.passed += round(seconds * SECOND)

    def round(self, *, after=1.0):
        self.wait(after)
        for name, lie in self.lies.items():
            if name not in self.silent:
                says, width = self.truth + lie, self.widths[name]
                self.said[name] = Observation(self.at.raw, Interval(says - width, says + width))
        self.comparator.compare(self.at, self.said)
        return self.standing

    def rounds(self, count, **given):
        return [(standing.state, standing.verdict) for standing in (self.round(**given) for _ in range(count))]

    @property
    def standing(self):
        return self.comparator.standing(self.at)

    @property
    def shown(self):
        standing = self.standing
        return standing.state, standing.verdict, standing.excluded


@pytest.fixture
def world():
    """A clock that three good rounds have let in."""
    made = World()
    made.rounds(3)
    assert made.shown == (IN_SYNC, Verdict.AGREED, ())
    return made


def comes_back(world, state=OUT):
    """Three good rounds, not two."""
    assert world.rounds(3) == [(state, Verdict.RETURNING)] * 2 + [(IN_SYNC, Verdict.AGREED)]
    assert world.standing.interval.holds(world.truth)


def test_nothing_is_known_before_the_first_round():
    world = World()
    assert world.shown == (UNKNOWN, Verdict.NOT_REFRESHED, ())
    assert world.standing.interval is None


def test_it_starts_with_three_good_rounds():
    comes_back(World(), UNKNOWN)


def test_one_external_alone_cannot_start_it():
    world = World()
    world.silent = {"gps"}
    assert world.rounds(5) == [(UNKNOWN, Verdict.NO_QUORUM)] * 5


def test_a_start_that_is_interrupted_begins_again():
    world = World()
    world.rounds(2)
    world.lies = {"gps": 3 * SECOND, "internet": -3 * SECOND}
    assert world.rounds(1) == [(UNKNOWN, Verdict.NO_QUORUM)]
    world.lies = {"gps": 0, "internet": 0}
    comes_back(world, UNKNOWN)


def test_an_unconfirmed_quartz_does_not_outlive_a_bad_round():
    world = World()
    world.lies = {"gps": 3 * SECOND, "internet": 3 * SECOND}
    world.system_error = 3 * SECOND
    world.round()
    world.lies = {"gps": 0, "internet": 0}
    world.system_error = 0
    assert world.rounds(1) == [(UNKNOWN, Verdict.STEPPED)]
    comes_back(world, UNKNOWN)


@pytest.mark.parametrize("liar", ["gps", "internet"])
@pytest.mark.parametrize("lie", [3 * SECOND, -3 * SECOND])
def test_one_liar_is_excluded_and_named(world, liar, lie):
    world.lies[liar] = lie
    for _ in range(100):
        world.round()
        assert world.shown == (IN_SYNC, Verdict.AGREED, (liar,))
        assert world.standing.interval.holds(world.truth)
    world.lies[liar] = 0
    world.round()
    assert world.shown == (IN_SYNC, Verdict.AGREED, ())


def test_two_that_lie_together_are_stopped_by_the_quartz(world):
    world.lies = {"gps": 3 * SECOND, "internet": 3 * SECOND}
    world.round()
    assert world.shown == (OUT, Verdict.QUARTZ_DISSENTS, ("quartz",))
    world.rounds(100)
    assert world.shown == (OUT, Verdict.QUARTZ_DISSENTS, ("quartz",))
    world.lies = {"gps": 0, "internet": 0}
    comes_back(world)


def test_two_that_lie_apart_leave_no_quorum(world):
    world.lies = {"gps": 3 * SECOND, "internet": -3 * SECOND}
    assert world.rounds(2) == [(OUT, Verdict.NO_QUORUM)] * 2
    world.lies = {"gps": 0, "internet": 0}
    comes_back(world)


def test_one_silent_the_other_lying_leaves_no_quorum(world):
    world.silent = {"gps"}
    world.lies["internet"] = 3 * SECOND
    world.rounds(10)
    assert world.shown == (OUT, Verdict.NO_QUORUM, ())


def test_one_silent_is_no_harm(world):
    world.silent = {"gps"}
    assert world.rounds(600) == [(IN_SYNC, Verdict.AGREED)] * 600
    assert set(world.comparator.last.intervals) == {"internet", "quartz"}


def test_silence_on_the_designed_schedule():
    world = World(hold_over=timedelta(seconds=60), fresh=timedelta(seconds=5))
    world.rounds(3)
    world.silent = {"gps", "internet"}
    seen = world.rounds(70)
    # Five seconds while their last words count, then the quartz from the last agreement on, then nothing.
    assert seen == (
        [(IN_SYNC, Verdict.AGREED)] * 5 + [(SOON, Verdict.HOLD_OVER)] * 60 + [(OUT, Verdict.HOLD_OVER_ENDED)] * 5
    )
    world.silent = set()
    comes_back(world)


def test_hold_over_ends_when_the_quartz_is_wider_than_the_declared_accuracy():
    world = World(accuracy=timedelta(milliseconds=21))
    world.rounds(3)
    world.silent = {"gps", "internet"}
    narrow = world.standing.interval.half_width
    seen = world.rounds(300)
    # 50 ppm of a second is 0.05 ms: so many more rounds until 21 ms.
    lasted = seen.index((OUT, Verdict.HOLD_OVER_ENDED))
    last_agreed = seen.count((IN_SYNC, Verdict.AGREED))
    assert lasted - last_agreed == pytest.approx((21 * MS - narrow) / (MS / 20), abs=10)
    assert set(seen[lasted:]) == {(OUT, Verdict.HOLD_OVER_ENDED)}


def test_hold_over_that_ends_between_two_rounds_is_seen_by_a_reading():
    world = World(hold_over=timedelta(seconds=20))
    world.rounds(3)
    world.silent = {"gps", "internet"}
    world.rounds(25)
    assert world.standing.state is SOON
    world.wait(0.5)
    assert world.shown == (OUT, Verdict.HOLD_OVER_ENDED, ())


def test_silence_is_no_way_back(world):
    world.lies = {"gps": 3 * SECOND, "internet": -3 * SECOND}
    world.round()
    world.silent = {"gps", "internet"}
    states = {state for state, _ in world.rounds(60)}
    assert states == {OUT}


def test_silence_in_between_is_no_good_round():
    world = World(fresh=timedelta(0))
    world.rounds(3)
    world.lies = {"gps": 3 * SECOND, "internet": -3 * SECOND}
    world.round()
    world.lies = {"gps": 0, "internet": 0}
    assert world.rounds(2) == [(OUT, Verdict.RETURNING)] * 2
    world.silent = {"gps", "internet"}
    assert world.rounds(1) == [(OUT, Verdict.RETURNING)]
    world.silent = set()
    comes_back(world)


def test_after_hold_over_one_round_of_liars_is_forgotten():
    world = World(hold_over=timedelta(seconds=20))
    world.rounds(3)
    world.silent = {"gps", "internet"}
    world.rounds(30)
    world.silent = set()
    world.lies = {"gps": 3 * SECOND, "internet": 3 * SECOND}
    assert world.rounds(1) == [(OUT, Verdict.OUTSIDE)]
    world.lies = {"gps": 0, "internet": 0}
    assert world.rounds(1) == [(OUT, Verdict.QUARTZ_DISSENTS)]
    comes_back(world)


@pytest.mark.parametrize("error", [40 * MS, -40 * MS])
def test_a_system_clock_outside_the_interval(error):
    world = World()
    world.system_error = error
    assert world.rounds(4) == [(UNKNOWN, Verdict.OUTSIDE)] * 4


def test_a_system_clock_that_drifts_out_of_the_interval_stops_it(world):
    for _ in range(10):
        world.system_error += 9 * MS
        world.round()
    assert world.shown == (OUT, Verdict.OUTSIDE, ())
    world.system_error = 0
    assert world.rounds(1) == [(OUT, Verdict.STEPPED)]
    comes_back(world)


@pytest.mark.parametrize("step", [15 * MS, -15 * MS, 3600 * SECOND, -SECOND])
def test_a_step_is_seen_at_once_even_between_rounds(world, step):
    world.wait(0.1)
    assert world.standing.state is IN_SYNC
    world.system_error = step
    assert world.shown == (OUT, Verdict.STEPPED, ())
    # Whether or not it is set right before the next round, three good ones are needed.
    world.system_error = 0
    assert world.standing.state is OUT
    comes_back(world)


def test_a_step_that_stays_is_outside(world):
    world.system_error = SECOND
    assert world.rounds(3) == [(OUT, Verdict.STEPPED), (OUT, Verdict.OUTSIDE), (OUT, Verdict.OUTSIDE)]


@pytest.mark.parametrize("ppm", [500, -500])
def test_a_slew_is_no_step(world, ppm):
    for _ in range(20):
        world.system_error += ppm * 1000
        world.round()
        assert world.standing.state is IN_SYNC


@pytest.mark.parametrize("ppm", [45, -45])
def test_the_true_time_stays_inside_however_the_quartz_drifts(world, ppm):
    world = World()
    world.quartz_ppm = ppm
    world.rounds(3)
    world.lies["gps"] = 3 * SECOND
    world.rounds(300)
    assert world.standing.interval.holds(world.truth)
    world.silent = {"gps", "internet"}
    world.rounds(600)
    assert world.standing.state is SOON
    assert world.standing.interval.holds(world.truth)


def test_a_time_that_grows_too_wide_between_rounds_stops_it():
    world = World(accuracy=timedelta(milliseconds=20))
    world.widths = {"gps": 20 * MS - 1000, "internet": 20 * MS - 1000}
    world.rounds(3)
    assert world.standing.state is IN_SYNC
    world.wait(0.5)
    assert world.shown == (OUT, Verdict.TOO_WIDE, ())


def test_a_time_that_is_too_wide_is_not_certified():
    world = World()
    world.widths = {"gps": 101 * MS, "internet": 101 * MS}
    assert world.rounds(5) == [(UNKNOWN, Verdict.TOO_WIDE)] * 5


def test_a_quartz_that_grew_too_wide_leaves_two_that_hardly_meet_alone(world):
    # They agree at their edges alone, so what may be true grows with the quartz until it may no longer.
    world.widths = {"gps": 90 * MS, "internet": 90 * MS}
    world.lies = {"gps": 70 * MS, "internet": -70 * MS}
    seen = world.rounds(3000)
    stopped = seen.index((OUT, Verdict.TOO_WIDE))
    assert set(seen[:stopped]) == {(IN_SYNC, Verdict.AGREED)}
    assert set(seen[stopped:]) == {(OUT, Verdict.TOO_WIDE)}


def test_at_the_start_the_true_time_is_wherever_one_of_the_two_says():
    # They meet, but one lies: the true time is in the other, not where they meet.
    world = World()
    world.lies["gps"] = 25 * MS
    world.rounds(3)
    assert world.comparator.last.agreed.holds(world.truth - 9 * MS)
    assert world.comparator.last.agreed.holds(world.truth + 44 * MS)


@pytest.mark.parametrize("seed", range(40))
def test_with_one_fault_at_a_time_what_is_certified_holds_the_true_time(seed):
    """A fault: one external source says anything, or any of them say nothing. The quartz drifts as it may."""
    chance = random.Random(seed)
    world = World(fresh=timedelta(0), hold_over=timedelta(seconds=120))
    world.quartz_ppm = chance.randint(-49, 49)
    certified = 0
    fault, until = None, 0
    for number in range(600):
        if number >= until:
            fault = chance.choice([None, None, "lie", "lie", "silence"])
            who, until = chance.choice(["gps", "internet"]), number + chance.randint(1, 60)
            lie = round(chance.choice((-1, 1)) * 10 ** chance.uniform(5, 10))
        world.widths = {name: round(chance.uniform(1, 60) * MS) for name in world.lies}
        world.lies = {name: round(chance.uniform(-1, 1) * world.widths[name]) for name in world.lies}
        world.silent = set()
        if fault == "lie":
            world.lies[who] = lie
        elif fault == "silence":
            world.silent = {who, chance.choice(["gps", "internet"])}
        world.said = {}
        standing = world.round(after=chance.uniform(0.5, 3))
        if standing.state in {IN_SYNC, SOON}:
            certified += 1
            assert standing.interval.holds(world.truth), (number, fault)
    assert certified > 50


def test_a_source_wider_than_the_declared_accuracy_is_not_heard(world):
    world.widths["gps"] = 101 * MS
    world.rounds(5)
    assert world.comparator.last.imprecise == ("gps",)
    assert set(world.comparator.last.intervals) == {"internet", "quartz"}
    assert world.standing.state is IN_SYNC


def test_a_comparison_that_stops_expires(world):
    world.wait(10)
    assert world.standing.state is IN_SYNC
    world.wait(0.1)
    assert world.shown == (UNKNOWN, Verdict.NOT_REFRESHED, ())
    comes_back(world)


def test_a_comparison_that_stopped_unseen_needs_three_good_rounds_too(world):
    world.wait(60)
    comes_back(world)


def test_a_leap_second_that_both_take_stops_until_the_quartz_expires():
    world = World(hold_over=timedelta(seconds=30))
    world.rounds(3)
    # Inserted: UTC falls back by one second, and so do the sources and the system clock; the quartz does not know.
    world.lies = {"gps": -SECOND, "internet": -SECOND}
    world.system_error = -SECOND
    seen = world.rounds(40)
    assert seen[0] == (OUT, Verdict.STEPPED)
    assert set(seen[1:30]) == {(OUT, Verdict.QUARTZ_DISSENTS)}
    assert seen[-1] == (IN_SYNC, Verdict.AGREED)


def test_a_leap_second_that_one_takes_makes_it_a_liar(world):
    world.lies["internet"] = -SECOND
    world.round()
    assert world.shown == (IN_SYNC, Verdict.AGREED, ("internet",))
