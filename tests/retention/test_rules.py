from datetime import UTC, date, datetime

import pytest

from emarge.retention import rules
from emarge.retention.rules import Refusal


@pytest.mark.parametrize(("years", "days"), [(5, 1827), (6, 2192), (10, 3653), (50, 18263)])
def test_years_in_days_never_fall_short(years, days):
    assert rules.days_of(years) == days


def test_what_was_certified_before_the_end_is_old_enough_at_any_hour():
    late, early = datetime(2026, 11, 23, 23, 59, tzinfo=UTC), datetime(2026, 11, 23, 0, 0, tzinfo=UTC)
    assert (rules.ends_before(late, 5), rules.ends_before(early, 5)) == (date(2021, 11, 22), date(2021, 11, 22))


@pytest.mark.parametrize(
    ("years", "now", "refusal"),
    [
        (5, 5, None),
        (10, 6, None),
        (6, 10, Refusal.YEARS_LOWERED),
        (4, 5, Refusal.YEARS_OUT_OF_RANGE),
        (51, 5, Refusal.YEARS_OUT_OF_RANGE),
        (50, 49, None),
    ],
)
def test_a_period_is_only_raised(years, now, refusal):
    assert rules.why_not_set(years=years, now=now) is refusal


@pytest.mark.parametrize(("years", "short"), [(5, True), (6, False), (10, False)])
def test_less_than_six_years_is_less_than_funders_ask(years, short):
    assert rules.shorter_than_funders_ask(years) is short


DAY = date(2021, 11, 22)
DESTROY = {"before": DAY, "end": DAY, "held": False, "count": 1, "asked": False}
ERASE = {"held": False, "runs": False, "acknowledged": False, "asked": False}


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({}, None),
        ({"held": True}, Refusal.HELD),
        ({"before": date(2021, 11, 23)}, Refusal.NOT_AT_ITS_END),
        ({"count": 0}, Refusal.NOTHING_AT_ITS_END),
        ({"asked": True}, Refusal.ALREADY_ASKED),
    ],
)
def test_why_not_destroy(changes, refusal):
    assert rules.why_not_destroy(**{**DESTROY, **changes}) is refusal


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({}, None),
        ({"held": True, "acknowledged": True}, Refusal.HELD),
        ({"asked": True}, Refusal.ALREADY_ASKED),
        ({"runs": True}, Refusal.RETENTION_RUNS),
        ({"runs": True, "acknowledged": True}, None),
    ],
)
def test_why_not_erase(changes, refusal):
    assert rules.why_not_erase(**{**ERASE, **changes}) is refusal


@pytest.mark.parametrize(
    ("to", "refused"), [(date(2031, 11, 24), False), (date(2032, 6, 1), True), (date(2021, 1, 1), True)]
)
def test_the_period_of_a_history(to, refused):
    assert (rules.why_not_consult(period_from=DAY, period_to=to) is Refusal.PERIOD_TOO_LONG) is refused
