"""One contract for the two ways that a signature comes: a posted form through Django, JSON through the hall."""

from dataclasses import dataclass
from datetime import timedelta

import orjson
import pytest
from django.conf import settings
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from emarge.attendance import actions, codes
from emarge.attendance.models import ModeOfCourse, Scan, SignIn
from emarge.attendance.queries import pace_of
from emarge.attendance.rules import Mode, Way
from emarge.attendance.tickets import key, write_ticket
from emarge.spaces.devices import COOKIE, GRANT
from emarge.spaces.students import hall
from tests.attendance.journey import DRAWING, call_roll, last_event, line_of, open_the_sign_in, opened
from tests.cast import make_school
from tests.spaces.faces import come_as

SECRET = "a" * 32
HOST = "a.localhost"
DRAWN = {"method": "drawn", "drawing": DRAWING}


@dataclass
class Phone:
    """A student's browser; each test changes one thing of what it sends."""

    session: str
    host: str = HOST
    origin: str = f"http://{HOST}"
    token: str = SECRET
    cookie_token: str = SECRET
    device: str = "d" * 22
    grant: str = ""
    language: str = "en"

    def cookies(self) -> dict[str, str]:
        return {
            settings.SESSION_COOKIE_NAME: self.session,
            settings.CSRF_COOKIE_NAME: self.cookie_token,
            settings.LANGUAGE_COOKIE_NAME: self.language,
            COOKIE: self.device,
            GRANT: self.grant,
        }


def by_form(phone: Phone, path: str, body: dict[str, str]) -> tuple[str, str]:
    """What became of a form: ``taken``, ``login``, ``foreign``, ``nowhere`` or ``refused``; and the page."""
    client = Client(enforce_csrf_checks=True, HTTP_HOST=phone.host, HTTP_ORIGIN=phone.origin)
    client.cookies.load(phone.cookies())
    answer = client.post(path, {**body, "csrfmiddlewaretoken": phone.token})
    if answer.status_code == 302:
        return ("login" if "/login" in answer["Location"] else "taken"), ""
    word = {403: "foreign", 404: "nowhere", 400: "refused", 409: "refused"}[answer.status_code]
    return word, answer.content.decode()


def by_json(phone: Phone, path: str, body: dict[str, str]) -> tuple[str, str]:
    """The same of JSON."""
    cookies = "; ".join(f"{name}={value}" for name, value in phone.cookies().items())
    headers = {
        b"host": phone.host.encode(),
        b"origin": phone.origin.encode(),
        b"cookie": cookies.encode(),
        b"x-csrftoken": phone.token.encode(),
        b"content-type": b"application/json",
    }
    found = hall.is_meant({"method": "POST", "path": path}, headers)
    posted = hall.read(found, headers, orjson.dumps(body), secure=False, address="127.0.0.1", at=timezone.now())
    reply = hall.answer_all([posted])[0] if isinstance(posted, hall.Posted) else posted
    words = {200: "taken", 401: "login", 403: "foreign", 404: "nowhere", 400: "refused", 409: "refused"}
    return words[reply.status], orjson.loads(reply.body).get("text", "")


@pytest.fixture(params=[by_form, by_json], ids=["form", "json"])
def post(request):
    return request.param


@pytest.fixture
def line(school, now):
    return line_of(open_the_sign_in(school, now), school, "alice")


@pytest.fixture
def phone(school):
    return _phone(school.students["alice"].user)


def _phone(user, **changes) -> Phone:
    return Phone(come_as(user).cookies[settings.SESSION_COOKIE_NAME].value, **changes)


def _sign(line) -> str:
    return f"/student/lines/{line.uuid}/sign"


def test_a_signature_is_taken_with_where_it_came_from(post, phone, line):
    assert post(phone, _sign(line), DRAWN)[0] == "taken"
    assert post(phone, _sign(line), DRAWN)[0] == "taken"
    kept = SignIn.objects.get()
    assert (bytes(kept.drawing), kept.method) == (DRAWING.encode(), "drawn")
    assert kept.device == codes.device_mark(key(), line.base.uuid, phone.device)
    assert kept.session == codes.session_mark(key(), line.base.uuid, phone.session)
    assert kept.network == codes.network_mark(key(), line.base.uuid, "127.0.0.1")
    assert opened(last_event())["ip"] == "127.0.0.1"


def test_the_keyboard_is_taken(post, phone, line):
    body = {"method": "keyboard", "drawing": "", "keyboard_consent": "yes", "typed_name": "Alice Adam"}
    assert post(phone, _sign(line), body)[0] == "taken"
    assert SignIn.objects.get().method == "keyboard"


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"session": ""}, "login"),
        ({"session": "x" * 32}, "login"),
        ({"token": "b" * 32}, "foreign"),
        ({"token": ""}, "foreign"),
        ({"token": "é" * 32}, "foreign"),
        ({"token": "a" * 31}, "foreign"),
        ({"cookie_token": ""}, "foreign"),
        ({"origin": "http://b.localhost"}, "foreign"),
        ({"origin": f"https://{HOST}"}, "foreign"),
        ({"origin": "null"}, "foreign"),
        ({"host": "c.localhost", "origin": "http://c.localhost"}, "nowhere"),
    ],
)
def test_who_is_not_let_in(post, phone, line, changes, word):
    make_school("b")
    asked = Phone(**{**vars(phone), **changes})
    assert post(asked, _sign(line), DRAWN)[0] == word
    assert SignIn.objects.count() == 0


def test_a_session_of_another_base_opens_nothing(post, phone, line):
    make_school("b")
    elsewhere = Phone(**{**vars(phone), "host": "b.localhost", "origin": "http://b.localhost"})
    assert post(elsewhere, _sign(line), DRAWN)[0] == "login"
    assert SignIn.objects.count() == 0


def test_a_session_ends(post, school, phone, line):
    Session.objects.update(expire_date=timezone.now() - timedelta(seconds=1))
    assert post(phone, _sign(line), DRAWN)[0] == "login"


@pytest.mark.parametrize("change", ["password", "is_active", "logout"])
def test_a_changed_password_a_closed_account_and_a_logout_end_the_session(post, school, phone, line, change):
    user = school.students["alice"].user
    if change == "password":
        user.set_password("another password of alice")
        user.save()
    elif change == "is_active":
        user.is_active = False
        user.save()
    else:
        Session.objects.all().delete()
    assert post(phone, _sign(line), DRAWN)[0] == "login"
    assert SignIn.objects.count() == 0


def test_nobody_signs_another_line(post, school, phone, line):
    bao = _phone(school.students["bao"].user)
    assert post(bao, _sign(line), DRAWN)[0] in {"nowhere", "refused"}
    teacher = _phone(school.teacher.user)
    assert post(teacher, _sign(line), DRAWN)[0] in {"nowhere", "refused"}
    unknown = _sign(line).replace(str(line.uuid), "00000000-0000-4000-8000-000000000000")
    assert post(phone, unknown, DRAWN)[0] in {"nowhere", "refused"}
    assert SignIn.objects.count() == 0


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"method": "drawn", "drawing": "v2"}, "did not arrive whole"),
        ({"method": "drawn", "drawing": ""}, "The signature is empty"),
        ({"method": "finger"}, "in a form that we know"),
        ({}, "in a form that we know"),
        ({"method": "keyboard", "typed_name": "Alice"}, "tick the sentence of consent"),
    ],
)
def test_what_was_sent_is_refused_with_a_text(post, phone, line, body, said):
    word, text = post(phone, _sign(line), body)
    assert (word, said in text) == ("refused", True)
    assert SignIn.objects.count() == 0


def test_a_refusal_is_in_the_person_s_language(post, school, now):
    line = line_of(call_roll(school, now), school, "chloe")
    phone = _phone(school.students["chloe"].user, language="fr")
    word, text = post(phone, _sign(line), DRAWN)
    assert (word, "absent" in text, "tell your teacher" in text) == ("refused", True, False)


# Scans, which come as JSON alone


def test_a_scan_gives_the_grant_under_which_its_phone_signs(post, school, now, phone):
    ModeOfCourse.objects.create(base=school.base, course=school.meeting.course, mode=Mode.ROLLING_QR.value)
    roll_call = actions.open_roll_call(school.meeting, by=school.teacher.user, at=now)
    roll_call = actions.open_for_teacher(roll_call, by=school.secretary, at=now)
    pace = pace_of(roll_call)
    mark = codes.device_mark(key(), school.base.uuid, phone.device)
    code = codes.scan_code(key(), pace, pace.step_at(now))
    ticket = write_ticket(actions.arrive(roll_call, code, Way.CAMERA, device=mark, arrived_at=now))
    said, grant = _scan(phone, ticket)
    line = line_of(roll_call, school, "alice")
    assert (said["line"], said["signature"], Scan.objects.get().line) == (str(line.uuid), True, line)
    assert post(phone, _sign(line), DRAWN)[0] == "refused"
    other = Phone(**{**vars(phone), "device": "e" * 22, "grant": grant})
    assert post(other, _sign(line), DRAWN)[0] == "refused"
    assert _scan(other, ticket)[0]["refusal"] == "other_device"
    assert _scan(phone, ticket + "x")[0]["refusal"] == "code_wrong"
    assert post(Phone(**{**vars(phone), "grant": grant}), _sign(line), DRAWN)[0] == "taken"


def _scan(phone: Phone, ticket: str) -> tuple[dict, str]:
    cookies = "; ".join(f"{name}={value}" for name, value in phone.cookies().items())
    headers = {
        b"host": phone.host.encode(),
        b"origin": phone.origin.encode(),
        b"cookie": cookies.encode(),
        b"x-csrftoken": phone.token.encode(),
        b"content-type": b"application/json",
    }
    found = hall.is_meant({"method": "POST", "path": "/student/scan"}, headers)
    body = orjson.dumps({"ticket": ticket})
    posted = hall.read(found, headers, body, secure=False, address="127.0.0.1", at=timezone.now())
    reply = hall.answer_all([posted])[0]
    return orjson.loads(reply.body), reply.grant


@pytest.mark.parametrize("body", [b"", b"[]", b'{"drawing": 5}', b"\xff", b'{"a": {}}'])
def test_a_body_that_is_no_object_of_texts_is_refused(phone, line, body):
    headers = {
        b"host": HOST.encode(),
        b"origin": phone.origin.encode(),
        b"cookie": f"{settings.CSRF_COOKIE_NAME}={SECRET}".encode(),
        b"x-csrftoken": SECRET.encode(),
        b"content-type": b"application/json",
    }
    found = hall.is_meant({"method": "POST", "path": _sign(line)}, headers)
    reply = hall.read(found, headers, body, secure=False, address="", at=timezone.now())
    assert (reply.status, orjson.loads(reply.body)["refusal"]) == (400, "method_unknown")


@pytest.mark.parametrize(
    ("method", "path", "kind"),
    [
        ("GET", "/student/scan", b"application/json"),
        ("POST", "/student/scan/", b"application/json"),
        ("POST", "/student/lines/x/sign", b"application/json"),
        ("POST", "/student/scan", b"application/x-www-form-urlencoded"),
        ("POST", "/student/scan", b"text/plain"),
    ],
)
def test_anything_else_goes_to_django(method, path, kind):
    assert hall.is_meant({"method": method, "path": path}, {b"content-type": kind}) is None


def test_who_is_not_logged_in_is_told_where_to(line):
    nobody = hall.Posted(line.uuid, DRAWN, HOST, "nobody", "", "", "en", "127.0.0.1", timezone.now())
    [reply] = hall.answer_all([nobody])
    assert (reply.status, orjson.loads(reply.body)) == (401, {"login": "/login"})
