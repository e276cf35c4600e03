from datetime import date, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django_scopes import scope

from emarge.audit.models import OutboxEvent
from emarge.inspections.models import AuditTrailRequest
from emarge.institutions.models import Student
from tests.attendance.journey import events
from tests.inspections.requests import ASKED_AT, ask, ask_and_approve

URL = "/secretariat/audit-trails"
FORM = {
    "inspector": "OPCO Atlas",
    "reference": "ATL-2026/0042",
    "reason": "Service delivery check",
    "period_from": "2026-11-01",
    "period_to": "2026-11-23",
    "language": "fr",
    "student": "",
}


@pytest.fixture
def secretary(school, clock, browser):
    clock.now = ASKED_AT
    return browser(school, school.secretary)


@pytest.fixture
def director(school, clock, browser):
    return browser(school, school.director)


def entered(school, steps=ask, **changes) -> AuditTrailRequest:
    with scope(base=school.base):
        return steps(school, **changes)


def kept(school) -> AuditTrailRequest:
    with scope(base=school.base):
        return AuditTrailRequest.objects.get()


def produced(school) -> AuditTrailRequest:
    request = entered(school, ask_and_approve)
    with scope(base=school.base):
        AuditTrailRequest.objects.update(state="produced", bundle=b"PK bundle", fingerprint="ab" * 32)
    return request


def test_a_request_is_entered_for_one_student(school, secretary):
    alice = school.students["alice"]
    response = secretary.post(f"{URL}/new", {**FORM, "student": alice.uuid})
    request = kept(school)
    assert (response.status_code, response["Location"]) == (303, f"{URL}/{request.uuid}")
    assert (request.student, request.language, request.period_from) == (alice, "fr", date(2026, 11, 1))
    assert (request.requested_by, request.requested_at) == (school.secretary, ASKED_AT)
    page = secretary.get(response["Location"]).content.decode()
    assert "Somebody else must approve it now." in page
    assert "•••••••00HG" in page


@pytest.mark.parametrize(
    "changes",
    [
        {"inspector": ""},
        {"reference": "x" * 101},
        {"reason": " "},
        {"period_from": "yesterday"},
        {"period_to": ""},
        {"language": "de"},
    ],
)
def test_a_form_that_lacks_something_comes_back_as_typed(secretary, changes):
    response = secretary.post(f"{URL}/new", {**FORM, **changes})
    assert response.status_code == 400
    assert list(response.context["form"].errors) == list(changes)
    assert OutboxEvent.objects.count() == 0


def test_a_refusal_of_the_rules_is_said(secretary):
    response = secretary.post(f"{URL}/new", {**FORM, "period_to": "2026-10-01"})
    assert (response.status_code, response.context["refusal"].code) == (400, "period_reversed")
    assert OutboxEvent.objects.count() == 0


def test_student_of_another_base_404(school, stranger, secretary):
    assert secretary.post(f"{URL}/new", {**FORM, "student": stranger.students["alice"].uuid}).status_code == 404


def test_students_are_offered_by_name_with_a_masked_identifier(school, secretary):
    page = secretary.get(f"{URL}/students", {"student_name": "benoit"}).content.decode()
    assert (page.count('type="radio"'), "•••••••01HG" in page, "1117210" in page) == (1, True, False)
    with scope(base=school.base):
        Student.objects.bulk_create(
            Student(base=school.base, last_name=f"NOM{number}", first_name="Ali") for number in range(25)
        )
    page = secretary.get(f"{URL}/students", {"student_name": "nom"}).content.decode()
    assert (page.count('type="radio"'), "There are more" in page) == (20, True)
    assert secretary.get(f"{URL}/students").content.decode().count('type="radio"') == 0


def test_a_second_person_approves(school, secretary, director):
    request = entered(school)
    assert director.get(f"{URL}/{request.uuid}").context["may_decide"] is True
    assert director.post(f"{URL}/{request.uuid}/approve").status_code == 303
    assert (kept(school).state, kept(school).decided_by) == ("approved", school.director)
    assert "Produce the audit trail" in secretary.get(f"{URL}/{request.uuid}").content.decode()


def test_the_one_who_asked_is_told_that_somebody_else_must_decide(school, secretary):
    request = entered(school)
    response = secretary.get(f"{URL}/{request.uuid}")
    assert (response.context["may_decide"], response.context["own"]) == (False, True)
    assert "somebody else must approve it" in response.content.decode()


def test_a_refusal_needs_its_reason_and_shows_it(school, director):
    request = entered(school)
    response = director.post(f"{URL}/{request.uuid}/refuse", {"reason": " "})
    assert (response.status_code, response.context["refusal"].code) == (400, "reason_missing")
    assert director.post(f"{URL}/{request.uuid}/refuse", {"reason": "No letter"}).status_code == 303
    page = director.get(f"{URL}/{request.uuid}").content.decode()
    assert "No letter" in page
    assert director.post(f"{URL}/{request.uuid}/approve").status_code == 409


def test_without_the_vault_production_says_to_try_again(school, secretary, monkeypatch):
    monkeypatch.delenv("EMARGE_VAULT_URL", raising=False)
    request = entered(school, ask_and_approve)
    response = secretary.post(f"{URL}/{request.uuid}/produce")
    assert (response.status_code, response.context["refusal"].code) == (409, "vault_unavailable")
    assert kept(school).state == "approved"


def test_the_bundle_is_handed_over_by_post_and_recorded(school, secretary):
    request = produced(school)
    response = secretary.post(f"{URL}/{request.uuid}/download")
    assert (response.status_code, response.content) == (200, b"PK bundle")
    assert {name: response[name] for name in ("Content-Type", "Content-Disposition", "Cache-Control")} == {
        "Content-Type": "application/zip",
        "Content-Disposition": 'attachment; filename="audit-trail-atl-20260042.zip"',
        "Cache-Control": "no-store",
    }
    with scope(base=school.base):
        assert events()[-1] == "audit_trail.downloaded"


def test_the_page_of_a_bundle_tells_how_to_check_it(school, secretary):
    page = secretary.get(f"{URL}/{produced(school).uuid}").content.decode()
    assert f"emarge verify audit-trail-atl-20260042.zip --trust {'ab' * 32}" in page


def test_a_reference_without_a_letter_still_names_a_file(school, secretary):
    with scope(base=school.base):
        request = produced(school)
        AuditTrailRequest.objects.update(reference='"\r\n;')
    response = secretary.post(f"{URL}/{request.uuid}/download")
    assert response["Content-Disposition"] == f'attachment; filename="audit-trail-{request.uuid}.zip"'


def test_not_approved_is_neither_produced_nor_handed_over(school, secretary):
    request = entered(school)
    for verb, code in [("produce", "not_approved"), ("download", "not_produced")]:
        response = secretary.post(f"{URL}/{request.uuid}/{verb}")
        assert (response.status_code, response.context["refusal"].code) == (409, code)


def test_the_list_does_not_load_the_bundles_and_its_queries_do_not_grow(school, secretary):
    def queries():
        with CaptureQueriesContext(connection) as captured:
            secretary.get(URL)
        return captured.captured_queries

    produced(school)
    one = queries()
    assert [query["sql"] for query in one if '"bundle"' in query["sql"]] == []
    for days in range(2):
        entered(school, at=ASKED_AT + timedelta(days=days), student=school.students["bao"])
    assert len(queries()) == len(one)


VERBS = ["approve", "refuse", "produce", "download"]


def test_without_the_right_403(school, clock, browser):
    request = entered(school)
    for person in [school.teacher.user, school.students["alice"].user]:
        client = browser(school, person)
        pages = [URL, f"{URL}/new", f"{URL}/students", f"{URL}/{request.uuid}"]
        assert [client.get(url).status_code for url in pages] == [403] * 4
        assert [client.post(f"{URL}/{request.uuid}/{verb}").status_code for verb in VERBS] == [403] * 4


def test_asking_is_not_approving(school, secretary, director):
    request = entered(school)
    assert secretary.post(f"{URL}/{request.uuid}/approve").status_code == 403
    assert secretary.post(f"{URL}/{request.uuid}/refuse").status_code == 403
    assert director.get(f"{URL}/new").status_code == 403
    assert director.post(f"{URL}/new", FORM).status_code == 403


def test_of_another_base_404(school, stranger, clock, browser):
    request = entered(school)
    client = browser(stranger, stranger.secretary)
    assert client.get(f"{URL}/{request.uuid}").status_code == 404
    assert [client.post(f"{URL}/{request.uuid}/{verb}").status_code for verb in ["produce", "download"]] == [404] * 2
    other = browser(stranger, stranger.director)
    assert [other.post(f"{URL}/{request.uuid}/{verb}").status_code for verb in ["approve", "refuse"]] == [404] * 2


def test_wrong_method_405(school, secretary, director):
    request = entered(school)
    assert [secretary.post(url).status_code for url in [URL, f"{URL}/{request.uuid}", f"{URL}/students"]] == [405] * 3
    assert [director.get(f"{URL}/{request.uuid}/{verb}").status_code for verb in VERBS] == [405] * 4
    assert secretary.delete(f"{URL}/new").status_code == 405
