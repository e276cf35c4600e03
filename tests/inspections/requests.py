"""Steps of a request that several tests walk through."""

from datetime import date, timedelta

from emarge.inspections import actions
from tests.cast import NOON, School

ASKED_AT = NOON + timedelta(days=1)


def ask(school: School, *, by=None, at=ASKED_AT, **changes):
    """The secretary enters a request for the day of the class meeting."""
    facts = {
        "inspector": "OPCO Atlas",
        "reference": "ATL-2026/0042",
        "reason": "Service delivery check",
        "period_from": date(2026, 11, 23),
        "period_to": date(2026, 11, 23),
        "student": None,
        "language": "en",
    }
    return actions.request_trail(school.base, **{**facts, **changes}, by=by or school.secretary, at=at)


def ask_and_approve(school: School, **changes):
    request = ask(school, **changes)
    return actions.approve(request, by=school.director, at=ASKED_AT + timedelta(minutes=5))
