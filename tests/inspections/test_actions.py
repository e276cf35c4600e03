from datetime import timedelta

import pytest

from emarge.attendance.models import Parameters
from emarge.audit.actions import pseudonyms
from emarge.audit.models import OutboxEvent
from emarge.inspections import actions
from emarge.inspections.models import AuditTrailRequest
from emarge.inspections.rules import RequestState
from emarge.lib.refusal import Refused
from emarge.proof.evidence import records
from tests.attendance.journey import events, last_event, opened
from tests.inspections.requests import ASKED_AT, ask, ask_and_approve

LATER = ASKED_AT + timedelta(hours=1)


def code_of(call, *args, **facts) -> str:
    """The code of the refusal that an action must raise."""
    with pytest.raises(Refused) as caught:
        call(*args, **facts)
    return caught.value.code


def test_a_request_is_kept_and_recorded_without_a_name_in_the_record(school):
    request = ask(school, student=school.students["alice"], inspector=" OPCO E\u0301toile ")
    assert (request.state, request.inspector, request.institution_code) == (
        "requested",
        "OPCO Étoile",
        school.code,
    )
    row = last_event()
    record = records.parse(bytes(row.record))
    alice = school.students["alice"].uuid
    assert (record.event, record.actor.role, record.student) == (
        "audit_trail.requested",
        "staff",
        pseudonyms([alice])[alice],
    )
    assert dict(record.details) == {
        "request": str(request.uuid),
        "period_from": "2026-11-23",
        "period_to": "2026-11-23",
    }
    content = opened(row)
    assert (content["inspector"], content["reference"], content["reason"]) == (
        "OPCO Étoile",
        "ATL-2026/0042",
        "Service delivery check",
    )
    assert [person["name"] for person in content["people"]] == ["SIMON Sylvie", "ADAM Alice"]


def test_a_senseless_request_writes_nothing(school):
    assert code_of(ask, school, reason=" ") == "reason_missing"
    assert (AuditTrailRequest.objects.count(), events()) == (0, [])


def test_a_base_without_an_institution_code_refuses(school):
    Parameters.objects.update(institution_code=None)
    assert code_of(ask, school) == "no_institution_code"


def test_a_second_person_approves(school):
    request = ask_and_approve(school)
    assert (request.state, request.decided_by) == ("approved", school.director)
    assert events() == ["audit_trail.requested", "audit_trail.approved"]


def test_nobody_decides_their_own_request(school):
    school.director.profile.rights = ["request_audit_trails", "approve_audit_trails"]
    request = ask(school, by=school.director)
    assert code_of(actions.approve, request, by=school.director, at=LATER) == "same_person"
    assert code_of(actions.refuse_request, request, reason="no", by=school.director, at=LATER) == "same_person"
    request.refresh_from_db()
    assert (request.state, events()) == ("requested", ["audit_trail.requested"])


def test_a_refusal_keeps_its_reason(school):
    request = actions.refuse_request(ask(school), reason=" No letter ", by=school.director, at=LATER)
    assert (request.state, request.decision_reason, request.decided_at) == ("refused", "No letter", LATER)
    assert opened(last_event())["reason"] == "No letter"


def test_a_request_is_decided_once(school):
    request = ask_and_approve(school)
    assert code_of(actions.approve, request, by=school.director, at=LATER) == "already_decided"
    facts = {"reason": "late", "by": school.director, "at": LATER}
    assert code_of(actions.refuse_request, request, **facts) == "already_decided"
    assert events() == ["audit_trail.requested", "audit_trail.approved"]


def test_rights(school):
    teacher = school.teacher.user
    assert code_of(ask, school, by=teacher) == "no_right"
    assert code_of(ask, school, by=school.director) == "no_right"
    request = ask(school)
    assert code_of(actions.approve, request, by=school.secretary, at=LATER) == "no_right"
    facts = {"reason": "x", "by": school.secretary, "at": LATER}
    assert code_of(actions.refuse_request, request, **facts) == "no_right"
    assert code_of(actions.produce, request, by=teacher, at=LATER) == "no_right"
    assert code_of(actions.download, request, by=teacher, at=LATER) == "no_right"


def test_only_what_is_approved_is_produced_and_only_what_is_produced_is_handed_over(school):
    request = ask(school)
    assert code_of(actions.produce, request, by=school.secretary, at=LATER) == "not_approved"
    assert code_of(actions.download, request, by=school.secretary, at=LATER) == "not_produced"


def test_each_download_is_recorded(school):
    request = ask_and_approve(school)
    AuditTrailRequest.objects.update(state=RequestState.PRODUCED.value, bundle=b"PK bundle")
    request.refresh_from_db()
    handed = [actions.download(request, by=school.secretary, at=LATER) for _time in range(2)]
    assert handed == [b"PK bundle"] * 2
    assert events()[2:] == ["audit_trail.downloaded"] * 2


def test_without_a_vault_the_request_stays_approved(school, monkeypatch):
    monkeypatch.delenv("EMARGE_VAULT_URL", raising=False)
    request = ask_and_approve(school)
    before = OutboxEvent.objects.count()
    assert code_of(actions.produce, request, by=school.secretary, at=LATER) == "vault_unavailable"
    request.refresh_from_db()
    assert (request.state, OutboxEvent.objects.count()) == ("approved", before)
