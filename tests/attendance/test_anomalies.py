"""The rules of docs/formats/anomalies.md, each at its threshold."""

from dataclasses import replace
from datetime import date, timedelta
from uuid import UUID

import pytest

from emarge.attendance.anomalies import DEVIATIONS, GROUP, LEAST_DEVIATION, Act, Called, Kind, find
from tests.cast import NOON, TEN

SECOND = timedelta(seconds=1)
HERE, THERE = UUID(int=1), UUID(int=2)
DAY = date(2026, 11, 23)
MEETINGS = {
    HERE: Called(HERE, DAY, TEN, NOON, TEN, grace=15 * SECOND),
    THERE: Called(THERE, DAY, TEN + timedelta(hours=1), NOON + timedelta(hours=1), TEN, grace=15 * SECOND),
}


def scan(number, meeting=HERE, **changes):
    """A scan by a student of the number, on their own line, with their own marks, in the rhythm of the group."""
    act = Act(
        line=UUID(int=1000 * meeting.int + number),
        student=UUID(int=number),
        meeting=meeting,
        at=TEN + 30 * SECOND,
        device=f"device {number}",
        network="school",
        session=f"session {number}",
        is_scan=True,
    )
    return replace(act, **changes)


def signature(number, meeting=HERE, **changes):
    return scan(number, meeting, is_scan=False, **{"at": TEN + 60 * SECOND, **changes})


def group(count=GROUP, **changes):
    """A group without anomaly, numbered from 100."""
    return [scan(100 + number, **changes) for number in range(count)]


def kinds(acts, meetings=MEETINGS):
    """The students and kinds that are told."""
    students = {act.line: act.student.int for act in acts}
    return sorted((students[one.line], one.kind) for one in find(acts, meetings))


def test_a_group_of_its_own_devices_in_its_rhythm_shows_nothing():
    acts = group(40) + [signature(100 + number) for number in range(40)]
    assert find(acts, MEETINGS) == []


def test_one_device_for_two_students_is_told_of_both_with_the_other_beside():
    acts = [scan(1, device="phone"), scan(2, device="phone", at=TEN + 40 * SECOND), scan(3)]
    first, second = find(acts, MEETINGS)
    assert [(one.kind, one.line, one.others) for one in (first, second)] == [
        (Kind.SHARED_DEVICE, acts[0].line, (acts[1],)),
        (Kind.SHARED_DEVICE, acts[1].line, (acts[0],)),
    ]


def test_signatures_of_a_roll_call_by_the_teacher_are_looked_at_too():
    acts = [signature(1, device="phone"), signature(2, device="phone"), signature(3)]
    assert kinds(acts) == [(1, Kind.SHARED_DEVICE), (2, Kind.SHARED_DEVICE)]


def test_a_device_is_shared_over_the_meetings_of_a_day_and_not_over_days():
    acts = [scan(1, device="phone"), scan(2, THERE, device="phone")]
    assert kinds(acts) == [(1, Kind.SHARED_DEVICE), (2, Kind.SHARED_DEVICE)]
    tomorrow = {**MEETINGS, THERE: replace(MEETINGS[THERE], day=DAY + timedelta(days=1))}
    assert kinds(acts, tomorrow) == []


def test_scan_and_signature_of_one_student_on_one_device_are_nothing():
    assert kinds([scan(1), signature(1)]) == []


def test_marks_that_are_not_known_are_never_the_same():
    blank = {"device": "", "session": "", "network": ""}
    assert kinds([scan(number, **blank) for number in range(30)]) == []


@pytest.mark.parametrize("change", [{"device": "another"}, {"network": "another"}])
@pytest.mark.parametrize(("minutes", "told"), [(10, 1), (11, 0)])
def test_one_login_in_two_places_within_ten_minutes(change, minutes, told):
    acts = [scan(1), signature(1, at=scan(1).at + timedelta(minutes=minutes), **change)]
    assert kinds(acts) == [(1, Kind.SPLIT_SESSION)] * told


def test_a_student_with_two_logins_in_two_meetings_at_once():
    acts = [scan(1), scan(1, THERE, session="another", device="another")]
    assert kinds(acts) == [(1, Kind.TWO_PLACES), (1, Kind.TWO_PLACES)]
    later = {**MEETINGS, THERE: replace(MEETINGS[THERE], starts_at=NOON)}
    assert kinds(acts, later) == []
    assert kinds([scan(1), scan(1, THERE)]) == []  # one login: the student changed rooms


LIMIT = DEVIATIONS * LEAST_DEVIATION


@pytest.mark.parametrize(
    ("beside", "far", "told"),
    [(GROUP - 1, LIMIT + SECOND, 1), (GROUP - 1, LIMIT, 0), (GROUP - 2, LIMIT + SECOND, 0), (GROUP - 1, -SECOND, 0)],
)
def test_a_scan_far_from_a_group_that_scans_together(beside, far, told):
    acts = [*group(beside), scan(1, at=TEN + 30 * SECOND + far)]
    assert kinds(acts) == [(1, Kind.OFF_RHYTHM)] * told


def test_a_group_that_takes_its_time_has_a_wider_rhythm():
    spread = [scan(100 + number, at=TEN + 20 * number * SECOND) for number in range(21)]
    assert kinds([*spread, scan(1, at=TEN + 600 * SECOND)]) == []
    assert kinds([*spread, scan(1, at=TEN + 1200 * SECOND)]) == [(1, Kind.OFF_RHYTHM)]


def test_nearly_half_of_a_group_that_cheats_does_not_move_the_rhythm():
    late = [scan(number, at=TEN + 600 * SECOND) for number in range(9)]
    assert kinds([*group(12), *late]) == [(number, Kind.OFF_RHYTHM) for number in range(9)]


@pytest.mark.parametrize(("others", "away", "told"), [(12, 3, 3), (12, 4, 0), (10, 1, 0)])
def test_another_network_than_eighty_of_a_hundred(others, away, told):
    acts = [*group(others), *(scan(number, network="away") for number in range(away))]
    assert kinds(acts) == [(number, Kind.OTHER_NETWORK) for number in range(told)]


def test_a_signature_counts_for_the_network_where_nothing_was_scanned():
    acts = [signature(100 + number) for number in range(12)] + [signature(1, network="away")]
    assert kinds(acts) == [(1, Kind.OTHER_NETWORK)]


@pytest.mark.parametrize(("late", "kind"), [(7.5, Kind.RELAYED), (7.4, Kind.OTHER_NETWORK), (0, Kind.OTHER_NETWORK)])
def test_a_late_code_from_another_network_seems_passed_on(late, kind):
    acts = [*group(), scan(1, network="away", late=timedelta(seconds=late))]
    assert kinds(acts) == [(1, kind)]


def test_a_late_code_from_the_group_s_own_network_is_nothing():
    assert kinds([*group(), scan(1, late=14 * SECOND)]) == []


def test_a_set_code_is_never_late():
    meetings = {HERE: replace(MEETINGS[HERE], grace=timedelta())}
    assert kinds([*group(), scan(1, network="away")], meetings) == [(1, Kind.OTHER_NETWORK)]


def test_the_evidence_changes_when_another_student_joins_and_not_with_the_order():
    acts = [scan(number, device="phone") for number in (1, 2, 3)]
    two, three = find(acts[:2], MEETINGS)[0], find(acts, MEETINGS)[0]
    assert two.evidence != three.evidence
    assert find(acts[::-1], MEETINGS)[0].evidence == three.evidence
    assert len(three.evidence) == 16
