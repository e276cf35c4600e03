from datetime import timedelta

import pytest

from emarge.attendance import actions
from emarge.attendance.anomalies import Kind
from emarge.attendance.anomaly_queries import anomalies_of_meeting
from emarge.attendance.models import ReviewedAnomaly
from emarge.attendance.tickets import Trace
from emarge.lib.refusal import Refused
from emarge.proof.evidence import records
from tests.attendance.journey import events, last_event, line_of, open_the_sign_in, opened, sign
from tests.cast import TEN

NETWORK = "b" * 32
SOON = TEN + timedelta(minutes=5)


@pytest.fixture
def roll_call(school):
    """Alice and Bao signed on one phone."""
    roll_call = open_the_sign_in(school)
    for name in ("alice", "bao"):
        sign(school, roll_call, name, trace=Trace("a" * 32, NETWORK, name * 4))
    return roll_call


def review(school, roll_call, **changes):
    anomaly = anomalies_of_meeting(roll_call)[0].anomaly
    facts = {"evidence": anomaly.evidence, "by": school.secretary, "note": " Borrowed a phone. ", "at": SOON}
    line = line_of(roll_call, school, "alice")
    return actions.review_anomaly(line, changes.pop("kind", anomaly.kind), **{**facts, **changes})


def test_a_review_is_recorded_with_its_note_sealed(school, roll_call):
    reviewed = review(school, roll_call)
    event = last_event()
    record = records.parse(bytes(event.record))
    assert (record.event, record.details, record.actor.role) == (
        "anomaly.reviewed",
        {"anomaly": "shared_device"},
        "staff",
    )
    assert (event.subject, opened(event)["note"]) == (reviewed.uuid, "Borrowed a phone.")
    assert b"Borrowed" not in bytes(event.record)


def test_only_that_anomaly_of_that_student_counts_as_reviewed(school, roll_call):
    reviewed = review(school, roll_call)
    assert [one.reviewed for one in anomalies_of_meeting(roll_call)] == [reviewed, None]


def test_again_changes_nothing(school, roll_call):
    first, count = review(school, roll_call), len(events())
    assert review(school, roll_call, note="Another", at=SOON + timedelta(hours=1)) == first
    assert (len(events()), ReviewedAnomaly.objects.get().note) == (count, "Borrowed a phone.")


def test_it_opens_again_when_another_student_joins(school, roll_call):
    review(school, roll_call)
    dan = line_of(roll_call, school, "dan")
    dan.expected = True
    dan.save()
    sign(school, roll_call, "dan", trace=Trace("a" * 32, NETWORK, "dan" * 4))
    assert [one.reviewed for one in anomalies_of_meeting(roll_call)] == [None, None, None]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"note": "  "}, "note_missing"),
        ({"note": "x" * 501}, "reason_too_long"),
        ({"evidence": "0" * 16}, "anomaly_changed"),
        ({"kind": Kind.RELAYED}, "anomaly_changed"),
    ],
)
def test_a_refusal_leaves_nothing(school, roll_call, changes, code):
    before = events()
    with pytest.raises(Refused) as refusal:
        review(school, roll_call, **changes)
    assert (refusal.value.code, events(), ReviewedAnomaly.objects.count()) == (code, before, 0)


def test_whoever_does_not_supervise_may_not(school, roll_call):
    with pytest.raises(Refused) as refusal:
        review(school, roll_call, by=school.teacher.user)
    assert refusal.value.code == "no_right"
