"""Screens that stay open: numbers as they come, after the server was gone too; then what looks wrong in them."""

import os
import signal
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.e2e.people import Device
from tests.e2e.school import School, running_school
from tests.e2e.screen import look

pytestmark = pytest.mark.e2e

DRAWING = "v1;600x300;100,150 20,-40 25,30 30,-35 40,60"
AGAIN_MS = 30_000
SAID = {
    "en": ("Same device as", "Reviewed: Borrowed a phone."),
    "fr": ("Même appareil que", "Examinée : Borrowed a phone."),
}


@pytest.fixture(scope="module")
def school(tmp_path_factory: pytest.TempPathFactory) -> Iterator[School]:
    with running_school(tmp_path_factory.mktemp("live"), "en") as school:
        yield school


def sign(school: School, role: str, lines: dict[str, str], device: str = "") -> str:
    """A student signs; the device that they signed on."""
    with Device(school, role) as phone:
        if device:
            phone.http.cookies.set("device", device, domain="127.0.0.1")
        answer = phone.post(f"/student/lines/{lines[phone.login]}/sign", method="drawn", drawing=DRAWING)
        assert answer.status_code == 302
        return phone.http.cookies["device"]


def test_the_supervision_shows_each_signature_in_list_and_sheet_and_is_right_after_the_server_was_gone(school, person):
    planned = school.plan("open")
    secretary = person("secretary", "en", "desktop")
    page = secretary.page
    page.goto(f"/secretariat/supervision?meeting={planned.meeting}")
    secretary.log_in()
    numbers = [
        page.locator(f"{place} [data-counts='{planned.meeting}'][data-count=signed]")
        for place in (f"#row-{planned.meeting}", "#meeting")
    ]
    expect(page.locator("#live-state.is-live")).to_be_visible()
    sign(school, "student1", planned.lines)
    for number in numbers:
        expect(number).to_have_text("1")
    expect(page.locator("#signatures tr:has(.state-signed)")).to_have_count(1)
    os.kill(school.child("web"), signal.SIGSTOP)  # from here on nothing is told to anybody
    school.plan("signed", "", planned.meeting, "7")
    school.kill("web")
    for number in numbers:
        expect(number).to_have_text("5", timeout=AGAIN_MS)
    expect(page.locator("#signatures tr:has(.state-signed)")).to_have_count(5, timeout=AGAIN_MS)
    expect(page.locator("#live-state.is-live")).to_be_visible()
    lost = [fault for fault in secretary.watch.faults if "net::ERR_" in fault]
    assert lost
    assert secretary.watch.faults == lost
    secretary.watch.faults.clear()


@pytest.mark.parametrize(("language", "size"), [("en", "desktop"), ("fr", "phone")])
def test_one_phone_for_two_students_is_seen_and_reviewed(school, person, language, size):
    planned = school.plan("open")
    sign(school, "student2", planned.lines, sign(school, "student1", planned.lines))
    secretary = person("secretary", language, size)
    page, (same, reviewed) = secretary.page, SAID[language]
    page.goto("/secretariat/anomalies")
    secretary.log_in()
    page.locator("summary").click()
    expect(page.locator("#main li, main li").filter(has_text=same).first).to_be_visible()
    look(secretary, "anomalies", narrow=True)
    rows = page.locator("[id^=anomaly-]")
    before = rows.count()
    rows.first.locator("[name=note]").fill("Borrowed a phone.")
    rows.first.locator("form button").click()
    expect(rows).to_have_count(before - 1)
    page.goto("/secretariat/anomalies?show=reviewed")
    expect(rows.filter(has_text=reviewed).first).to_be_visible()
    look(secretary, "anomalies-reviewed")


@pytest.mark.parametrize(("language", "size"), [("en", "phone"), ("fr", "desktop")])
def test_a_closed_class_meeting_shows_that_it_has_none(school, person, language, size):
    planned = school.plan("closed")
    secretary = person("secretary", language, size)
    secretary.page.goto(f"/secretariat/supervision/{planned.meeting}")
    secretary.log_in()
    told = {"en": "No anomaly in the scans", "fr": "Aucune anomalie dans les scans"}[language]
    expect(secretary.page.locator("#meeting").get_by_text(told)).to_be_visible()
    look(secretary, "sheet-without-anomaly")
