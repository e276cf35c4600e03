"""The whole journey, by the people who make it: from the roll call to a file that a stranger checks."""

import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from emarge.cli.verify_texts import TEXTS
from tests.e2e.people import Person
from tests.e2e.school import School, running_school
from tests.e2e.screen import look

pytestmark = pytest.mark.e2e

LIVE_MS = 20_000  # less than the half minute after which the page would ask by itself
SEALED_MS = 30_000
MINUTES, REASON = "7", "Bus 12"
_SIGNERS = ("> div", "tr:has(.state-signed)")
REQUEST = {"inspector": "OPCO Exemple", "reference": "DOSSIER-2026/17", "reason": "Contrôle de service fait"}


@pytest.fixture(scope="module", params=["en", "fr"])
def language(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def school(language: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[School]:
    with running_school(tmp_path_factory.mktemp(f"journey-{language}"), language) as school:
        yield school


def test_from_the_roll_call_to_the_proof(school, person, language, tmp_path):
    meeting = school.plan("running").meeting
    teacher = person("teacher", language, "desktop")
    lines = _calls_the_roll(teacher, meeting)
    _signs_and_opens(teacher, meeting)
    ways = {"student1": _signs_with_a_finger, "student2": _signs_with_a_pen, "student3": _signs_by_keys}
    for role, way in ways.items():
        student = person(role, language, "phone")
        line = lines[student.login]
        _arrives_at_the_widget(student, line, by_keyboard=way is _signs_by_keys)
        way(student, line)
        _has_signed(student, line)
        _is_seen_at_once(teacher, line)
    look(teacher, "validation")
    _reads_the_summary(student, lines[student.login])
    secretary = person("secretary", language, "desktop")
    _supervises(secretary, meeting, len(lines) + 1)
    trail = _asks_for_the_trail(secretary)
    _approves(person("director", language, "desktop"), trail)
    bundle, fingerprint = _produces(secretary, trail, tmp_path)
    _checks(school, bundle, fingerprint, language)
    _sets_parameters(secretary, fingerprint)


def test_the_secretary_says_who_and_what_is_subject(school, person, language):
    secretary = person("secretary", language, "desktop")
    secretary.log_in()
    _flags_students(secretary)
    _flags_courses(secretary)


def _calls_the_roll(teacher: Person, meeting: str) -> dict[str, str]:
    """The teacher logs in and calls the roll; the lines of those who are there, by login."""
    page = teacher.page
    page.goto("/")
    look(teacher, "login", narrow=True)
    teacher.log_in()
    look(teacher, "timetable", narrow=True)
    page.locator(f"a.week-meeting[href$='{meeting}']:visible").click()
    look(teacher, "roll-call-to-start", narrow=True)
    page.locator("form[action$='/start'] button").click()
    rows = page.locator("li[id^=line-]")
    everyone = {_login(row.locator("strong").inner_text(), row): row.get_attribute("id") for row in rows.all()}
    lines = {login: name.removeprefix("line-") for login, name in everyone.items()}
    here = {login for role, (login, _) in teacher.school.logins.items() if role.startswith("student")}
    with _staying(page):
        for login, line in lines.items():
            if login not in here:
                page.locator(f"#absent-{line}").click()
                expect(page.locator(f"#absent-{line}")).to_have_attribute("aria-pressed", "true")
        _marks_late(page, lines[teacher.school.logins["student3"][0]])
    look(teacher, "roll-sheet", narrow=True)
    shown = _sheet(page)
    page.reload()
    assert _sheet(page) == shown
    page.locator("form[action$='/end'] button").click()
    return {login: line for login, line in lines.items() if login in here}


def _login(last: str, row) -> str:
    first = row.locator("strong").locator("xpath=..").inner_text().removeprefix(last).strip()
    plain = unicodedata.normalize("NFKD", f"{first}.{last}".lower())
    return "".join(character for character in plain if not unicodedata.combining(character))


def _marks_late(page: Page, line: str) -> None:
    page.locator(f"#late-{line}").click()
    page.locator(f"#minutes-{line}").fill(MINUTES)
    page.locator(f"#reason-{line}").fill(REASON)
    with page.expect_response(f"**/teacher/lines/{line}/mark") as answer:
        page.locator(f"#save-{line}").click()
    assert answer.value.status == 200
    expect(page.locator(f"#minutes-{line}")).to_have_attribute("value", MINUTES)
    expect(page.locator(f"#reason-{line}")).to_have_attribute("value", REASON)


def _sheet(page: Page) -> tuple[str, list[str | None]]:
    """What the sheet shows: its words, and what stands in its fields."""
    values = [field.get_attribute("value") for field in page.locator("main li input:not([type=hidden])").all()]
    return page.locator("main").inner_text(), values


class _staying:  # noqa: N801 - reads as a sentence: with _staying(page)
    """The page must not be loaded anew inside the block."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def __enter__(self) -> None:
        self.page.evaluate("window.stayed = true")

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if kind is None:
            assert self.page.evaluate("window.stayed") is True


def _signs_and_opens(teacher: Person, meeting: str) -> None:
    page = teacher.page
    expect(page).to_have_url(f"{teacher.school.url}/teacher/meetings/{meeting}/signature")
    look(teacher, "signature", narrow=True)
    _draws_twice(teacher, "mouse")
    look(teacher, "signature-drawn")
    _send(page).click()
    expect(page).to_have_url(f"{teacher.school.url}/teacher/meetings/{meeting}/validation")
    look(teacher, "validation-opened", narrow=True)
    page.evaluate("window.stayed = true")


def _draws_twice(person: Person, pointer: str) -> None:
    """Draw, start over, draw again: only a drawing can be sent."""
    send = _send(person.page)
    expect(send).to_be_disabled()
    person.draw(pointer)
    expect(send).to_be_enabled()
    person.page.locator("[data-signature-clear]").click()
    expect(send).to_be_disabled()
    person.draw(pointer)
    expect(send).to_be_enabled()


def _send(page: Page):
    return page.locator("form[data-signature] button:not([type=button])")


def _arrives_at_the_widget(student: Person, line: str, *, by_keyboard: bool) -> None:
    student.page.goto("/")
    student.log_in(by_keyboard=by_keyboard)
    expect(student.page.locator(f"#sign-{line}")).to_be_visible()
    look(student, "home", narrow=True)


def _signs_with_a_finger(student: Person, line: str) -> None:
    student.page.locator(f"#sign-{line}").tap()
    look(student, "sign", narrow=True)
    _draws_twice(student, "finger")
    look(student, "sign-drawn")
    _send(student.page).tap()


def _signs_with_a_pen(student: Person, line: str) -> None:
    student.page.goto("/student/to-sign")
    look(student, "to-sign", narrow=True)
    student.page.locator(f"#sign-{line}").click()
    _draws_twice(student, "pen")
    _send(student.page).click()


def _signs_by_keys(student: Person, line: str) -> None:
    """The keyboard alternative, with nothing but keys."""
    page, keys = student.page, student.page.keyboard
    student.tab_to(page.locator(f"#sign-{line}"))
    keys.press("Enter")
    page.wait_for_url(f"**/student/lines/{line}/sign")
    student.tab_to(page.locator("summary"))
    keys.press("Enter")
    student.tab_to(page.locator("[name=keyboard_consent]"))
    keys.press("Space")
    expect(_send(page)).to_be_disabled()
    student.tab_to(page.locator("[name=typed_name]"))
    keys.type("Jules Petit")
    look(student, "sign-by-keyboard", narrow=True)
    student.tab_to(_send(page))
    keys.press("Enter")


def _has_signed(student: Person, line: str) -> None:
    """The success page; going back and validating again is success again."""
    page, signed = student.page, f"{student.school.url}/student/lines/{line}/signed"
    expect(page).to_have_url(signed)
    look(student, "signed", narrow=True)
    drawings = page.locator("svg.signature-drawing").count()
    assert drawings == (0 if student.role == "student3" else 1)
    page.go_back()
    expect(page).to_have_url(signed)
    again = page.evaluate(
        """async (url) => (await fetch(url, {method: "POST", body: new URLSearchParams({
          csrfmiddlewaretoken: document.querySelector("[name=csrfmiddlewaretoken]").value,
          method: "drawn", drawing: "v1;600x300;10,10 200,0 0,200",
        })})).url""",
        f"/student/lines/{line}/sign",
    )
    assert again == signed


def _is_seen_at_once(teacher: Person, line: str) -> None:
    row = teacher.page.locator(f"#row-{line}")
    expect(row.locator(".state-signed")).to_be_visible(timeout=LIVE_MS)
    assert teacher.page.evaluate("window.stayed") is True


def _reads_the_summary(student: Person, line: str) -> None:
    page = student.page
    page.goto("/student/sign-ins")
    expect(page.locator(f"a[href$='/student/lines/{line}/signed']")).to_be_visible()
    look(student, "summary", narrow=True)
    page.goto("/student/")
    expect(page.locator(".call-to-sign")).to_have_count(0)
    look(student, "home-nothing-to-sign", narrow=True)


def _supervises(secretary: Person, meeting: str, signers: int) -> None:
    """Supervision: the signatures, their records, the filters, the final validation."""
    page = secretary.page
    page.goto("/")
    secretary.log_in()
    expect(page).to_have_url(f"{secretary.school.url}/secretariat/supervision")
    look(secretary, "supervision")
    shown = {}
    for narrowed in ("all", "incomplete", "unsigned", "open_now"):
        page.locator("#show").select_option(narrowed)
        with page.expect_navigation():
            page.locator("form[role=search] button").click()
        shown[narrowed] = page.locator(f"#row-{meeting}").count()
    assert shown == {"all": 1, "incomplete": 0, "unsigned": 0, "open_now": 1}
    page.locator(f"#row-{meeting}").click()
    records = page.locator(", ".join(f"#signatures {place} .state-sealed + .num" for place in _SIGNERS))
    expect(records).to_have_count(signers, timeout=SEALED_MS)
    expect(page.locator("#signatures .state-waiting")).to_have_count(0, timeout=SEALED_MS)
    expect(page.locator("#signatures svg.signature-drawing")).to_have_count(signers - 1)
    assert len({_number(text) for text in records.all_inner_texts()}) == signers
    look(secretary, "supervision-meeting")
    with page.expect_navigation():
        page.locator("#validate").click()
    expect(page.locator("#meeting > .card-body > p .state-validated")).to_be_visible()
    expect(page.locator("#meeting-record .state-sealed")).to_be_visible(timeout=SEALED_MS)
    look(secretary, "supervision-validated")


def _number(text: str) -> int:
    """The record number in « no. 12, 10:15:03 »."""
    digits = [word.strip(",.") for word in text.split() if word.strip(",.").isdigit()]
    assert len(digits) == 1, text
    return int(digits[0])


def _asks_for_the_trail(secretary: Person) -> str:
    """The secretary enters a funder's request, and cannot approve it: its address."""
    page = secretary.page
    page.goto("/secretariat/audit-trails")
    look(secretary, "audit-trails-none")
    page.locator("a[href='/secretariat/audit-trails/new']").click()
    for name, text in REQUEST.items():
        page.fill(f"[name={name}]", text)
    page.fill("[name=student_name]", "petit")
    expect(page.locator("#student-options input[name=student]")).to_have_count(1)
    look(secretary, "audit-trail-new")
    page.locator("main form button.btn-primary").click()
    page.wait_for_url("**/secretariat/audit-trails/*-*")
    assert page.locator("form[action$='/approve']").count() == 0
    look(secretary, "audit-trail-requested")
    secretary.watch.expected.add(403)
    refused = page.evaluate(
        """async (url) => (await fetch(url, {method: "POST", body: new URLSearchParams({
          csrfmiddlewaretoken: document.querySelector("[name=csrfmiddlewaretoken]").value,
        })})).status""",
        f"{page.url}/approve",
    )
    assert refused == 403
    secretary.watch.expected.clear()
    return page.url


def _approves(director: Person, trail: str) -> None:
    page = director.page
    page.goto("/secretariat/audit-trails")
    director.log_in()
    look(director, "audit-trails")
    page.locator(f"a[href='{trail.removeprefix(director.school.url)}']").click()
    look(director, "audit-trail-to-approve")
    page.locator("form[action$='/approve'] button").click()
    expect(page.locator("form[action$='/produce']")).to_be_visible()


def _produces(secretary: Person, trail: str, folder: Path) -> tuple[Path, str]:
    page = secretary.page
    page.goto(trail)
    look(secretary, "audit-trail-approved")
    page.locator("form[action$='/produce'] button").click()
    expect(page.locator("form[action$='/download']")).to_be_visible(timeout=60_000)
    look(secretary, "audit-trail-produced")
    fingerprint = page.locator("code.fingerprint").inner_text()
    with page.expect_download() as download:
        page.locator("form[action$='/download'] button").click()
    assert download.value.suggested_filename == "audit-trail-dossier-202617.zip"
    bundle = folder / download.value.suggested_filename
    download.value.save_as(bundle)
    return bundle, fingerprint


def _checks(school: School, bundle: Path, fingerprint: str, language: str) -> None:
    """The stranger: yes to the file as it came, no once one byte of it is another."""
    said = school.emarge("verify", str(bundle), "--trust", fingerprint)
    assert (said.returncode, said.stderr) == (0, "")
    assert said.stdout.startswith(TEXTS[language].valid.split("{")[0])
    assert [name for name in ("MOREAU", "MARTIN", "BENALI", "PETIT") if name not in said.stdout] == []
    data = bytearray(bundle.read_bytes())
    data[len(data) // 2] ^= 1
    bundle.write_bytes(data)
    said = school.emarge("verify", str(bundle), "--trust", fingerprint)
    assert (said.returncode, said.stdout.splitlines()[0]) == (1, TEXTS[language].invalid)


def _sets_parameters(secretary: Person, fingerprint: str) -> None:
    page = secretary.page
    page.goto("/secretariat/parameters")
    expect(page.locator("code.fingerprint")).to_have_text(fingerprint, timeout=SEALED_MS)
    look(secretary, "parameters")
    for dialog in ("deactivation", "code-selection"):
        page.locator(f"[data-dialog-open={dialog}]").click()
        look(secretary, f"parameters-{dialog}")
        page.locator(f"#{dialog} [data-dialog-close]").click()
        expect(page.locator(f"#{dialog}")).not_to_be_visible()
    page.fill("#number", "20")
    with page.expect_navigation():
        page.locator("form[action$='/extension'] button").click()
    expect(page.locator(".messages [role=status]")).to_be_visible()
    assert page.locator("#number").input_value() == "20"


def _flags_students(secretary: Person) -> None:
    """An incomplete student is refused, with the list of what is missing."""
    page = secretary.page
    page.goto("/secretariat/students?flag=incomplete")
    expect(page.locator("tbody tr")).to_have_count(1)
    page.locator("tbody [name=row]").check()
    with page.expect_navigation():
        page.locator("button[name=subject_to][value=yes]").click()
    todo = page.locator("section[role=alert] li")
    expect(todo).to_have_count(1)
    expect(todo.locator("strong")).to_have_text("ROY Anna")
    expect(page.locator(".alert-success")).to_have_count(0)
    look(secretary, "students-to-complete")
    page.goto("/secretariat/students")
    look(secretary, "students")


def _flags_courses(secretary: Person) -> None:
    page = secretary.page
    page.goto("/secretariat/courses")
    look(secretary, "courses")
    for value, count in (("no", 1), ("yes", 0)):
        page.goto("/secretariat/courses")
        page.locator("tbody [name=row]").first.check()
        with page.expect_navigation():
            page.locator(f"button[name=subject_to][value={value}]").click()
        expect(page.locator(".messages [role=status]")).to_be_visible()
        page.goto("/secretariat/courses?flag=no")
        expect(page.locator("tbody tr")).to_have_count(count)
