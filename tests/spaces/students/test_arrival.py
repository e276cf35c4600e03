"""The address in a QR code: the same page from the lean path and from Django, and everything that is Django's alone."""

import asyncio
import gzip
import re
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone
from django_scopes import scopes_disabled

from emarge.attendance import actions, codes
from emarge.attendance.models import ModeOfCourse, RollCall, Scan
from emarge.attendance.queries import pace_of
from emarge.attendance.rules import Mode
from emarge.attendance.tickets import key, read_ticket
from emarge.spaces.devices import COOKIE, GRANT
from emarge.spaces.students import arrival
from emarge.spaces.students.arrival import PATH, Arrival
from tests.cast import make_school
from tests.spaces.faces import come_as, text_of

SECRET = "a" * 32
DEVICE = "d" * 22


@pytest.fixture
def roll_call(school, now):
    ModeOfCourse.objects.create(base=school.base, course=school.meeting.course, mode=Mode.ROLLING_QR.value)
    roll_call = actions.open_roll_call(school.meeting, by=school.teacher.user, at=now)
    return actions.open_for_teacher(roll_call, by=school.secretary, at=now)


@pytest.fixture
def alice(school):
    client = come_as(school.students["alice"].user)
    client.cookies[settings.CSRF_COOKIE_NAME] = SECRET
    client.cookies[COOKIE] = DEVICE
    return client


def address(roll_call: RollCall, at=None) -> str:
    pace = pace_of(roll_call)
    return f"/Q/{codes.base36(roll_call.pk)}/{codes.scan_code(key(), pace, pace.step_at(at or timezone.now()))}"


def lean(client: Client, path: str, monkeypatch, *, accept: bytes = b"", **changes):
    """The answer of the lean path; what its thread reads is read in this one, which sees the test's rows."""
    monkeypatch.setattr(arrival, "close_old_connections", lambda: None)
    known = arrival._read("a.localhost", int(PATH.fullmatch(path.partition("?")[0])[1], 36))

    async def read_before(*_):
        return known

    monkeypatch.setattr(Arrival, "_know", read_before)
    cookies = {name: morsel.value for name, morsel in client.cookies.items()} | changes
    headers = {b"host": b"a.localhost", b"cookie": "; ".join(f"{k}={v}" for k, v in cookies.items() if v).encode()}
    headers[b"accept-encoding"] = accept
    found, at = PATH.fullmatch(path.partition("?")[0]), timezone.now()
    query = path.partition("?")[2].encode()
    return asyncio.run(Arrival().answer(found, headers, query, address="192.0.2.7", at=at))


def _bare(page: str) -> str:
    """A page without what differs each time: its ticket and its token."""
    page = re.sub(r'name="ticket" value="[^"]+"', "", page)
    return re.sub(r'(name="csrfmiddlewaretoken" value=|"X-CSRFToken": |X-CSRFToken&quot;: )"?[^">]+"?', "", page)


def test_the_page_comes_compressed_to_who_can_read_it(alice, roll_call, monkeypatch):
    told, body = lean(alice, address(roll_call), monkeypatch, accept=b"gzip, deflate, br")
    assert dict(told)[b"content-encoding"] == b"gzip"
    assert int(dict(told)[b"content-length"]) == len(body)
    assert read_ticket(re.search(r'name="ticket" value="([^"]+)"', gzip.decompress(body).decode())[1]) is not None


def test_both_answer_the_same_page_under_the_same_headers(alice, roll_call, monkeypatch):
    path = address(roll_call)
    told, body = lean(alice, path, monkeypatch)
    django = alice.get(path)
    assert _bare(body.decode()) == _bare(django.content.decode())
    kept = {name.decode(): value.decode() for name, value in told}
    ours = {name.lower(): value for name, value in django.items() if name.lower() != "content-language"}
    assert {**kept, "vary": "", "content-length": ""} == {**ours, "vary": "", "content-length": ""}


@pytest.mark.parametrize(("query", "way"), [("", "camera"), ("?by=app", "app")])
def test_the_ticket_is_of_the_arrival_the_way_and_the_device(alice, roll_call, monkeypatch, query, way):
    _, body = lean(alice, address(roll_call) + query, monkeypatch)
    ticket = read_ticket(re.search(r'name="ticket" value="([^"]+)"', body.decode())[1])
    mark = codes.device_mark(key(), roll_call.base.uuid, DEVICE)
    assert (ticket.roll_call, ticket.way.value, ticket.device) == (roll_call.pk, way, mark)
    assert timezone.now() - ticket.arrived_at < timedelta(seconds=10)


@pytest.mark.parametrize("missing", [settings.SESSION_COOKIE_NAME, settings.CSRF_COOKIE_NAME, COOKIE])
def test_without_a_session_a_token_or_a_device_django_answers(alice, roll_call, monkeypatch, missing):
    assert lean(alice, address(roll_call), monkeypatch, **{missing: ""}) is None


def test_what_is_refused_is_django_s_to_say(alice, roll_call, monkeypatch):
    RollCall.objects.update(sign_in_opened_at=timezone.now() - timedelta(minutes=5))
    old = address(roll_call, timezone.now() - timedelta(minutes=2))
    assert lean(alice, old, monkeypatch) is None
    answer = alice.get(old)
    assert (answer.status_code, "Scan again, or type the code" in text_of(answer)) == (409, True)
    for path in ("/Q/ZZZ/0000000000000000", f"/Q/{codes.base36(roll_call.pk)}/0000000000000000"):
        assert lean(alice, path, monkeypatch) is None
        assert alice.get(path).status_code == 400


def test_a_code_of_another_base_is_none_here(alice, roll_call, monkeypatch, now):
    other = make_school("b", starts_at=now, ends_at=now + timedelta(hours=1))
    path = address(roll_call)
    stranger = come_as(other.students["alice"].user, base="b")
    assert stranger.get(path).status_code == 400


def test_the_address_is_read_in_either_case_and_a_get_writes_nothing(alice, roll_call):
    assert alice.get(address(roll_call).lower()).status_code == 200
    assert Scan.objects.count() == 0


def _next(answer) -> str:
    """Where the login leads to."""
    return parse_qs(urlsplit(answer["Location"]).query)["next"][0]


def test_a_scan_before_the_login_stays_valid_through_it(school, roll_call):
    phone = come_as()
    answer = phone.get(address(roll_call))
    assert answer.status_code == 302
    assert answer["Location"].startswith("/login?next=")
    phone.force_login(school.students["bao"].user)
    page = phone.get(_next(answer))
    posted = re.search(r'name="ticket" value="([^"]+)"', page.content.decode())[1]
    said = phone.post("/student/scan", {"ticket": posted})
    line = roll_call.lines.get(student=school.students["bao"])
    assert (said["Location"], said.cookies[GRANT]["httponly"]) == (f"/student/lines/{line.uuid}/sign", True)
    assert Scan.objects.get().line == line
    assert "data-signature-pad" in phone.get(said["Location"]).content.decode()


def test_another_phone_cannot_use_the_ticket_of_a_hall(school, roll_call):
    phone, elsewhere = come_as(), come_as(school.students["bao"].user)
    ticket = parse_qs(urlsplit(_next(phone.get(address(roll_call)))).query)["ticket"][0]
    said = elsewhere.post("/student/scan", {"ticket": ticket})
    assert (said.status_code, Scan.objects.count()) == (409, 0)


def test_the_typed_code(school, roll_call):
    phone = come_as(school.students["alice"].user)
    page = phone.get("/student/code")
    assert text_of(page).count("The code of 6 digits") == 1
    for _ in range(3):
        assert phone.post("/student/code/typed", {"code": "12"}).status_code == 400
    pace = pace_of(roll_call)
    good = codes.typed_code(key(), pace, pace.step_at(timezone.now()))
    paused = phone.post("/student/code/typed", {"code": good})
    assert "Wait half a minute" in text_of(paused)
    other = come_as(school.students["bao"].user)
    good = codes.typed_code(key(), pace, pace.step_at(timezone.now()))
    assert other.post("/student/code/typed", {"code": f" {good[:3]} {good[3:]} "}).status_code == 302
    with scopes_disabled():
        assert Scan.objects.get().way == "typed"


def test_only_the_page_of_the_camera_may_use_the_camera_and_the_decoder(alice, roll_call):
    camera, other = alice.get("/student/code"), alice.get("/student/")
    assert "camera=(self)" in camera["Permissions-Policy"]
    assert "'wasm-unsafe-eval'" in camera["Content-Security-Policy"]
    assert "camera=()" in other["Permissions-Policy"]
    assert "wasm" not in other["Content-Security-Policy"]
    assert other["Content-Security-Policy"] == arrival.CONTENT_SECURITY_POLICY
