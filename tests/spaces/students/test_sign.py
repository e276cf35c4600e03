from datetime import timedelta

import pytest

from emarge.attendance import actions
from emarge.attendance.models import SignIn
from emarge.attendance.rules import Presence
from emarge.attendance.texts import TEXTS, Refusal
from emarge.audit.models import OutboxEvent
from tests.attendance.journey import DRAWING, call_roll, events, last_event, line_of, open_the_sign_in, opened, sign
from tests.cast import PASSWORD, make_school
from tests.spaces.faces import come_as, queries_of, text_of

DRAWN = {"method": "drawn", "drawing": DRAWING}
KEYBOARD = {"method": "keyboard", "drawing": "", "keyboard_consent": "yes", "typed_name": "Alice Adam"}


def pages(line) -> tuple[str, str]:
    return f"/student/lines/{line.uuid}/sign", f"/student/lines/{line.uuid}/signed"


@pytest.fixture
def line(school, now):
    """Alice's line of a sign-in that is open."""
    return line_of(open_the_sign_in(school, now), school, "alice")


@pytest.fixture
def alice(school):
    return come_as(school.students["alice"].user)


def test_the_page_shows_the_meeting_the_consent_and_the_pad(alice, line):
    response = alice.get(pages(line)[0])
    text = text_of(response)
    said = ["R1.01 Initiation au développement · TD", "S102", "Thomas TESSIER", "I certify that I attended this class"]
    assert [text.count(each) for each in said] == [1, 1, 1, 2]  # the consent stands in the keyboard's part too
    assert response.content.decode().count("data-signature-pad") == 1
    assert SignIn.objects.count() == 0


def test_validate_records_and_validating_again_answers_success_again(alice, line):
    sign_page, signed_page = pages(line)
    for _ in range(2):
        assert alice.post(sign_page, DRAWN)["Location"] == signed_page
    kept = SignIn.objects.get()
    assert (kept.line, kept.method, bytes(kept.drawing)) == (line, "drawn", DRAWING.encode())
    assert events().count("sign_in.signed") == 1
    assert opened(last_event())["ip"] == "127.0.0.1"
    assert alice.get(sign_page)["Location"] == signed_page
    assert alice.post(sign_page, {"method": "drawn", "drawing": ""})["Location"] == signed_page


def test_the_keyboard_is_recorded_as_such_with_the_typed_name(alice, line):
    assert alice.post(pages(line)[0], KEYBOARD)["Location"] == pages(line)[1]
    assert (SignIn.objects.get().method, opened(last_event())["typed_name"]) == ("keyboard", "Alice Adam")
    assert text_of(alice.get(pages(line)[1])).count("You signed with the keyboard.") == 1


def test_the_success_page_says_when_and_what_follows(alice, line):
    alice.post(pages(line)[0], DRAWN)
    text = text_of(alice.get(pages(line)[1]))
    assert (text.count("Your signature was recorded on"), text.count("On its way to the vault")) == (1, 1)
    OutboxEvent.objects.update(index=41)
    assert text_of(alice.get(pages(line)[1])).count("Sealed, record number 41") == 1


def test_the_success_page_of_an_unsigned_line_leads_to_signing(alice, line):
    assert alice.get(pages(line)[1])["Location"] == pages(line)[0]


def test_a_late_student_signs(school, alice, now):
    roll_call = actions.open_roll_call(school.meeting, by=school.teacher.user, at=now)
    late = line_of(roll_call, school, "alice")
    actions.mark(late, Presence.LATE, minutes_late=5, by=school.teacher.user, at=now)
    open_the_sign_in(school, now)
    assert alice.post(pages(late)[0], DRAWN)["Location"] == pages(late)[1]


# Refused, row M5.4: each says why, and nothing is written


def assert_refused(client, line, refusal, *, status=409, data=DRAWN) -> None:
    page = pages(line)[0]
    before = len(events())
    response = client.post(page, data)
    assert (response.status_code, text_of(response).count(str(TEXTS[refusal]))) == (status, 1)
    assert (SignIn.objects.count(), len(events())) == (0, before)
    seen = client.get(page)
    if status == 409:  # looking at the page says the same, before anything is drawn
        assert text_of(seen).count(str(TEXTS[refusal])) == 1
        assert seen.content.decode().count("data-signature-pad") == 0


def test_before_the_opening(school, alice, now):
    assert_refused(alice, line_of(call_roll(school, now), school, "alice"), Refusal.SIGN_IN_NOT_OPEN)


def test_after_the_window(school, alice, now):
    then = now - timedelta(hours=3)
    school.meeting.starts_at, school.meeting.ends_at = then, then + timedelta(hours=1)
    school.meeting.save()
    roll_call = open_the_sign_in(school, then)
    assert_refused(alice, line_of(roll_call, school, "alice"), Refusal.WINDOW_CLOSED)


def test_as_absent(school, now):
    roll_call = open_the_sign_in(school, now)
    chloe = come_as(school.students["chloe"].user)
    assert_refused(chloe, line_of(roll_call, school, "chloe"), Refusal.ABSENT)


def test_as_not_subject(school, now):
    roll_call = open_the_sign_in(school, now)
    dan = come_as(school.students["dan"].user)
    assert_refused(dan, line_of(roll_call, school, "dan"), Refusal.NOT_EXPECTED)


@pytest.mark.parametrize(
    ("data", "refusal"),
    [
        ({"method": "drawn", "drawing": ""}, Refusal.DRAWING_EMPTY),
        ({"method": "drawn"}, Refusal.DRAWING_EMPTY),
        ({"method": "drawn", "drawing": "v1;600x300;5,5"}, Refusal.DRAWING_EMPTY),
        ({"method": "drawn", "drawing": "v1;600x300;" + "1,1 1,1 " * 9000}, Refusal.DRAWING_TOO_LARGE),
        ({"method": "drawn", "drawing": "<script>"}, Refusal.DRAWING_MALFORMED),
        ({"method": "drawn", "drawing": "v1;600x300;\x00é"}, Refusal.DRAWING_MALFORMED),
        ({"method": "keyboard", "keyboard_consent": "yes"}, Refusal.CONSENT_MISSING),
        ({"method": "keyboard", "typed_name": "Alice Adam"}, Refusal.CONSENT_MISSING),
        ({}, Refusal.METHOD_UNKNOWN),
    ],
)
def test_a_signature_that_is_none(alice, line, data, refusal):
    assert_refused(alice, line, refusal, status=400, data=data)


def test_a_refused_keyboard_keeps_the_typed_name(alice, line):
    body = alice.post(pages(line)[0], {**KEYBOARD, "keyboard_consent": [], "typed_name": '"Al'}).content.decode()
    assert (body.count("<details open>"), body.count('value="&quot;Al"')) == (1, 1)


def test_another_students_line_is_not_found(school, line, now):
    other = make_school("b", starts_at=now, ends_at=now + timedelta(hours=1))
    for client in (
        come_as(school.students["bao"].user),
        come_as(school.teacher.user),
        come_as(school.secretary),
        come_as(other.students["alice"].user, "b"),
    ):
        assert [client.get(url).status_code for url in pages(line)] == [404, 404]
        assert client.post(pages(line)[0], DRAWN).status_code == 404
    assert SignIn.objects.count() == 0


def test_an_expired_login_comes_back_and_says_that_the_drawing_is_lost(school, alice, line):
    page = pages(line)[0]
    body = alice.get(page).content.decode()
    assert body.count(f'action="{page}?again=1"') == 1
    nobody = come_as()
    sent = nobody.post(f"{page}?again=1", DRAWN)
    assert (sent.status_code, sent["Location"]) == (302, f"/login?next={page}%3Fagain%3D1")
    back = nobody.post(sent["Location"], {"username": "alice", "password": PASSWORD, "next": f"{page}?again=1"})
    assert back["Location"] == f"{page}?again=1"
    text = text_of(nobody.get(back["Location"]))
    assert text.count("Your login had expired, so nothing was recorded and the drawing is lost.") == 1
    assert SignIn.objects.count() == 0


def test_wrong_methods(alice, line):
    assert (alice.put(pages(line)[0]).status_code, alice.post(pages(line)[1]).status_code) == (405, 405)


def test_takes_as_many_queries_with_more_teachers_and_signatures(school, alice, line, now):
    before = queries_of(alice, pages(line)[0])
    sign(school, line.roll_call, "bao", now)
    school.meeting.teachers.remove(school.helpless)
    assert queries_of(alice, pages(line)[0]) == before


def test_in_french_when_the_person_asks_for_it(school, alice, line):
    alice.cookies["django_language"] = "fr"
    assert alice.get(pages(line)[0]).content.decode().count('<html lang="fr">') == 1
