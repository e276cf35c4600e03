"""A roll call by QR code, by the people who make it: the lecturer, the hall with its phones, the secretariat."""

import io
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from pypdf import PdfReader

from tests.e2e.people import SIZES, Device, Person
from tests.e2e.scanned import read_off, video_of
from tests.e2e.school import School, running_school
from tests.e2e.screen import look

pytestmark = pytest.mark.e2e

SHARED = {"width": 1920, "height": 1080}
SUBJECT = "Projet web"


@pytest.fixture(scope="module")
def school(tmp_path_factory: pytest.TempPathFactory) -> Iterator[School]:
    with running_school(tmp_path_factory.mktemp("codes")) as school:
        yield school


@contextmanager
def phone_with_camera(browser: Browser, school: School, role: str, language: str, film: Path) -> Iterator[Person]:
    """A phone whose camera sees a film, and whose owner lets pages of this site use it."""
    camera = browser.browser_type.launch(
        executable_path=shutil.which("chromium"),
        args=[
            "--no-sandbox",
            "--disable-gpu",
            "--use-fake-device-for-media-stream",
            f"--use-file-for-fake-video-capture={film}",
        ],
    )
    width, height = SIZES["phone"]
    context = camera.new_context(
        base_url=school.url,
        locale={"en": "en-GB", "fr": "fr-FR"}[language],
        viewport={"width": width, "height": height},
        has_touch=True,
        is_mobile=True,
        permissions=["camera"],
    )
    owner = Person(school, role, language, "phone", context)
    yield owner
    camera.close()
    assert owner.watch.faults == []


@contextmanager
def another_tab(person: Person, page: Page) -> Iterator[Page]:
    """What the person does in a tab that was just opened."""
    before, person.page = person.page, page
    yield page
    person.page = before


def _send(page: Page):
    return page.locator("form[data-signature] button:not([type=button])")


def _starts(teacher: Person, meeting: str) -> None:
    page = teacher.page
    page.goto(f"/teacher/meetings/{meeting}")
    if "/login" in page.url:
        teacher.log_in()
    look(teacher, "code-to-start", narrow=True)
    page.locator("form[action$='/start'] button").click()
    page.wait_for_url("**/signature")
    look(teacher, "code-signature")
    teacher.draw()
    _send(page).click()
    expect(page.locator("#running")).to_be_visible()


def _displays(person: Person) -> Page:
    """*Display the QR code*, in a tab of its own."""
    with person.context.expect_page() as opened:
        person.page.locator("a[href$='/projector']").click()
    screen = opened.value
    person.watch.attach(screen)
    screen.set_viewport_size(SHARED)
    screen.wait_for_load_state()
    return screen


def _reader(student: Person) -> Page:
    """A page that may run the decoder: the one of the camera."""
    student.page.goto("/student/code")
    if "/login" in student.page.url:
        student.log_in()
    return student.page


def _path(address: str | None, school: School) -> str:
    assert address is not None
    assert re.fullmatch(r"HTTP://127\.0\.0\.1:\d+/Q/[0-9A-Z]{1,12}/[0-9A-Z]{16}", address)
    return address.lower().removeprefix(school.url)


def _row(page: Page, login: str):
    return page.locator("li[id^=line-], li[id^=row-]").filter(
        has=page.locator("strong", has_text=login.rpartition(".")[2].upper())
    )


def test_a_hall_scans_and_signs(school, person, browser):
    meeting = school.plan("rolling_qr").meeting
    teacher = person("teacher", "en", "desktop")
    _starts(teacher, meeting)
    look(teacher, "code-running", narrow=True)
    screen = _displays(teacher)
    with another_tab(teacher, screen):
        expect(screen.locator("#code img")).to_be_visible()
        look(teacher, "projector")
        box = screen.locator("#code img").bounding_box()
        assert box is not None
        assert box["height"] >= 1000
    helper = person("student3", "en", "phone")
    reader = _reader(helper)
    look(helper, "code-no-camera", narrow=True)
    student = person("student2", "fr", "phone")
    student.page.goto(_path(read_off(screen, reader), school))
    expect(student.page).to_have_url(re.compile("/login"))
    student.log_in()
    pad = student.page.locator("form[data-sign]")
    expect(pad).to_be_visible()
    look(student, "scanned", narrow=True)
    row = _row(teacher.page, student.login)
    expect(row.locator("#present-" + (row.get_attribute("id") or "").removeprefix("line-"))).to_have_attribute(
        "aria-pressed", "true"
    )
    student.draw("finger")
    _loses_the_network_and_sends_again(student)
    expect(student.page.locator("#said.alert-success")).to_contain_text("Vous avez signé")
    look(student, "scanned-and-signed", narrow=True)
    reader.fill("#code", screen.locator("#typed").inner_text())
    reader.locator("form[action$='/typed'] button").tap()
    reader.wait_for_url("**/sign")
    helper.draw("finger")
    _send(reader).tap()
    reader.wait_for_url("**/signed")
    expect(screen.locator("#count")).to_have_text("2 of 5 here")
    teacher.page.locator("form[action$='/end'] button").click()
    teacher.page.wait_for_url("**/validation")
    look(teacher, "code-validation")
    expect(teacher.page.locator(".state-absent")).to_have_count(3)
    expect(screen.locator("#said")).to_have_text("The roll call has ended.")


def _loses_the_network_and_sends_again(student: Person) -> None:
    student.context.set_offline(True)
    _send(student.page).tap()
    expect(student.page.locator("[data-signature-refusal]")).to_contain_text("Rien n’est perdu")
    look(student, "unsent")
    student.context.set_offline(False)
    lost = [fault for fault in student.watch.faults if "ERR_INTERNET_DISCONNECTED" in fault]
    assert student.watch.faults == lost
    student.watch.faults.clear()
    _send(student.page).tap()


def test_staff_in_the_teacher_s_place_and_the_camera_of_the_space(school, person, browser, tmp_path):
    meeting = school.plan("set_qr").meeting
    secretary = person("secretary", "fr", "desktop")
    secretary.page.goto(f"/secretariat/supervision?meeting={meeting}")
    secretary.log_in()
    secretary.page.locator("[data-dialog-open=in-place]").click()
    look(secretary, "in-place", narrow=True)
    secretary.page.locator("#in-place .btn-primary").click()
    expect(secretary.page.locator(".messages")).to_contain_text("ouvert par Nadia LEFÈVRE pour")
    look(secretary, "opened-in-place", narrow=True)
    screen = _displays(secretary)
    with another_tab(secretary, screen):
        look(secretary, "projector-set")
    printed = PdfReader(io.BytesIO(screen.pdf(prefer_css_page_size=True)))
    assert len(printed.pages) == 1
    assert SUBJECT in printed.pages[0].extract_text()
    reader = _reader(person("student2", "en", "phone"))
    address = read_off(screen, reader)
    _path(address, school)
    with phone_with_camera(browser, school, "student1", "fr", video_of(str(address), tmp_path / "code.y4m")) as student:
        student.page.goto("/")
        student.log_in()
        student.page.locator("a[href='/student/code']").first.tap()
        expect(student.page.locator("form[data-sign]")).to_be_visible()
        student.draw("finger")
        _send(student.page).tap()
        expect(student.page.locator("#said.alert-success")).to_contain_text("Vous avez signé")
    expect(screen.locator("#count")).to_have_text("Présents : 1 sur 5")
    teacher = person("teacher", "fr", "desktop")
    teacher.page.goto(f"/teacher/meetings/{meeting}")
    teacher.log_in()
    look(teacher, "opened-in-place", narrow=True)
    secretary.page.locator("form[action$='/end-in-place'] button").click()
    expect(secretary.page.locator("#meeting")).to_contain_text("Incomplète")
    look(secretary, "incomplete")
    teacher.page.goto(f"/teacher/meetings/{meeting}/signature")
    teacher.draw()
    _send(teacher.page).click()
    teacher.page.wait_for_url("**/validation")


def test_another_qr_code_is_refused_in_words(school, person, browser, tmp_path):
    meeting = school.plan("set_qr").meeting
    with Device(school, "secretary") as secretary:
        assert secretary.post(f"/secretariat/supervision/{meeting}/open-in-place").status_code == 303
    film = video_of("HTTPS://EXAMPLE.ORG/Q/1/0123456789ABCDEF", tmp_path / "foreign.y4m")
    with phone_with_camera(browser, school, "student1", "en", film) as student:
        student.page.goto("/student/code")
        student.log_in()
        expect(student.page.locator("#camera-said")).to_contain_text("not the one of a class meeting")
        look(student, "foreign-code", narrow=True)
        assert student.page.url.endswith("/student/code")


def test_three_tabs_show_codes_that_all_count(school, person):
    meeting = school.plan("rolling_qr").meeting
    with Device(school, "secretary") as secretary:
        assert secretary.post(f"/secretariat/supervision/{meeting}/open-in-place").status_code == 303
    staff = person("secretary", "en", "desktop")
    staff.page.goto(f"/secretariat/supervision?meeting={meeting}")
    staff.log_in()
    tabs = [_displays(staff) for _ in range(3)]
    reader = _reader(person("student2", "en", "phone"))
    taken, steps = [], set()
    with Device(school, "student1") as student:
        for number in range(30):
            path = _path(read_off(tabs[number % 3], reader), school)
            page = student.get(path)
            ticket = re.search(r'name="ticket" value="([^"]+)"', page.text)
            assert ticket is not None
            said = student.post("/student/scan", ticket=ticket[1])
            taken.append((page.status_code, said.status_code))
            steps.add(path)
    assert taken == [(200, 302)] * 30
    assert len(steps) >= 2


def test_the_shared_screen_says_when_the_network_is_lost_and_goes_on_after(school, person):
    meeting = school.plan("rolling_qr").meeting
    with Device(school, "secretary") as secretary:
        assert secretary.post(f"/secretariat/supervision/{meeting}/open-in-place").status_code == 303
    staff = person("secretary", "en", "desktop")
    staff.page.goto(f"/secretariat/supervision/{meeting}/projector")
    staff.log_in()
    screen = staff.page
    screen.set_viewport_size(SHARED)
    expect(screen.locator("#typed")).to_be_visible()
    before = screen.locator("#typed").inner_text()
    staff.context.set_offline(True)
    expect(screen.locator("#said")).to_have_text("No connection: trying again…")
    expect(screen.locator("#said")).to_contain_text("cannot be renewed")
    look(staff, "projector-lost")
    staff.context.set_offline(False)
    expect(screen.locator("#said")).to_have_text("")
    assert screen.locator("#typed").inner_text() != before
    assert all("ERR_INTERNET_DISCONNECTED" in fault for fault in staff.watch.faults)
    staff.watch.faults.clear()
