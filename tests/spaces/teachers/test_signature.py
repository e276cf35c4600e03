from datetime import timedelta

import pytest

from emarge.attendance import actions
from emarge.attendance.models import TeacherSignature
from emarge.attendance.texts import TEXTS, Refusal
from tests.attendance.journey import DRAWING, call_roll, events, open_the_sign_in
from tests.cast import make_school
from tests.spaces.faces import come_as, text_of

DRAWN = {"method": "drawn", "drawing": DRAWING}
KEYBOARD = {"method": "keyboard", "drawing": "", "keyboard_consent": "yes", "typed_name": "Thomas Tessier"}


@pytest.fixture
def page(school) -> str:
    return f"/teacher/meetings/{school.meeting.uuid}/signature"


@pytest.fixture
def after(school) -> str:
    return f"/teacher/meetings/{school.meeting.uuid}/validation"


def test_the_first_signature_opens_the_sign_in(school, page, after, now):
    roll_call = call_roll(school, now)
    client = come_as(school.teacher.user)
    response = client.get(page)
    assert (response.status_code, response.context["opens"]) == (200, True)
    assert text_of(response).count("Open the digital sign-in") == 1
    assert TeacherSignature.objects.count() == 0
    for _ in range(2):
        assert client.post(page, DRAWN)["Location"] == after
    roll_call.refresh_from_db()
    assert roll_call.sign_in_closes_at == school.meeting.ends_at + timedelta(minutes=15)
    kept = TeacherSignature.objects.get()
    assert (kept.teacher, kept.method, bytes(kept.drawing)) == (school.teacher, "drawn", DRAWING.encode())
    assert events().count("sign_in.opened") == 1
    assert client.get(page)["Location"] == after


def test_the_keyboard_is_recorded_as_such(school, page, after, now):
    call_roll(school, now)
    assert come_as(school.teacher.user).post(page, KEYBOARD)["Location"] == after
    kept = TeacherSignature.objects.get()
    assert (kept.method, bytes(kept.drawing)) == ("keyboard", b"")


def test_a_colleague_adds_a_signature_even_without_the_right(school, page, after, now):
    open_the_sign_in(school, now)
    for teacher in (school.colleague, school.helpless):
        client = come_as(teacher.user)
        assert client.get(page).context["opens"] is False
        assert client.post(page, DRAWN)["Location"] == after
    signed = [each.teacher for each in TeacherSignature.objects.order_by("id")]
    assert signed == [school.teacher, school.colleague, school.helpless]
    assert events().count("teacher.signed") == 2


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"drawing": ""}, Refusal.DRAWING_EMPTY),
        ({"drawing": "v1;300x150;1,1 2,2"}, Refusal.DRAWING_EMPTY),
        ({"drawing": "v1;300x150;1,1 999,0"}, Refusal.DRAWING_MALFORMED),
        ({"drawing": "v1;300x150;" + "1,1 " * 7000}, Refusal.DRAWING_TOO_LARGE),
        ({"method": "stamp"}, Refusal.METHOD_UNKNOWN),
        ({"method": ""}, Refusal.METHOD_UNKNOWN),
        ({"method": "keyboard", "typed_name": "Thomas"}, Refusal.CONSENT_MISSING),
        ({"method": "keyboard", "keyboard_consent": "yes", "typed_name": " "}, Refusal.CONSENT_MISSING),
    ],
)
def test_a_signature_that_is_none_says_why_and_opens_nothing(school, page, now, changes, refusal):
    roll_call = call_roll(school, now)
    response = come_as(school.teacher.user).post(page, {**DRAWN, **changes})
    assert (response.status_code, text_of(response).count(str(TEXTS[refusal]))) == (400, 1)
    roll_call.refresh_from_db()
    assert (roll_call.sign_in_opened_at, TeacherSignature.objects.count()) == (None, 0)


def test_after_the_window_says_why(school, page, now):
    then = now - timedelta(hours=5)
    school.meeting.starts_at, school.meeting.ends_at = then, then + timedelta(hours=1)
    school.meeting.save()
    call_roll(school, then)
    response = come_as(school.teacher.user).post(page, DRAWN)
    assert (response.status_code, TeacherSignature.objects.count()) == (409, 0)
    assert text_of(response).count(str(TEXTS[Refusal.WINDOW_CLOSED])) == 1


def test_before_the_end_of_the_roll_call_leads_back_to_the_sheet(school, page, now):
    client, sheet = come_as(school.teacher.user), f"/teacher/meetings/{school.meeting.uuid}"
    assert [client.get(page)["Location"], client.post(page, DRAWN)["Location"]] == [sheet] * 2
    actions.open_roll_call(school.meeting, by=school.teacher.user, at=now)
    assert [client.get(page)["Location"], client.post(page, DRAWN)["Location"]] == [sheet] * 2


def test_without_the_right_nobody_opens_the_sign_in(school, page, now):
    call_roll(school, now)
    client = come_as(school.helpless.user)
    assert (client.get(page).status_code, client.post(page, DRAWN).status_code) == (403, 403)
    assert TeacherSignature.objects.count() == 0


def test_strangers_and_other_bases_find_nothing(school, page, now):
    call_roll(school, now)
    school.meeting.teachers.remove(school.colleague)
    other = make_school("b", starts_at=now, ends_at=now + timedelta(hours=1))
    for client in (
        come_as(school.colleague.user),
        come_as(school.students["alice"].user),
        come_as(school.secretary),
        come_as(other.teacher.user, "b"),
    ):
        assert (client.get(page).status_code, client.post(page, DRAWN).status_code) == (404, 404)


def test_wrong_method(school, page):
    assert come_as(school.teacher.user).put(page).status_code == 405
