"""Retention in a real browser, on the running processes: a hold, an erasure by two persons, a history."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.e2e.people import Device, Person
from tests.e2e.school import School, running_school
from tests.e2e.screen import look

pytestmark = pytest.mark.e2e
WHY = {"reference": "2026/114", "reason": "Dispute with a funder"}


@pytest.fixture(scope="module")
def school(tmp_path_factory: pytest.TempPathFactory) -> Iterator[School]:
    with running_school(tmp_path_factory.mktemp("retention")) as school:
        school.plan("open", "lea.martin")
        yield school


def test_hold_erasure_and_history(school: School, person) -> None:
    secretary: Person = person("secretary", "en", "desktop")
    page = secretary.page
    page.goto("/secretariat/parameters")
    secretary.log_in()
    look(secretary, "parameters-retention", narrow=True)
    page.goto("/secretariat/retention/holds/new")
    page.get_by_label("What is held").select_option("student")
    page.get_by_label("Reference of the letter or file").fill(WHY["reference"])
    page.get_by_label("Reason").fill(WHY["reason"])
    page.get_by_label("For a student: type the name").press_sequentially("benali")
    page.locator("input[name=student]").first.check()
    look(secretary, "hold-new", narrow=True)
    page.get_by_role("button", name="Place the hold").click()
    expect(page.get_by_role("status").filter(has_text="The hold is placed")).to_be_visible()
    look(secretary, "hold", narrow=True)
    page.goto("/secretariat/retention/erasure")
    page.get_by_label("Student or teacher: type the name").press_sequentially("petit")
    page.locator("input[name=student]").first.check()
    page.get_by_label("Reference of the letter or file").fill("GDPR-7")
    page.get_by_label("Reason").fill("Letter of 20/11")
    page.get_by_role("checkbox", name="I know that the legal retention").check()
    look(secretary, "erasure-new", narrow=True)
    page.get_by_role("button", name="Ask for the erasure").click()
    order = page.url.removeprefix(school.url)
    with Device(school, "director") as director:
        assert director.post(f"{order}/approve").status_code == 303
    done = page.get_by_role("button", name="Download the certificate")
    for _try in range(40):
        page.goto(order)
        if done.count():
            break
        page.wait_for_timeout(500)
    expect(done).to_be_visible()
    look(secretary, "order-done", narrow=True)
    page.goto("/secretariat/history")
    page.get_by_label("A student of this base: type the name").press_sequentially("benali")
    page.locator("input[name=student]").first.check()
    page.get_by_role("textbox", name="Reason").fill("Asked by the student")
    page.get_by_role("button", name="Consult").click()
    expect(page.get_by_role("heading", name="Who the student was said to be")).to_be_visible()
    look(secretary, "history", narrow=True)
    page.goto("/secretariat/students")
    page.get_by_role("link", name="MARTIN").first.click()
    look(secretary, "student-correct", narrow=True)


def test_on_a_phone_in_french(school: School, person) -> None:
    director: Person = person("director", "fr", "phone")
    page = director.page
    page.goto("/secretariat/retention")
    director.log_in()
    look(director, "retention", narrow=True)
    for path, name in [("destruction", "destruction-new"), ("erasure", "erasure-new"), ("holds/new", "hold-new")]:
        page.goto(f"/secretariat/retention/{path}")
        look(director, name, narrow=True)
    page.goto("/secretariat/history")
    page.get_by_label("Un étudiant de cette base").press_sequentially("benali")
    page.locator("input[name=student]").first.check()
    page.get_by_role("textbox", name="Motif").fill("Demande de l’étudiante")
    page.get_by_role("button", name="Consulter").click()
    expect(page.get_by_role("heading", name="Qui l’étudiant était")).to_be_visible()
    look(director, "history", narrow=True)
