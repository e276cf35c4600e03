"""The screens of retention: who may, what is refused, what is said."""

from datetime import date, timedelta

import pytest
from django_scopes import scope

from emarge.audit.models import OutboxEvent
from emarge.institutions.models import Student
from emarge.retention.models import LegalHold, Order
from tests.attendance.journey import call_roll, events
from tests.cast import NOON
from tests.spaces.faces import text_of

URL = "/secretariat/retention"
WHY = {"reference": "R-7", "reason": "dispute"}


@pytest.fixture
def secretary(school, clock, browser):
    clock.now = NOON + timedelta(days=1)
    with scope(base=school.base):
        call_roll(school)
    return browser(school, school.secretary)


@pytest.fixture
def director(school, clock, browser):
    return browser(school, school.director)


def placed(school) -> LegalHold:
    with scope(base=school.base):
        return LegalHold.objects.get()


def asked(school) -> Order:
    with scope(base=school.base):
        return Order.objects.order_by("pk").last()


def test_years_are_raised_in_the_parameters_with_a_warning_below_six(school, secretary):
    assert "French funders ask for 6 years" in text_of(secretary.get("/secretariat/parameters"))
    response = secretary.post("/secretariat/parameters/retention", {"years": "6"})
    assert response.status_code == 303
    assert "French funders ask" not in text_of(secretary.get("/secretariat/parameters"))
    for years, code in [("5", "years_lowered"), ("99", "years_out_of_range"), ("six", "years_malformed")]:
        response = secretary.post("/secretariat/parameters/retention", {"years": years})
        assert (response.status_code, response.context["refusal"].code) == (400, code)


def test_a_hold_is_placed_on_a_student_found_by_name(school, secretary):
    page = text_of(secretary.post(f"{URL}/people", {"person_name": "adam"}))
    assert ("ADAM Alice" in page, "•••••••00HG" in page, "TESSIER" in page) == (True, True, False)
    assert "TESSIER" in text_of(secretary.post(f"{URL}/people", {"person_name": "tess", "teachers": "1"}))
    alice = school.students["alice"]
    response = secretary.post(f"{URL}/holds/new", {**WHY, "scope": "student", "student": alice.uuid})
    assert (response.status_code, response["Location"]) == (303, f"{URL}/holds/{placed(school).uuid}")
    page = text_of(secretary.get(response["Location"]))
    assert ("A student: ADAM Alice" in page, "waits for the vault" in page) == (True, True)
    assert "R-7" in text_of(secretary.get(URL))


def test_a_hold_on_a_class_meeting_is_found_by_its_day(school, secretary):
    body = secretary.post(f"{URL}/meetings", {"meeting_on": "2026-11-23"}).content.decode()
    uuid = body.split('name="meeting" id="meeting-')[1][:36]
    assert secretary.post(f"{URL}/holds/new", {**WHY, "scope": "meeting", "meeting": uuid}).status_code == 303
    assert placed(school).meeting == school.meeting.uuid
    assert "No roll was called" in text_of(secretary.post(f"{URL}/meetings", {"meeting_on": "2026-11-22"}))
    assert secretary.post(f"{URL}/meetings", {"meeting_on": "soon"}).status_code == 200


def test_what_is_missing_comes_back_as_typed(school, secretary):
    response = secretary.post(f"{URL}/holds/new", {**WHY, "scope": "student"})
    assert (response.status_code, response.context["refusal"].code) == (400, "student_missing")
    assert "dispute" in response.content.decode()
    assert secretary.post(f"{URL}/holds/new", {"scope": "all"}).status_code == 400
    with scope(base=school.base):
        assert LegalHold.objects.count() == 0


def test_a_hold_is_lifted_by_two(school, secretary, director):
    secretary.post(f"{URL}/holds/new", {**WHY, "scope": "code"})
    hold = f"{URL}/holds/{placed(school).uuid}"
    assert secretary.post(hold, {"reference": "", "reason": ""}).status_code == 400
    response = secretary.post(hold, WHY)
    order = response["Location"]
    assert "somebody else must approve it" in text_of(secretary.get(order))
    assert secretary.post(f"{order}/approve").status_code == 403
    assert director.get(order).context["may_decide"] is True
    assert director.post(f"{order}/refuse", {"reason": ""}).status_code == 400
    assert director.post(f"{order}/approve").status_code == 303
    assert "The hold is lifted." in text_of(director.get(order))
    assert "no longer stands" in text_of(secretary.get(hold))
    assert secretary.post(hold, WHY).context["refusal"].code == "already_lifted"


def test_destruction_is_asked_only_for_what_is_at_its_end(school, secretary, director):
    page = text_of(secretary.get(f"{URL}/destruction"))
    assert "0 records certified before 23/11/2021" in page
    response = secretary.post(f"{URL}/destruction", {**WHY, "before_on": "2026-01-01"})
    assert (response.status_code, response.context["refusal"].code) == (400, "not_at_its_end")
    OutboxEvent.objects.filter(pk=OutboxEvent.objects.order_by("pk").first().pk).update(
        index=0, stamped_at=NOON - timedelta(days=2000)
    )
    response = secretary.post(f"{URL}/destruction", {**WHY, "before_on": "2021-11-22"})
    assert response.status_code == 303
    assert asked(school).before_on == date(2021, 11, 22)
    assert director.post(f"{response['Location']}/refuse", {"reason": "not yet"}).status_code == 303
    assert "not yet" in text_of(secretary.get(response["Location"]))
    assert "2021" in text_of(secretary.get(URL))


def test_an_erasure_warns_while_the_retention_runs(school, secretary, director):
    alice = school.students["alice"]
    response = secretary.post(f"{URL}/erasure", {**WHY, "student": alice.uuid})
    assert (response.status_code, response.context["refusal"].code) == (400, "retention_runs")
    assert "runs until 24/11/2031" in text_of(response)
    response = secretary.post(f"{URL}/erasure", {**WHY, "student": alice.uuid, "acknowledged": "1"})
    assert response.status_code == 303
    page = text_of(director.get(response["Location"]))
    assert ("ADAM Alice" in page, "runs until 24/11/2031" in page) == (True, True)
    assert secretary.post(f"{URL}/erasure", WHY).context["refusal"].code == "person_missing"
    director.post(f"{response['Location']}/approve")
    assert asked(school).state == "approved"
    assert "as soon as the approval is sealed" in text_of(director.get(response["Location"]))
    assert director.post(f"{response['Location']}/certificate").context["refusal"].code == "no_certificate"


def test_the_certificate_is_handed_over_and_recorded(school, secretary):
    secretary.post(f"{URL}/erasure", {**WHY, "student": school.students["alice"].uuid, "acknowledged": "1"})
    order = asked(school)
    with scope(base=school.base):
        Order.objects.update(state="produced", certificate=b"emarge-destruction/1\n", digest="ab" * 32, count=3)
    assert "ab" * 32 in text_of(secretary.get(f"{URL}/orders/{order.uuid}"))
    response = secretary.post(f"{URL}/orders/{order.uuid}/certificate")
    assert (response.content, response["Cache-Control"]) == (b"emarge-destruction/1\n", "no-store")
    with scope(base=school.base):
        assert events()[-1] == "certificate.downloaded"


def test_a_refused_order_names_what_the_vault_said(school, secretary):
    secretary.post(f"{URL}/erasure", {**WHY, "student": school.students["alice"].uuid, "acknowledged": "1"})
    with scope(base=school.base):
        Order.objects.update(state="approved", fault="held")
    assert "A legal hold covers a part of it" in text_of(secretary.get(f"{URL}/orders/{asked(school).uuid}"))
    with scope(base=school.base):
        Order.objects.update(fault="internal")
    assert "tell the operator" in text_of(secretary.get(URL))


PAGES = [URL, f"{URL}/holds/new", f"{URL}/destruction", f"{URL}/erasure", "/secretariat/history"]


def test_without_the_right_403(school, secretary, director, browser):
    for person in (school.teacher.user, school.students["alice"].user):
        client = browser(school, person)
        assert [client.get(url).status_code for url in PAGES] == [403] * 5
        assert [client.post(f"{URL}/{each}").status_code for each in ("people", "meetings")] == [403] * 2
    assert [director.get(url).status_code for url in PAGES] == [200, 403, 403, 403, 403]


def test_of_another_base_404(school, stranger, secretary, browser):
    secretary.post(f"{URL}/holds/new", {**WHY, "scope": "code"})
    secretary.post(f"{URL}/erasure", {**WHY, "student": school.students["alice"].uuid, "acknowledged": "1"})
    foreign = browser(stranger, stranger.director)
    secretary.post(f"{URL}/holds/{placed(school).uuid}", WHY)
    order = f"{URL}/orders/{asked(school).uuid}"
    assert foreign.get(order).status_code == 404
    assert [foreign.post(f"{order}/{verb}").status_code for verb in ("approve", "refuse", "certificate")] == [404] * 3
    assert foreign.get(f"{URL}/holds/{placed(school).uuid}").status_code == 404
    theirs = stranger.students["alice"].uuid
    assert secretary.post(f"{URL}/holds/new", {**WHY, "scope": "student", "student": theirs}).status_code == 404
    assert secretary.post("/secretariat/history", {"student": theirs}).status_code == 404


def test_a_history_needs_a_reason_and_somebody(school, secretary, monkeypatch):
    monkeypatch.delenv("EMARGE_VAULT_URL", raising=False)
    form = {"period_from": "2025-11-23", "period_to": "2026-11-24", "reason": "asked by the student"}
    assert secretary.post("/secretariat/history", {**form, "reason": ""}).status_code == 400
    response = secretary.post("/secretariat/history", form)
    assert (response.status_code, response.context["refusal"].code) == (400, "identity_missing")
    with scope(base=school.base):
        alice = Student.objects.get(last_name="ADAM")
    response = secretary.post("/secretariat/history", {**form, "student": alice.uuid})
    assert (response.status_code, response.context["refusal"].code) == (409, "vault_silent")
    with scope(base=school.base):
        assert events()[-1] == "history.consulted"
