"""Audit trails of a class meeting, from the real vault, checked as a stranger would."""

from datetime import date, timedelta
from uuid import uuid4

import pytest
from django_scopes import scope

from emarge.attendance import actions
from emarge.attendance.people import actor_of
from emarge.audit import trust
from emarge.audit.actions import pseudonyms, record
from emarge.audit.models import OutboxEvent
from emarge.audit.trails import NothingFoundError, produce
from emarge.institutions.models import InstitutionCode
from emarge.proof.evidence import bundle
from emarge.proof.evidence.seal import Request
from emarge.proof.evidence.verify import verify_bundle
from emarge.proof.vault.errors import VaultUnavailable
from tests.attendance.journey import line_of, open_the_sign_in, sign
from tests.audit.events import fresh_log
from tests.cast import NOON, TEN, make_school

pytestmark = [pytest.mark.processes, pytest.mark.django_db(transaction=True)]

SHEET = b"%PDF-1.7 a sheet"
DAY = date(2026, 11, 23)


@pytest.fixture
def school(servers):
    """A school whose meeting took place: Alice signed, Bao did not and was settled, Chloe was absent."""
    school = make_school()
    InstitutionCode.objects.filter(pk=school.code.pk).update(log=fresh_log())
    school.code.refresh_from_db()
    with scope(base=school.base):
        actions.flag_students(school.students.values(), subject_to=False, by=school.secretary, at=TEN)
        expected = [school.students[name] for name in ("alice", "bao", "chloe")]
        actions.flag_students(expected, subject_to=True, by=school.secretary, at=TEN)
        roll_call = open_the_sign_in(school)
        sign(school, roll_call, "alice")
        late = NOON + timedelta(hours=1)
        actions.settle(line_of(roll_call, school, "bao"), by=school.secretary, reason="no phone", at=late)
        actions.validate_meeting(roll_call, by=school.secretary, at=late)
        yield school


def _request(**changes) -> Request:
    facts = {
        "id": str(uuid4()),
        "who": "OPCO E\u0301xemple",
        "reference": "R-1",
        "reason": "control",
        "period_from": DAY,
        "period_to": DAY,
    }
    return Request(**{**facts, **changes})


def _produce(school, request=None, *, student=None, seen=None):
    def sheet(found):
        if seen is not None:
            seen.extend(found)
        return SHEET

    return produce(
        request or _request(),
        base=school.base.uuid,
        log=school.code.log,
        code=school.code.code,
        people=[school.students[student].uuid] if student else None,
        by=actor_of(school.secretary),
        at=NOON + timedelta(days=1),
        sheet=sheet,
        content={"actor": "Sylvie SIMON"},
    )


def test_the_whole_trail_verifies_and_tells_everything(school):
    trail = _produce(school)
    verdict = verify_bundle(trail.bundle, trail.fingerprint)
    assert [one.event for one in verdict.records] == [
        "student.flagged",
        "student.flagged",
        "student.flagged",
        "roll_call.opened",
        "roll_call.marked",
        "roll_call.ended",
        "sign_in.opened",
        "sign_in.signed",
        "sign_in.regularised",
        "meeting.validated",
    ]
    assert (verdict.code, verdict.request.who, trail.records) == ("École-a", "OPCO Éxemple", 10)
    assert {one.student.name for one in verdict.records if one.student} == {
        "ADAM Alice",
        "BENOÎT Bao",
        "CARON Chloe",
    }
    assert {one.meeting_title for one in verdict.records if one.meeting} == {"R1.01 Initiation au développement"}


def test_the_trail_of_one_student_opens_nobody_else(school):
    seen = []
    trail = _produce(school, student="alice", seen=seen)
    verdict = verify_bundle(trail.bundle, trail.fingerprint)
    assert [one.event for one in verdict.records] == [
        "student.flagged",
        "roll_call.opened",
        "roll_call.ended",
        "sign_in.opened",
        "sign_in.signed",
        "meeting.validated",
    ]
    assert all(one.content is not None for one in seen)
    names = {person["name"] for one in seen for person in one.content.get("people", [])}
    assert names == {"ADAM Alice", "TESSIER Thomas", "COLIN Colette", "HAMON Hugo", "SIMON Sylvie"}
    assert not any(b"BENO" in content for content in bundle.read(trail.bundle).values())


def _names(trail, event) -> list[str | None]:
    verdict = verify_bundle(trail.bundle, trail.fingerprint)
    return [one.student.name for one in verdict.records if one.event == event]


def test_a_student_flagged_before_the_log_existed_is_named_by_the_roster(servers):
    school = make_school()
    InstitutionCode.objects.filter(pk=school.code.pk).update(log=fresh_log())
    school.code.refresh_from_db()
    with scope(base=school.base):
        open_the_sign_in(school)
        whole = _produce(school)
        assert _names(whole, "student.listed") == ["ADAM Alice", "BENOÎT Bao", "CARON Chloe"]
        seen = []
        one = _produce(school, student="bao", seen=seen)
        assert _names(one, "student.listed") == ["BENOÎT Bao"]
        names = {person["name"] for each in seen for person in (each.content or {}).get("people", [])}
        assert names == {"BENOÎT Bao", "TESSIER Thomas", "COLIN Colette", "HAMON Hugo"}
        bao = school.students["bao"]
        bao.last_name = "BENOIST"
        bao.save()
        actions.flag_students([bao], subject_to=False, by=school.secretary, at=NOON)
        newer = _produce(school)
    assert _names(newer, "student.listed") == ["ADAM Alice", "CARON Chloe"]
    assert _names(newer, "student.flagged") == ["BENOIST Bao"]


def test_a_student_who_did_nothing_still_finds_the_meeting(school):
    other = _produce(school, student="dan")
    assert [one.event for one in verify_bundle(other.bundle, other.fingerprint).records] == [
        "student.listed",
        "roll_call.opened",
        "roll_call.ended",
        "sign_in.opened",
        "meeting.validated",
    ]


def test_the_request_s_own_records_travel_and_those_of_others_do_not(school):
    request = _request()
    for asked in (request, _request()):
        for event, by in (("requested", school.secretary), ("approved", school.director)):
            record_request(school, asked, f"audit_trail.{event}", by)
    trail = _produce(school, request)
    verdict = verify_bundle(trail.bundle, trail.fingerprint)
    assert [one.event for one in verdict.records[-2:]] == ["audit_trail.requested", "audit_trail.approved"]
    assert trail.records == 12


def record_request(school, request, event, by):
    from django.db import transaction

    with transaction.atomic():
        record(
            event,
            base=school.base.uuid,
            log=school.code.log,
            code=school.code.code,
            at=TEN,
            actor=actor_of(by),
            details={"request": request.id},
        )


def test_the_production_is_itself_a_record_and_can_be_repeated(school):
    request = _request()
    first, second = _produce(school, request), _produce(school, request)
    assert OutboxEvent.objects.filter(event="audit_trail.produced", index__isnull=False).count() == 2
    assert first.records == second.records
    assert first.fingerprint == second.fingerprint == trust.anchors(school.code.log, "École-a").fingerprint


def test_what_the_sheet_receives(school):
    seen = []
    _produce(school, seen=seen)
    signed = next(one for one in seen if one.record.event == "sign_in.signed")
    alice = school.students["alice"].uuid
    row = OutboxEvent.objects.get(event="sign_in.signed")
    assert (signed.index, signed.record.student) == (row.index, pseudonyms([alice])[alice])
    assert (signed.timestamp.gen_time, signed.content["ip"]) == (row.stamped_at, "192.0.2.7")


def test_the_meeting_s_description_comes_from_the_vault_alone(school):
    with scope(base=school.base):
        school.meeting.course.subject.name = "Rewritten"
        school.meeting.course.subject.save()
        school.students["alice"].last_name = "REWRITTEN"
        school.students["alice"].save()
    trail = _produce(school)
    text = b"".join(bundle.read(trail.bundle).values())
    assert b"REWRITTEN" not in text
    verdict = verify_bundle(trail.bundle, trail.fingerprint)
    assert {one.meeting_title for one in verdict.records if one.meeting} == {"R1.01 Initiation au développement"}


def test_a_period_without_a_meeting_finds_nothing_and_records_nothing(school):
    before = OutboxEvent.objects.count()
    with pytest.raises(NothingFoundError):
        _produce(school, _request(period_from=DAY - timedelta(days=9), period_to=DAY - timedelta(days=1)))
    assert OutboxEvent.objects.count() == before


def test_without_the_vault_nothing_is_produced_and_nothing_recorded(school, servers):
    before = OutboxEvent.objects.count()
    servers.vault.stop()
    with pytest.raises(VaultUnavailable):
        _produce(school)
    assert OutboxEvent.objects.count() == before
    servers.vault.start()
    assert _produce(school).records == 10


def test_the_root_certificate_may_live_elsewhere(school, servers, monkeypatch, tmp_path):
    here = _produce(school).fingerprint
    for name in ("root.pem", "tsa.pem"):
        (tmp_path / name).write_bytes((servers.data / "timestamping" / name).read_bytes())
    monkeypatch.setenv("EMARGE_TIMESTAMP_ROOT", str(tmp_path / "root.pem"))
    assert trust.anchors(school.code.log, "École-a").fingerprint == here
    (tmp_path / "root.pem").write_text("-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n")
    with pytest.raises(VaultUnavailable, match=r"root\.pem cannot be read"):
        trust.anchors(school.code.log, "École-a")
