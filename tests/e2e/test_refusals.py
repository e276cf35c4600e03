"""What must not happen, tried on the running processes; whoever is refused reads why in their own language."""

import html
import threading
from collections.abc import Iterator
from typing import Any

import polib
import pytest
from playwright.sync_api import Page, expect

from emarge.attendance.drawing import MAX_DRAWING_TEXT
from emarge.attendance.rules import Refusal
from emarge.attendance.texts import TEXTS
from emarge.inspections import texts as trail_texts
from emarge.inspections.rules import Refusal as TrailRefusal
from tests.e2e.hand import text
from tests.e2e.people import Device
from tests.e2e.school import School, running_school
from tests.e2e.screen import CATALOGUE, look

pytestmark = pytest.mark.e2e

DRAWING = text("lea.martin")
LANGUAGES = ("en", "fr")
NOBODY = "00000000-0000-4000-8000-000000000000"
SEALED_MS = 60_000
EXPIRED = "Your login had expired, so nothing was recorded and the drawing is lost. Please sign again."
NOT_HERE = "Nothing is kept at this address, or it is not yours to see."
TOO_LARGE = "What was sent is too large, so nothing was recorded. Open the page again and start over."
STALE = (
    "You logged in or out since this page was shown, or your session ended. "
    "Nothing was recorded: open the page again and start over."
)


@pytest.fixture(scope="module")
def school(tmp_path_factory: pytest.TempPathFactory) -> Iterator[School]:
    with running_school(tmp_path_factory.mktemp("refusals")) as school:
        yield school


def said(sentence: Any, language: str) -> str:
    """A text of the catalogue, in a language; the two must differ."""
    english = str(sentence)
    french = polib.pofile(str(CATALOGUE)).find(english).msgstr
    assert french not in {"", english}
    return {"en": english, "fr": french}[language]


def sign_path(line: str) -> str:
    return f"/student/lines/{line}/sign"


@pytest.mark.parametrize(
    ("plan", "refusal"),
    [
        (["called"], Refusal.SIGN_IN_NOT_OPEN),
        (["closed"], Refusal.WINDOW_CLOSED),
        (["open", "lea.martin"], Refusal.ABSENT),
    ],
)
def test_signing_before_after_or_as_absent(school, person, plan, refusal):
    line = school.plan(*plan).lines["lea.martin"]
    for language in LANGUAGES:
        student, why = person("student1", language, "phone"), said(TEXTS[refusal], language)
        student.page.goto(sign_path(line))
        student.log_in()
        expect(student.page).to_have_url(f"{school.url}{sign_path(line)}")
        expect(student.page.get_by_role("alert")).to_have_text(why)
        expect(student.page.locator("form[data-signature]")).to_have_count(0)
        look(student, f"refused-{refusal.value.replace('_', '-')}", narrow=True)
        with Device(school, "student1", language) as device:
            answer = device.post(sign_path(line), method="drawn", drawing=DRAWING)
        assert (answer.status_code, html.unescape(answer.text).count(why)) == (409, 1)
    assert school.sign_ins(line) == (0, 0)


def test_the_line_of_somebody_else(school):
    line = school.plan("open").lines["sofia.benali"]
    for language in LANGUAGES:
        with Device(school, "student1", language) as device:
            answers = [
                device.get(sign_path(line)),
                device.get(f"/student/lines/{line}/signed"),
                device.post(sign_path(line), method="drawn", drawing=DRAWING),
                device.get(sign_path(NOBODY)),
            ]
        assert [answer.status_code for answer in answers] == [404] * 4
        assert [answer.text.count(said(NOT_HERE, language)) for answer in answers] == [1] * 4
    assert school.sign_ins(line) == (0, 0)


def test_the_class_meeting_of_another_base(school):
    other = school.plan("elsewhere")
    line = other.lines["alice"]
    teachers, supervision = f"/teacher/meetings/{other.meeting}", f"/secretariat/supervision/{other.meeting}"
    attempts = {
        "student1": [("get", sign_path(line)), ("post", sign_path(line)), ("get", f"/live/meetings/{other.meeting}")],
        "teacher": [
            ("get", teachers),
            ("get", f"{teachers}/validation"),
            ("post", f"{teachers}/start"),
            ("post", f"{teachers}/end"),
            ("post", f"/teacher/lines/{line}/mark"),
            ("get", f"/live/meetings/{other.meeting}"),
        ],
        "secretary": [
            ("get", f"/secretariat/supervision?meeting={other.meeting}"),
            ("get", supervision),
            ("post", f"{supervision}/validate"),
            ("post", f"/secretariat/supervision/lines/{line}/settle"),
            ("get", f"/live/meetings/{other.meeting}"),
        ],
    }
    for role, requests in attempts.items():
        with Device(school, role) as device:
            statuses = {(verb, path): getattr(device, verb)(path).status_code for verb, path in requests}
            there = device.http.get("/", headers={"host": f"elsewhere.localhost:{school.port}"})
        assert statuses == dict.fromkeys(requests, 404)
        assert (there.status_code, there.headers["location"]) == (302, "/login?next=/")
    assert school.sign_ins(line) == (0, 0)


def test_twice_at_once_from_two_devices_is_one_signature(school):
    line = school.plan("open").lines["lea.martin"]
    barrier = threading.Barrier(2)
    answers = []

    def sign(device: Device) -> None:
        barrier.wait()
        answers.append(device.post(sign_path(line), method="drawn", drawing=DRAWING))

    with Device(school, "student1") as phone, Device(school, "student1") as tablet:
        threads = [threading.Thread(target=sign, args=[device]) for device in (phone, tablet)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        pages = [device.get(f"/student/lines/{line}/signed").status_code for device in (phone, tablet)]
    assert [(answer.status_code, answer.headers["location"]) for answer in answers] == [
        (302, f"/student/lines/{line}/signed")
    ] * 2
    assert (pages, school.sign_ins(line)) == ([200, 200], (1, 1))


def test_an_empty_a_huge_and_a_malformed_drawing(school):
    line = school.plan("open").lines["lea.martin"]
    posts = [
        ({"method": "drawn", "drawing": ""}, Refusal.DRAWING_EMPTY),
        ({"method": "drawn", "drawing": "v1;600x300"}, Refusal.DRAWING_EMPTY),
        ({"method": "drawn", "drawing": "v1;600x300;10,10 3,3"}, Refusal.DRAWING_EMPTY),
        ({"method": "drawn", "drawing": DRAWING.ljust(MAX_DRAWING_TEXT + 1, "0")}, Refusal.DRAWING_TOO_LARGE),
        ({"method": "drawn", "drawing": "v1;9999x9999;0,0 900,900"}, Refusal.DRAWING_TOO_LARGE),
        ({"method": "drawn", "drawing": "<svg onload=alert(1)>"}, Refusal.DRAWING_MALFORMED),
        ({"method": "drawn", "drawing": "v1;600x300;10,10 700,0"}, Refusal.DRAWING_MALFORMED),
        ({"method": "photo", "drawing": DRAWING}, Refusal.METHOD_UNKNOWN),
        ({"method": "keyboard", "typed_name": "Léa Martin"}, Refusal.CONSENT_MISSING),
        ({"method": "keyboard", "keyboard_consent": "yes", "typed_name": " "}, Refusal.CONSENT_MISSING),
    ]
    for language in LANGUAGES:
        with Device(school, "student1", language) as device:
            for fields, refusal in posts:
                answer = device.post(sign_path(line), **fields)
                told = html.unescape(answer.text).count(said(TEXTS[refusal], language))
                assert (fields, answer.status_code, told) == (fields, 400, 1)
            flood = device.post(sign_path(line), method="drawn", drawing="0" * 300_000)
            assert (flood.status_code, flood.text.count(said(TOO_LARGE, language))) == (413, 1)
    assert school.sign_ins(line) == (0, 0)


def test_an_expired_session_comes_back_to_the_page_and_signs_again(school, person):
    planned = school.plan("open")
    for role, language in (("student1", "en"), ("student2", "fr")):
        student = person(role, language, "phone")
        line = planned.lines[student.login]
        student.page.goto(sign_path(line))
        student.log_in()
        expect(student.page.locator(".signature-reason")).to_have_text(
            said("Draw your signature in the frame to validate.", language)
        )
        student.draw("finger")
        student.watch.expected.add(401)
        student.context.clear_cookies(name="sessionid")
        _send(student.page)
        expect(student.page.locator("[name=username]")).to_be_visible()
        student.log_in()
        expect(student.page).to_have_url(f"{school.url}{sign_path(line)}?again=1")
        expect(student.page.get_by_role("alert")).to_have_text(said(EXPIRED, language))
        assert school.sign_ins(line) == (0, 0)
        look(student, "sign-after-expiry", narrow=True)
        student.draw("finger")
        _send(student.page)
        expect(student.page).to_have_url(f"{school.url}/student/lines/{line}/signed")
        assert school.sign_ins(line) == (1, 1)


def _send(page: Page) -> None:
    page.locator("form[data-signature] button:not([type=button])").tap()


def test_a_form_without_its_token(school):
    line = school.plan("open").lines["lea.martin"]
    for language in LANGUAGES:
        with Device(school, "student1", language) as device:
            answer = device.http.post(sign_path(line), data={"method": "drawn", "drawing": DRAWING})
        assert (answer.status_code, answer.text.count(said(STALE, language))) == (403, 1)
    assert school.sign_ins(line) == (0, 0)


def test_a_get_where_only_a_post_acts(school):
    planned = school.plan("open")
    meeting, line = planned.meeting, planned.lines["lea.martin"]
    trail = f"/secretariat/audit-trails/{NOBODY}"
    writes = {
        "teacher": [
            f"/teacher/meetings/{meeting}/start",
            f"/teacher/meetings/{meeting}/end",
            f"/teacher/lines/{line}/mark",
            "/logout",
            "/language",
        ],
        "secretary": [
            f"/secretariat/supervision/{meeting}/validate",
            f"/secretariat/supervision/lines/{line}/settle",
            "/secretariat/courses/flag",
            "/secretariat/students/flag",
            *(f"/secretariat/parameters/{act}" for act in ("activate", "deactivate", "extension")),
            *(f"{trail}/{act}" for act in ("approve", "refuse", "produce", "download")),
        ],
    }
    for role, paths in writes.items():
        with Device(school, role) as device:
            answers = {path: device.get(path) for path in paths}
        seen = {path: (answer.status_code, answer.headers["allow"]) for path, answer in answers.items()}
        assert seen == dict.fromkeys(paths, (405, "POST"))


def test_nobody_approves_a_request_of_their_own(school):
    for language in LANGUAGES:
        with Device(school, "director", language) as director:
            asked = director.post(
                "/secretariat/audit-trails/new",
                inspector="OPCO Exemple",
                reference=f"DOSSIER-{language}",
                reason="Contrôle",
                period_from="2026-11-01",
                period_to="2026-11-02",
                language=language,
            )
            path = asked.headers["location"]
            refused = {
                act: director.post(f"{path}/{act}", reason="-") for act in ("approve", "refuse", "produce", "download")
            }
        whys = {
            "approve": TrailRefusal.SAME_PERSON,
            "refuse": TrailRefusal.SAME_PERSON,
            "produce": TrailRefusal.NOT_APPROVED,
            "download": TrailRefusal.NOT_PRODUCED,
        }
        for act, why in whys.items():
            told = html.unescape(refused[act].text).count(said(trail_texts.TEXTS[why], language))
            assert (act, refused[act].status_code, told) == (act, 409, 1)


def test_signing_goes_on_while_the_vault_does_not_answer(school, person):
    planned = school.plan("open")
    secretaries = [person("secretary", language, "desktop") for language in LANGUAGES]
    line = planned.lines["lea.martin"]
    row = "#signatures tr:has(svg[aria-label*='MARTIN'])"
    with school.without("vault"):
        for language in LANGUAGES:
            with Device(school, "student1", language) as device:
                signed = device.post(sign_path(line), method="drawn", drawing=DRAWING)
                page = device.get(signed.headers["location"])
            assert (signed.status_code, page.text.count(said("On its way to the vault", language))) == (302, 1)
        assert school.sign_ins(line) == (1, 1)
        for secretary in secretaries:
            secretary.page.goto(f"/secretariat/supervision?meeting={planned.meeting}")
            secretary.log_in()
            secretary.page.evaluate("window.stayed = true")
            waiting = secretary.page.locator(f"{row} .state-waiting")
            expect(waiting).to_have_text(said("Waiting", secretary.language))
            look(secretary, "supervision-waiting")
    for secretary in secretaries:
        sealed = secretary.page.locator(f"{row} .state-sealed")
        expect(sealed).to_have_text(said("Sealed", secretary.language), timeout=SEALED_MS)
        assert secretary.page.evaluate("window.stayed") is True


def test_a_killed_vault_loses_nothing(school, person):
    planned = school.plan("open")
    secretary = person("secretary", "en", "desktop")
    secretary.page.goto(f"/secretariat/supervision?meeting={planned.meeting}")
    secretary.log_in()
    school.kill("vault")
    for role in ("student1", "student2"):
        with Device(school, role) as device:
            line = planned.lines[device.login]
            assert device.post(sign_path(line), method="drawn", drawing=DRAWING).status_code == 302
    rows = secretary.page.locator("#signatures tr:has(.state-signed)")
    expect(rows.locator(".state-sealed")).to_have_count(2, timeout=SEALED_MS)
