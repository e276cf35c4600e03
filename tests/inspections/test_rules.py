from datetime import date

import pytest

from emarge.inspections import rules
from emarge.inspections.rules import Refusal, RequestState

DAY = date(2026, 11, 23)
GOOD = {
    "inspector": "OPCO",
    "reference": "R-1",
    "reason": "control",
    "period_from": DAY,
    "period_to": DAY,
    "today": DAY,
}


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({}, None),
        ({"inspector": " "}, Refusal.INSPECTOR_MISSING),
        ({"reference": ""}, Refusal.REFERENCE_MISSING),
        ({"reason": "\n"}, Refusal.REASON_MISSING),
        ({"inspector": "x" * 201}, Refusal.TOO_LONG),
        ({"reference": "x" * 101}, Refusal.TOO_LONG),
        ({"reason": "x" * 501}, Refusal.TOO_LONG),
        ({"period_to": date(2026, 11, 22)}, Refusal.PERIOD_REVERSED),
        ({"period_from": date(2026, 11, 24), "period_to": date(2026, 11, 24)}, Refusal.PERIOD_IN_FUTURE),
        ({"period_to": date(2027, 6, 30)}, None),
        ({"period_from": date(2020, 11, 24)}, None),
        ({"period_from": date(2020, 11, 17)}, Refusal.PERIOD_TOO_LONG),
    ],
)
def test_why_not_request(changes, refusal):
    assert rules.why_not_request(**{**GOOD, **changes}) is refusal


@pytest.mark.parametrize(
    ("state", "same_person", "refusal"),
    [
        (RequestState.REQUESTED, False, None),
        (RequestState.REQUESTED, True, Refusal.SAME_PERSON),
        (RequestState.APPROVED, False, Refusal.ALREADY_DECIDED),
        (RequestState.REFUSED, True, Refusal.ALREADY_DECIDED),
        (RequestState.PRODUCED, False, Refusal.ALREADY_DECIDED),
    ],
)
def test_why_not_decide(state, same_person, refusal):
    assert rules.why_not_decide(state=state, same_person=same_person) is refusal


@pytest.mark.parametrize(
    ("reason", "refusal"),
    [("incomplete", None), (" ", Refusal.REASON_MISSING), ("x" * 501, Refusal.TOO_LONG)],
)
def test_why_not_refuse(reason, refusal):
    assert rules.why_not_refuse(state=RequestState.REQUESTED, same_person=False, reason=reason) is refusal


def test_why_not_refuse_says_first_who_may_not():
    refusal = rules.why_not_refuse(state=RequestState.REQUESTED, same_person=True, reason="")
    assert refusal is Refusal.SAME_PERSON


def test_what_may_be_produced_and_downloaded():
    assert {state: rules.why_not_produce(state=state) for state in RequestState} == {
        RequestState.REQUESTED: Refusal.NOT_APPROVED,
        RequestState.APPROVED: None,
        RequestState.REFUSED: Refusal.NOT_APPROVED,
        RequestState.PRODUCED: None,
    }
    assert {state: rules.why_not_download(state=state) for state in RequestState} == {
        RequestState.REQUESTED: Refusal.NOT_PRODUCED,
        RequestState.APPROVED: Refusal.NOT_PRODUCED,
        RequestState.REFUSED: Refusal.NOT_PRODUCED,
        RequestState.PRODUCED: None,
    }
