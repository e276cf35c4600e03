from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from emarge.attendance import actions, codes
from emarge.attendance.models import ModeOfCourse, Scan, SignIn
from emarge.attendance.queries import is_scanning, pace_of, tally
from emarge.attendance.rules import Grant, Method, Mode, Presence, Way
from emarge.attendance.tickets import Trace, key, read_grant, read_ticket, write_grant, write_ticket
from emarge.audit.models import OutboxEvent
from emarge.lib.refusal import Refused
from emarge.proof.evidence import records
from tests.attendance.journey import DRAWING, events, last_event, line_of, opened, sign
from tests.cast import NOON, TEN, make_school

SECOND = timedelta(seconds=1)
PHONE = Trace(device="a" * 32, network="b" * 32, session="c" * 32)
GRANT = Grant(TEN, same_device=True)


@pytest.fixture
def rolling(school):
    """A roll call by rolling code, opened and not started."""
    ModeOfCourse.objects.create(base=school.base, course=school.meeting.course, mode=Mode.ROLLING_QR.value)
    return actions.open_roll_call(school.meeting, by=school.teacher.user, at=TEN)


@pytest.fixture
def started(school, rolling):
    """The same, started by the teacher's signature."""
    _sign_as_teacher(school, rolling)
    rolling.refresh_from_db()
    return rolling


def _sign_as_teacher(school, roll_call, at=TEN):
    return actions.open_sign_in(
        roll_call, teacher=school.teacher, by=school.teacher.user, method=Method.DRAWN, drawing=DRAWING, at=at
    )


def _code(roll_call, at=TEN, way=Way.CAMERA):
    pace = pace_of(roll_call)
    make = codes.typed_code if way is Way.TYPED else codes.scan_code
    return make(key(), pace, pace.step_at(at))


def _arrive(roll_call, at=TEN, way=Way.CAMERA, **changes):
    facts = {"code": _code(roll_call, at, way), "way": way, "device": PHONE.device, "arrived_at": at}
    return actions.arrive(roll_call, **{**facts, **changes})


def _scan(school, roll_call, name, at=TEN, **changes):
    facts = {
        "ticket": changes.pop("ticket", None) or _arrive(roll_call, at),
        "trace": PHONE,
        "at": at,
    }
    actions.scan(**{**facts, "by": school.students[name].user, **changes})
    return Scan.objects.get(line=line_of(roll_call, school, name))


def _refused(action) -> str:
    before = OutboxEvent.objects.count(), Scan.objects.count(), SignIn.objects.count()
    with pytest.raises(Refused) as refused:
        action()
    assert (OutboxEvent.objects.count(), Scan.objects.count(), SignIn.objects.count()) == before
    return refused.value.code


def test_everybody_is_awaited_until_they_scan(school, rolling):
    assert (rolling.mode, rolling.period_seconds, rolling.grace_seconds) == ("rolling_qr", 15, 15)
    assert tally(rolling).awaited == 4
    assert not is_scanning(rolling, TEN)
    assert _refused(lambda: _arrive(rolling)) == "not_started"


def test_the_teacher_s_signature_starts_the_roll_call(school, rolling):
    _sign_as_teacher(school, rolling)
    rolling.refresh_from_db()
    assert is_scanning(rolling, TEN)
    assert events()[-2:] == ["sign_in.opened", "roll_call.started"]
    record = records.parse(bytes(last_event().record))
    closes = "2026-11-23T11:15:00.000000Z"
    assert record.details == {"mode": "rolling_qr", "period_seconds": 15, "grace_seconds": 15, "closes_at": closes}


def test_a_scan_makes_its_student_present_once(school, started):
    scan = _scan(school, started, "alice")
    line = line_of(started, school, "alice")
    assert (line.presence, scan.scanned_at, scan.late_ms, scan.way) == ("present", TEN, 0, "camera")
    row = last_event()
    record = records.parse(bytes(row.record))
    assert (record.event, record.details) == ("roll_call.scanned", {"step": scan.step, "late_ms": 0, "way": "camera"})
    assert (record.commitment, bytes(row.content)) == (None, b"")
    count = len(events())
    assert _scan(school, started, "alice", at=TEN + 20 * SECOND).pk == scan.pk
    assert len(events()) == count


def test_a_scan_lets_sign_on_its_device_for_ten_minutes(school, started):
    assert _refused(lambda: sign(school, started, "alice")) == "not_scanned"
    _scan(school, started, "alice")
    assert _refused(lambda: sign(school, started, "alice")) == "not_scanned"
    assert _refused(lambda: sign(school, started, "alice", grant=Grant(TEN, same_device=False))) == "other_device"
    late = TEN + timedelta(minutes=10) + SECOND
    assert _refused(lambda: sign(school, started, "alice", at=late, grant=GRANT)) == "grant_expired"
    signed = sign(school, started, "alice", grant=GRANT, trace=PHONE)
    assert (signed.device, signed.network, signed.session) == (PHONE.device, PHONE.network, PHONE.session)


def test_the_code_counts_as_it_arrives_whatever_queue_follows(school, started):
    ticket = _arrive(started, at=TEN + 14 * SECOND)
    scan = _scan(school, started, "alice", at=TEN + timedelta(minutes=3), ticket=ticket)
    assert scan.scanned_at == TEN + 14 * SECOND
    in_grace = TEN + 29 * SECOND
    ticket = _arrive(started, code=_code(started), at=in_grace)
    assert _scan(school, started, "bao", at=in_grace, ticket=ticket).late_ms == 14_000


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"code": "0000000000000000"}, "code_wrong"),
        ({"arrived_at": TEN + 31 * SECOND}, "code_too_old"),
        ({"way": Way.TYPED, "code": "12345"}, "code_wrong"),
    ],
)
def test_codes_that_do_not_count(started, changes, code):
    assert _refused(lambda: _arrive(started, **changes)) == code


def test_the_typed_code_counts_too(school, started):
    assert _arrive(started, way=Way.TYPED).way is Way.TYPED
    late = TEN + timedelta(minutes=5)
    assert _refused(lambda: _arrive(started, way=Way.TYPED, code=_code(started, way=Way.TYPED), arrived_at=late)) == (
        "code_wrong"
    )


def test_a_ticket_opens_no_other_line_meeting_or_device(school, started):
    ticket = _arrive(started)
    assert _refused(lambda: _scan(school, started, "alice", by=school.secretary)) == "not_listed"
    assert _refused(lambda: _scan(school, started, "alice", ticket=replace(ticket, roll_call=0))) == "not_listed"
    assert _refused(lambda: _scan(school, started, "alice", trace=Trace(device="d" * 32))) == "other_device"
    assert _refused(lambda: _scan(school, started, "alice", ticket=ticket, at=TEN + timedelta(minutes=11))) == (
        "scan_expired"
    )


def test_at_the_end_who_did_not_scan_is_absent(school, started):
    _scan(school, started, "alice")
    actions.mark(line_of(started, school, "bao"), Presence.PRESENT, by=school.teacher.user, at=TEN)
    ticket = _arrive(started)
    started = actions.end_roll_call(started, by=school.teacher.user, at=TEN)
    presences = {line.first_name: line.presence for line in started.lines.all()}
    assert presences == {"Alice": "present", "Bao": "present", "Chloe": "absent", "Dan": "absent"}
    assert events()[-2:] == ["roll_call.marked", "roll_call.ended"]
    assert _refused(lambda: _scan(school, started, "chloe", ticket=ticket)) == "roll_call_ended"
    assert _refused(lambda: _arrive(started)) == "roll_call_ended"
    sign(school, started, "alice", grant=GRANT)
    sign(school, started, "bao")  # declared present by hand: no scan, hence no grant
    assert _refused(lambda: sign(school, started, "chloe")) == "absent"


def test_nobody_who_signed_is_marked_absent(school, started):
    _scan(school, started, "alice")
    sign(school, started, "alice", grant=GRANT)
    mark = lambda: actions.mark(line_of(started, school, "alice"), Presence.ABSENT, by=school.teacher.user, at=TEN)  # noqa: E731
    assert _refused(mark) == "already_signed"


def test_staff_start_in_the_teacher_s_place_and_the_meeting_waits_for_the_teacher(school, rolling):
    actions.open_for_teacher(rolling, by=school.secretary, at=TEN)
    rolling.refresh_from_db()
    assert (rolling.sign_in_opened_by, is_scanning(rolling, TEN)) == (school.secretary, True)
    row = last_event()
    record, people = records.parse(bytes(row.record)), [one["name"] for one in opened(row)["people"]]
    assert (record.event, record.actor.role) == ("roll_call.started", "staff")
    assert sorted(people) == ["COLIN Colette", "HAMON Hugo", "SIMON Sylvie", "TESSIER Thomas"]
    for name in ("alice", "bao", "chloe"):
        _scan(school, rolling, name)
        sign(school, rolling, name, grant=GRANT)
    actions.end_roll_call(rolling, by=school.secretary, at=TEN)
    after = NOON + timedelta(days=1)
    assert _refused(lambda: actions.validate_meeting(rolling, by=school.secretary, at=after)) == "teacher_unsigned"
    _sign_as_teacher(school, rolling, at=after)
    assert events()[-1] == "teacher.signed"
    assert actions.validate_meeting(rolling, by=school.secretary, at=after).validated_at == after


def test_staff_without_the_right_or_by_teacher_s_call_start_nothing(school, rolling):
    assert _refused(lambda: actions.open_for_teacher(rolling, by=school.director, at=TEN)) == "no_right"
    with pytest.raises(Refused, match="not_your_meeting"):
        actions.end_roll_call(rolling, by=school.director, at=TEN)
    rolling.mode = Mode.BY_TEACHER.value
    rolling.save()
    assert _refused(lambda: actions.open_for_teacher(rolling, by=school.secretary, at=TEN)) == "not_by_code"


def test_a_set_code_has_one_step(school):
    ModeOfCourse.objects.create(base=school.base, course=school.meeting.course, mode=Mode.SET_QR.value)
    roll_call = actions.open_roll_call(school.meeting, by=school.teacher.user, at=TEN)
    _sign_as_teacher(school, roll_call)
    roll_call.refresh_from_db()
    assert records.parse(bytes(last_event().record)).details["mode"] == "set_qr"
    assert _arrive(roll_call, at=NOON, code=_code(roll_call)).step == 0


def test_tickets_and_grants_survive_their_text_and_nothing_else(school, started):
    ticket = _arrive(started)
    text = write_ticket(ticket)
    assert read_ticket(text) == ticket
    line = UUID("6f2a6f6e-3c58-4c2e-9a31-0f6a4b8f0c11")
    grant = write_grant(line, user=7, device=PHONE.device, scanned_at=TEN)
    assert read_grant(grant, line, user=7, device=PHONE.device) == GRANT
    assert read_grant(grant, line, user=7, device="") == Grant(TEN, same_device=False)
    assert read_grant(grant, line, user=8, device=PHONE.device) is None
    assert read_grant(grant, UUID(int=1), user=7, device=PHONE.device) is None
    for broken in ("", text[:-1], text + "x", grant, "a:b"):
        assert read_ticket(broken) is None
    assert read_grant(text, line, user=7, device=PHONE.device) is None


def test_another_school_s_roll_call_has_other_codes(school, started):
    other = make_school("b")
    assert other.base != school.base
    pace = pace_of(started)
    assert codes.scan_code(key(), replace(pace, roll_call=UUID(int=5)), 1) != codes.scan_code(key(), pace, 1)
