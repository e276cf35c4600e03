"""M(f): which points enough sources cover. The true time is always among them when one lies, whatever it says."""

import random
import sys

import pytest

from emarge.proof.timestamping.quorum import Agreement, Interval, agree

# `python -m tests.proof.timestamping.test_quorum` tries this many; the suite tries fewer.
MANY, SOME = 300_000, 30_000
SECOND = 1_000_000_000


def of_three(**intervals):
    return agree({name: Interval(*ends) for name, ends in intervals.items()}, sources=3, faulty=1)


@pytest.mark.parametrize(
    ("intervals", "interval", "excluded"),
    [
        ({"a": (0, 10), "b": (2, 12), "c": (4, 14)}, (2, 12), ()),
        ({"a": (0, 10), "b": (2, 12), "c": (30, 40)}, (2, 10), ("c",)),
        ({"a": (-40, -30), "b": (2, 12), "c": (4, 14)}, (4, 12), ("a",)),
        ({"a": (0, 100), "b": (10, 90), "c": (40, 50)}, (10, 90), ()),
        # Two that do not meet, and one that meets both: nobody knows which of the two lies, so both stay.
        ({"a": (0, 10), "b": (20, 30), "c": (9, 21)}, (9, 21), ()),
        ({"a": (0, 10), "b": (10, 20)}, (10, 10), ()),
        ({"a": (5, 5), "b": (0, 20), "c": (7, 7)}, (5, 7), ()),
        # An interval that ends before it begins covers nothing.
        ({"a": (0, 10), "b": (2, 12), "c": (8, 5)}, (2, 10), ()),
    ],
)
def test_the_smallest_interval_of_what_two_of_three_cover(intervals, interval, excluded):
    assert of_three(**intervals) == Agreement(Interval(*interval), excluded)


@pytest.mark.parametrize(
    "intervals",
    [{}, {"a": (0, 10)}, {"a": (0, 10), "b": (11, 20)}, {"a": (0, 10), "b": (20, 30), "c": (40, 50)}],
)
def test_no_two_of_three_agree(intervals):
    assert of_three(**intervals) is None


def test_other_numbers_of_sources():
    four = {name: Interval(*ends) for name, ends in {"a": (0, 10), "b": (5, 15), "c": (8, 20), "d": (90, 99)}.items()}
    assert agree(four, sources=4, faulty=1) == Agreement(Interval(8, 10), ("d",))
    assert agree(four, sources=4, faulty=2) == Agreement(Interval(5, 15), ("d",))
    assert agree(four, sources=4, faulty=0) is None


def test_what_an_interval_says():
    interval = Interval(10, 15)
    assert (interval.middle, interval.half_width) == (12, 3)
    assert [interval.holds(instant) for instant in (9, 10, 15, 16)] == [False, True, True, False]
    assert interval.carried(100, 2) == Interval(108, 117)


def outcome_of_one_random_quorum(source):
    """Whether the true time is inside, in a quorum of two honest sources and one that says anything, or nothing."""
    truth = source.randrange(10**18, 2 * 10**18)
    intervals = {}
    for name in ("gps", "internet"):
        left, right = (int(SECOND * 10 ** source.uniform(-6, 0)) for _ in "lr")
        intervals[name] = Interval(truth - source.randrange(left + 1), truth + source.randrange(right + 1))
    # A liar who knows the truth and the others' words: far or near, wide or narrow, touching them or not.
    ends = [truth, *(end for one in intervals.values() for end in one)]
    start = source.choice(ends) + int(source.choice((-1, 0, 1)) * SECOND * 10 ** source.uniform(-9, 1))
    if source.random() < 0.97:
        intervals["quartz"] = Interval(start, start + int(SECOND * 10 ** source.uniform(-9, 1)) - 1)
    order = source.sample(sorted(intervals), len(intervals))
    agreement = agree({name: intervals[name] for name in order}, sources=3, faulty=1)
    honest = [name for name in ("gps", "internet") if agreement is None or name in agreement.excluded]
    return agreement is not None and agreement.interval.holds(truth) and honest == []


def test_one_liar_never_moves_the_interval_off_the_true_time():
    source = random.Random(20261123)
    assert sum(outcome_of_one_random_quorum(source) for _ in range(SOME)) == SOME


if __name__ == "__main__":
    seeded = random.Random(20261123)
    inside = sum(outcome_of_one_random_quorum(seeded) for _ in range(MANY))
    sys.exit(None if inside == MANY else f"{MANY - inside} of {MANY} random quorums lost the true time")
