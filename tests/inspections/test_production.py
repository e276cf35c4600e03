"""A request answered by the real vault and timestamp server, and checked as the funder would."""

import io
from collections import Counter
from datetime import date, timedelta

import pytest
from django_scopes import scope
from pypdf import PdfReader

from emarge.attendance import actions as attendance
from emarge.audit.models import OutboxEvent
from emarge.inspections import actions
from emarge.institutions.models import InstitutionCode, Student
from emarge.proof.evidence import bundle
from emarge.proof.evidence.verify import verify_bundle
from tests.attendance.journey import open_the_sign_in, sign
from tests.audit.events import fresh_log
from tests.cast import TEN, make_school
from tests.inspections.requests import ASKED_AT, ask_and_approve
from tests.inspections.test_actions import code_of

pytestmark = [pytest.mark.processes, pytest.mark.django_db(transaction=True)]
LATER = ASKED_AT + timedelta(hours=1)


@pytest.fixture
def school(servers):
    """A school where Alice and Bao have signed."""
    school = make_school()
    InstitutionCode.objects.filter(pk=school.code.pk).update(log=fresh_log())
    school.code.refresh_from_db()
    with scope(base=school.base):
        students = list(school.students.values())
        attendance.flag_students(students, subject_to=False, by=school.secretary, at=TEN)
        attendance.flag_students(students, subject_to=True, by=school.secretary, at=TEN)
        roll_call = open_the_sign_in(school)
        for name in ("alice", "bao"):
            sign(school, roll_call, name)
        yield school


def test_the_bundle_verifies_and_carries_its_sheet_and_its_approval(school):
    request = actions.produce(ask_and_approve(school), by=school.secretary, at=LATER)
    assert (request.state, request.produced_by, request.produced_at) == ("produced", school.secretary, LATER)
    verdict = verify_bundle(bytes(request.bundle), request.fingerprint)
    assert [str(caution.warn) for caution in verdict.warnings] == [
        "demo_policy",
        "clock_unknown",
        "server_ahead",
    ]
    assert [one.event for one in verdict.records[-2:]] == ["audit_trail.requested", "audit_trail.approved"]
    sheet = bundle.read(bytes(request.bundle))["sheet.pdf"]
    text = "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(sheet)).pages)
    assert [name in text for name in ("ADAM Alice", "BENOÎT Bao", "CARON Chloe")] == [True] * 3


def test_a_lecture_hall_of_700(servers):
    school = make_school("hall")
    InstitutionCode.objects.filter(pk=school.code.pk).update(log=fresh_log())
    with scope(base=school.base):
        Student.objects.bulk_create(
            Student(
                base=school.base,
                last_name=f"HALL{number:03}",
                first_name="Zoé",
                identifier_type="ine",
                identifier=f"2{number:08}HG",
                birth_on=date(2005, 1, 1),
            )
            for number in range(696)
        )
        crowd = list(Student.objects.filter(last_name__startswith="HALL").order_by("last_name"))
        school.group.students.add(*crowd)
        attendance.flag_students([*crowd, school.students["dan"]], subject_to=True, by=school.secretary, at=TEN)
        roll_call = open_the_sign_in(school)
        sign(school, roll_call, "dan")
        whole = actions.produce(ask_and_approve(school), by=school.secretary, at=LATER)
        one = actions.produce(ask_and_approve(school, student=crowd[650]), by=school.secretary, at=LATER)
    verdict = verify_bundle(bytes(whole.bundle), whole.fingerprint)
    counted = Counter(record.event for record in verdict.records)
    assert (counted["roll_call.opened"], counted["roll_call.ended"], counted["student.flagged"]) == (3, 3, 697)
    text = _text_of_the_sheet(whole)
    assert [f"HALL{number:03} Zoé" in text for number in range(696)] == [True] * 696
    assert "DAVID Dan" in text
    verdict = verify_bundle(bytes(one.bundle), one.fingerprint)
    counted = Counter(record.event for record in verdict.records)
    assert (counted["roll_call.opened"], counted["roll_call.ended"], counted["student.flagged"]) == (3, 3, 1)
    text = _text_of_the_sheet(one)
    assert ("HALL650 Zoé" in text, "HALL651" in text, "DAVID" in text) == (True, False, False)
    assert "699 other students of the roster are not concerned by this request." in text


def _text_of_the_sheet(request) -> str:
    sheet = bundle.read(bytes(request.bundle))["sheet.pdf"]
    return "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(sheet)).pages)


def test_producing_again_keeps_the_bundle(school):
    first = actions.produce(ask_and_approve(school), by=school.secretary, at=LATER)
    second = actions.produce(first, by=school.director, at=LATER + timedelta(days=1))
    assert (second.produced_by, second.produced_at) == (school.secretary, LATER)
    assert OutboxEvent.objects.filter(event="audit_trail.produced").count() == 1


def test_one_student_s_trail_says_nothing_of_the_others(school):
    request = ask_and_approve(school, student=school.students["bao"])
    request = actions.produce(request, by=school.secretary, at=LATER)
    files = bundle.read(bytes(request.bundle))
    text = "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(files["sheet.pdf"])).pages)
    assert ("BENOÎT Bao" in text, "ADAM" in text, "CARON" in text) == (True, False, False)
    assert "3 other students of the roster are not concerned by this request." in text


def test_a_period_without_a_meeting_is_refused_and_stays_approved(school):
    day = (TEN - timedelta(days=30)).date()
    request = ask_and_approve(school, period_from=day, period_to=day)
    assert code_of(actions.produce, request, by=school.secretary, at=LATER) == "nothing_found"
    request.refresh_from_db()
    assert request.state == "approved"


def test_while_the_vault_is_down_the_request_waits_then_is_produced(school, servers):
    request = ask_and_approve(school)
    servers.vault.stop()
    assert code_of(actions.produce, request, by=school.secretary, at=LATER) == "vault_unavailable"
    servers.vault.start()
    assert actions.produce(request, by=school.secretary, at=LATER).state == "produced"
