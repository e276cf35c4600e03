from dataclasses import replace
from datetime import timedelta

import pytest
from tests.proof.evidence.school import GOOD, MEETING, NINE, REQUEST, UNKNOWN, School, named

from emarge.proof.evidence import crosscheck, records
from emarge.proof.evidence.errors import EvidenceError, Fault
from emarge.proof.evidence.proved import Proved
from emarge.proof.evidence.verdict import Caution, Warn
from emarge.proof.timestamping.tokens import DEMO_POLICY
from emarge.proof.timestamping.verify import Timestamp
from emarge.proof.vault.log import entry

SERIOUS = "1.2.3.4"


@pytest.fixture
def school(tmp_path):
    return School(tmp_path / "authority")


def found(school, *, policy=SERIOUS, accuracy=timedelta(milliseconds=100)):
    """The records of the school's log as if proved, each certified one second after it, a good token."""
    proved = []
    for index, data in enumerate(school.entries):
        record = records.parse(entry.decode(data).payload)
        stamp = Timestamp(record.at + timedelta(seconds=1), accuracy, index + 1, policy)
        proved.append(Proved(f"records/{index:010d}", index, record, stamp, "authority"))
    return proved


def stamped(one, by):
    return replace(one, timestamp=replace(one.timestamp, gen_time=one.timestamp.gen_time + by))


def certified(school):
    school.add("log.opened", "blaise", NINE, clock=GOOD)
    school.add("parameters.changed", "blaise", NINE, clock=GOOD)
    return found(school)


def test_a_token_may_be_earlier_than_the_one_before_it_by_both_accuracies(school):
    first, second = certified(school)
    ordered = [first, stamped(second, timedelta(milliseconds=-200))]
    assert crosscheck.check(ordered, REQUEST) == [Caution(Warn.NO_APPROVAL)]


def test_a_token_earlier_than_that_was_slipped_in(school):
    first, second = certified(school)
    with pytest.raises(EvidenceError) as caught:
        crosscheck.check([first, stamped(second, timedelta(milliseconds=-201))], REQUEST)
    assert (caught.value.fault, caught.value.file) == (Fault.TIME_ORDER, "records/0000000001.json")
    assert caught.value.detail == "a record before it in the log is certified after 2026-11-23 09:00:00"


def test_the_latest_of_all_before_counts(school):
    first, second = certified(school)
    third = replace(
        stamped(second, timedelta(milliseconds=-100)),
        index=2,
        stem="records/0000000002",
        record=replace(second.record, id=MEETING),
    )
    early = stamped(first, timedelta(seconds=5))
    with pytest.raises(EvidenceError) as caught:
        crosscheck.check([early, stamped(second, timedelta(seconds=4.9)), third], REQUEST)
    assert (caught.value.fault, caught.value.file) == (Fault.TIME_ORDER, "records/0000000002.json")


def test_a_demonstration_is_said_to_be_one(school):
    certified(school)
    assert crosscheck.check(found(school, policy=DEMO_POLICY), REQUEST) == [
        Caution(Warn.DEMO_POLICY, (0, 1)),
        Caution(Warn.NO_APPROVAL),
    ]


def test_a_server_that_did_not_know_its_clock_is_not_refused_but_said(school):
    school.add("log.opened", "blaise", NINE, clock=UNKNOWN)
    (one,) = found(school)
    assert crosscheck.check([stamped(one, timedelta(minutes=-10))], REQUEST) == [
        Caution(Warn.CLOCK_UNKNOWN, (0,)),
        Caution(Warn.SERVER_AHEAD, (0,)),
        Caution(Warn.NO_APPROVAL),
    ]


def test_a_sign_in_without_its_roll_call_is_said_not_to_be_compared(school):
    school.sign("ada", NINE, clock=GOOD)
    assert crosscheck.check(found(school), REQUEST) == [
        Caution(Warn.NO_ROLL_CALL, (0,)),
        Caution(Warn.NO_OPENING, (0,)),
        Caution(Warn.NO_APPROVAL),
    ]


def mark(school, student, presence, at):
    school.add(
        "roll_call.marked",
        "hopper",
        at,
        role="teacher",
        meeting=MEETING,
        student=student,
        details={"presence": presence, "minutes_late": 0},
    )


def test_a_mark_after_the_end_of_the_roll_call_corrects_it(school):
    school.end_roll_call({"élise": ("absent", 0)})
    mark(school, "élise", "late", NINE + timedelta(minutes=20))
    school.sign("élise", NINE + timedelta(minutes=30))
    assert [caution.warn for caution in crosscheck.check(found(school), REQUEST)] == [
        Warn.CLOCK_UNKNOWN,
        Warn.NO_OPENING,
        Warn.NO_APPROVAL,
    ]


def test_a_mark_does_not_make_somebody_expected(school):
    school.end_roll_call({"ada": ("present", 0)})
    mark(school, "élise", "present", NINE + timedelta(minutes=20))
    school.sign("élise", NINE + timedelta(minutes=30))
    with pytest.raises(EvidenceError) as caught:
        crosscheck.check(found(school), REQUEST)
    assert caught.value.detail == "the roll call did not expect this student to sign"


def test_a_mark_that_says_absent_after_the_end_forbids(school):
    school.end_roll_call({"ada": ("present", 0)})
    mark(school, "ada", "absent", NINE + timedelta(minutes=20))
    school.sign("ada", NINE + timedelta(minutes=30))
    with pytest.raises(EvidenceError) as caught:
        crosscheck.check(found(school), REQUEST)
    assert caught.value.detail == "the roll call says that this student was absent"


def test_a_sign_in_at_the_last_instant_of_the_window_counts(school):
    school.end_roll_call({"ada": ("present", 0)})
    school.open_sign_in(closes_at=NINE + timedelta(minutes=30))
    school.sign("ada", NINE + timedelta(minutes=30))
    assert [caution.warn for caution in crosscheck.check(found(school), REQUEST)] == [
        Warn.CLOCK_UNKNOWN,
        Warn.NO_APPROVAL,
    ]


def scan(school, student, at):
    school.add(
        "roll_call.scanned",
        student,
        at,
        role="student",
        meeting=MEETING,
        student=student,
        details={"step": 1, "late_ms": 0, "way": "camera"},
        content={"people": named(student)},
    )


def start_by_code(school):
    details = {"closes_at": records.instant(NINE + timedelta(hours=2)), "mode": "rolling_qr"}
    school.add("roll_call.started", "blaise", NINE, meeting=MEETING, details=details, content={})


def test_by_code_students_sign_before_the_roll_call_ends(school):
    start_by_code(school)
    scan(school, "ada", NINE + timedelta(minutes=1))
    mark(school, "alan", "late", NINE + timedelta(minutes=2))
    school.sign("ada", NINE + timedelta(minutes=3))
    school.sign("alan", NINE + timedelta(minutes=4))
    school.end_roll_call({"ada": ("present", 0), "alan": ("late", 0), "élise": ("absent", 0)})
    assert [caution.warn for caution in crosscheck.check(found(school), REQUEST)] == [
        Warn.CLOCK_UNKNOWN,
        Warn.NO_APPROVAL,
    ]


def test_by_code_who_signed_unscanned_is_said_not_to_be_compared(school):
    start_by_code(school)
    mark(school, "ada", "absent", NINE + timedelta(minutes=2))
    school.sign("ada", NINE + timedelta(minutes=3))
    assert Caution(Warn.NO_ROLL_CALL, (2,)) in crosscheck.check(found(school), REQUEST)


@pytest.mark.parametrize(
    ("marks", "detail"),
    [
        ({"ada": ("absent", 0)}, "the roll call says that this student was absent"),
        ({"alan": ("present", 0)}, "the roll call did not expect this student to sign"),
    ],
)
def test_by_code_the_end_of_the_roll_call_contradicts_nobody_who_signed(school, marks, detail):
    start_by_code(school)
    scan(school, "ada", NINE + timedelta(minutes=1))
    school.sign("ada", NINE + timedelta(minutes=3))
    school.end_roll_call(marks)
    with pytest.raises(EvidenceError) as caught:
        crosscheck.check(found(school), REQUEST)
    assert (caught.value.fault, caught.value.file, caught.value.detail) == (
        Fault.PRESENCE,
        "records/0000000002.json",
        detail,
    )


def test_an_approval_before_the_request_is_none(school):
    details = {"request": REQUEST.id}
    school.add("audit_trail.approved", "sophie", NINE, details=details)
    school.add("audit_trail.requested", "blaise", NINE, details=details)
    with pytest.raises(EvidenceError) as caught:
        crosscheck.check(found(school), REQUEST)
    assert (caught.value.fault, caught.value.file) == (Fault.APPROVAL, "records/0000000000.json")


def test_the_approval_of_another_request_does_not_count(school):
    school.add("audit_trail.requested", "blaise", NINE, clock=GOOD, details={"request": REQUEST.id})
    school.add("audit_trail.approved", "sophie", NINE, clock=GOOD, details={"request": MEETING})
    assert crosscheck.check(found(school), REQUEST) == [Caution(Warn.NO_APPROVAL)]


def refused(school):
    with pytest.raises(EvidenceError) as caught:
        crosscheck.check(found(school), REQUEST)
    return caught.value.fault, caught.value.detail


def test_the_roster_is_that_of_all_its_parts(school):
    school.end_roll_call({"ada": ("present", 0)}, part=1, parts=2)
    school.end_roll_call({"alan": ("present", 0), "élise": ("absent", 0)}, part=2, parts=2)
    school.sign("ada", NINE + timedelta(minutes=30))
    school.sign("alan", NINE + timedelta(minutes=30))
    assert [caution.warn for caution in crosscheck.check(found(school), REQUEST)] == [
        Warn.CLOCK_UNKNOWN,
        Warn.NO_OPENING,
        Warn.NO_APPROVAL,
    ]
    school.sign("élise", NINE + timedelta(minutes=31))
    assert refused(school) == (Fault.PRESENCE, "the roll call says that this student was absent")


def test_a_whole_roster_replaces_the_one_before(school):
    school.end_roll_call({"ada": ("absent", 0)})
    school.end_roll_call({"ada": ("present", 0)})
    school.sign("ada", NINE + timedelta(minutes=30))
    assert Warn.NO_ROLL_CALL not in [caution.warn for caution in crosscheck.check(found(school), REQUEST)]


@pytest.mark.parametrize(
    ("parts", "detail"),
    [
        ([(1, 2)], "part 2 of 2 of the roster is missing"),
        ([(2, 2)], "part 1 of 2 of the roster is missing"),
        ([(1, 3), (3, 3)], "part 2 of 3 of the roster is missing"),
        ([(1, 2), (1, 1)], "part 2 of 2 of the roster is missing"),
        ([(1, 2), (2, 3)], "not of the same roster as the record 0"),
        ([(1, 1), (2, 2)], "part 1 of 2 of the roster is missing"),
    ],
)
def test_a_roster_lacks_no_part(school, parts, detail):
    for student, (part, of) in zip(("ada", "alan"), parts, strict=False):
        school.end_roll_call({student: ("present", 0)}, part=part, parts=of)
    assert refused(school) == (Fault.ROSTER, detail)


def test_the_parts_of_the_opening_are_all_there_too(school):
    details = {"roster": [], "part": 1, "parts": 2}
    school.add("roll_call.opened", "hopper", NINE, role="teacher", meeting=MEETING, details=details)
    assert refused(school) == (Fault.ROSTER, "part 2 of 2 of the roster is missing")


def test_nobody_stands_in_two_parts(school):
    for part in (1, 2):
        school.end_roll_call({"ada": ("present", 0)}, part=part, parts=2)
    assert refused(school) == (Fault.ROSTER, "a student is in two parts of the roster")


def test_the_parts_are_of_one_act(school):
    school.end_roll_call({"ada": ("present", 0)}, part=1, parts=2)
    details = {"roster": [], "part": 2, "parts": 2}
    school.add("roll_call.ended", "blaise", NINE + timedelta(minutes=15), meeting=MEETING, details=details)
    assert refused(school) == (Fault.ROSTER, "not of the same roster as the record 0")
