"""The pictures of the README, taken anew with EMARGE_PICTURES=1 and kept in docs/pictures."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.people import Device, Person
from tests.e2e.png import smaller
from tests.e2e.school import ROOT, School

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(os.environ.get("EMARGE_PICTURES") != "1", reason="pictures are taken with EMARGE_PICTURES=1"),
]

PICTURES = ROOT / "docs" / "pictures"
MOST_BYTES = 150_000
SEALED_MS = 60_000
ABSENT = ("gauthier", "chevalier")


@pytest.fixture(scope="module")
def school(tmp_path_factory: pytest.TempPathFactory) -> Iterator[School]:
    """The demo school at an hour of the day when schools are open, whatever the time is here."""
    school = School(tmp_path_factory.mktemp("pictures") / "data", "en")
    school.plan("school")
    school.start()
    try:
        yield school
    finally:
        school.stop()


def test_take_the_pictures(school, person):
    PICTURES.mkdir(exist_ok=True)
    meeting = school.plan("running").meeting
    teacher = person("teacher", "en", "desktop")
    teacher.page.goto("/")
    teacher.log_in()
    _call_the_roll(teacher, meeting)
    lines = school.plan("signed", "", meeting, "0").lines
    for role in ("student1", "student2", "student3"):
        _sign(person(role, "en", "phone", sharpness=2), lines, pictures=role == "student1")
    school.plan("signed", "", meeting, "7")
    teacher.page.reload()
    _take(teacher, "teacher-validation", wait_for=".state-signed", height=1000)
    teacher.page.goto("/teacher/")
    _take(teacher, "teacher-timetable", wait_for=".week-meeting")
    school.plan("signed", "", meeting, "20")
    secretary = person("secretary", "en", "desktop")
    secretary.page.goto(f"/secretariat/supervision?meeting={meeting}")
    secretary.log_in()
    expect(secretary.page.locator("#signatures .state-waiting")).to_have_count(0, timeout=SEALED_MS)
    _take(secretary, "secretariat-supervision", wait_for="#signatures .state-sealed", height=1080)
    secretary.page.goto(_audit_trail(school))
    _take(secretary, "secretariat-audit-trail", wait_for="code.fingerprint")


def _call_the_roll(teacher: Person, meeting: str) -> None:
    page = teacher.page
    page.goto(f"/teacher/meetings/{meeting}")
    page.locator("form[action$='/start'] button").click()
    for name in ABSENT:
        _row(page, name).locator("[name=presence][value=absent]").click()
        expect(_row(page, name).locator("[value=absent][aria-pressed=true]")).to_be_visible()
    late = _row(page, "benali")
    late.locator("button[value=late]").click()
    late.locator("[name=minutes_late]").fill("10")
    late.locator("[name=reason]").fill("Train delayed")
    with page.expect_response("**/mark"):
        late.locator("[id^=save-]").click()
    expect(late.locator("[name=minutes_late]")).to_have_attribute("value", "10")
    _take(teacher, "teacher-roll-sheet", wait_for="[aria-pressed=true]")
    page.locator("form[action$='/end'] button").click()
    teacher.draw(every=1)
    page.locator("form[data-signature] button:not([type=button])").click()
    page.wait_for_url("**/validation")


def _row(page: Page, name: str):
    return page.locator("li[id^=line-]").filter(has=page.locator("strong", has_text=name.upper()))


def _sign(student: Person, lines: dict[str, str], *, pictures: bool) -> None:
    page = student.page
    page.goto("/")
    student.log_in()
    if pictures:
        _take(student, "student-home", wait_for=".call-to-sign")
    page.locator(f"#sign-{lines[student.login]}").tap()
    student.draw("finger", every=1)
    if pictures:
        _take(student, "student-sign", wait_for="canvas")
    page.locator("form[data-signature] button:not([type=button])").tap()
    page.wait_for_url("**/signed")


def _audit_trail(school: School) -> str:
    """A funder's request, entered, approved and produced: its address."""
    day = datetime.now(UTC).date().isoformat()
    with Device(school, "secretary") as secretary, Device(school, "director") as director:
        asked = secretary.post(
            "/secretariat/audit-trails/new",
            inspector="OPCO Atlas",
            reference="2026-118",
            reason="Check of the hours that were paid for",
            period_from=day,
            period_to=day,
            language="en",
        )
        path = asked.headers["location"]
        assert director.post(f"{path}/approve").status_code == 303
        assert secretary.post(f"{path}/produce").status_code == 303
    return path


def _take(person: Person, name: str, *, wait_for: str, height: int = 0) -> None:
    """Keep a picture of what the person sees from the top, once something of it is there: small, for a README."""
    page = person.page
    expect(page.locator(f"{wait_for}:visible").first).to_be_visible()
    size = page.viewport_size
    assert size is not None
    page.set_viewport_size({"width": size["width"], "height": height or size["height"]})
    page.evaluate("document.activeElement.blur(); scrollTo(0, 0)")
    page.mouse.move(2, 2)
    picture = smaller(page.screenshot())
    page.set_viewport_size(size)
    assert len(picture) <= MOST_BYTES
    (PICTURES / f"{name}.png").write_bytes(picture)
