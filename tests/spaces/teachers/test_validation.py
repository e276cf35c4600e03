from datetime import timedelta

import pytest
from django.utils.timezone import localtime

from emarge.attendance import actions
from emarge.attendance.models import RollCallLine
from emarge.attendance.rules import Method
from emarge.institutions.models import Student
from tests.attendance.journey import DRAWING, call_roll, open_the_sign_in, sign
from tests.cast import make_school
from tests.spaces.faces import come_as, part_of, queries_of, text_of


@pytest.fixture
def page(school) -> str:
    return f"/teacher/meetings/{school.meeting.uuid}/validation"


def rows(response) -> list[tuple[str, str, str]]:
    return [(row.line.last_name, row.line.presence, row.status) for row in response.context["rows"]]


def test_shows_presence_and_sign_in_apart_and_the_drawings(school, page, now):
    roll_call = open_the_sign_in(school, now)
    sign(school, roll_call, "alice", now)
    response = come_as(school.teacher.user).get(page)
    assert rows(response) == [
        ("ADAM", "present", "signed"),
        ("BENOÎT", "present", "expected"),
        ("CARON", "absent", "not_expected"),
        ("DAVID", "present", "not_expected"),
    ]
    body = response.content.decode()
    assert body.count('<svg class="signature-drawing') == 2  # the teacher's and Alice's
    assert body.count(f'data-live="/live/meetings/{school.meeting.uuid}"') == 1
    text = text_of(response)
    closes = localtime(school.meeting.ends_at + timedelta(minutes=15), school.base.tz)
    assert (text.count("1 of 2 have signed."), text.count(f"left, until {closes:%H:%M}.")) == (1, 1)


def test_the_fragment_equals_the_page(school, page, now):
    roll_call = open_the_sign_in(school, now)
    sign(school, roll_call, "bao", now, method=Method.KEYBOARD, drawing="", consent=True, typed_name="Bao")
    client = come_as(school.teacher.user)
    whole = part_of(client.get(page), '<section id="validation"', "</section>")
    assert part_of(client.get(f"{page}/list"), '<section id="validation"', "</section>") == whole
    assert whole.count("With the keyboard") == 1


def test_offers_to_sign_to_a_teacher_who_has_not(school, page, now):
    open_the_sign_in(school, now)
    link = f'href="/teacher/meetings/{school.meeting.uuid}/signature"'
    for teacher, offered in ((school.teacher, 0), (school.colleague, 1), (school.helpless, 1)):
        assert come_as(teacher.user).get(page).content.decode().count(link) == offered
    actions.open_sign_in(
        school.meeting.roll_call,
        teacher=school.colleague,
        by=school.colleague.user,
        method=Method.DRAWN,
        drawing=DRAWING,
        at=now,
    )
    response = come_as(school.colleague.user).get(page)
    assert response.content.decode().count(link) == 0
    assert [row.signature is not None for row in response.context["teachers"]] == [True, False, True]


def test_after_the_window_says_who_did_not_sign(school, page, now):
    then = now - timedelta(hours=4)
    school.meeting.starts_at, school.meeting.ends_at = then, then + timedelta(hours=1)
    school.meeting.save()
    roll_call = open_the_sign_in(school, then)
    sign(school, roll_call, "alice", then)
    response = come_as(school.colleague.user).get(page)
    assert rows(response)[1] == ("BENOÎT", "present", "unsigned_at_close")
    assert (response.context["may_sign"], text_of(response).count("left, until")) == (False, 0)
    actions.settle(
        RollCallLine.objects.get(student=school.students["bao"]), by=school.secretary, reason="was there", at=now
    )
    assert rows(come_as(school.teacher.user).get(page))[1] == ("BENOÎT", "present", "regularised")


def test_before_the_roll_call_has_ended_leads_back_to_the_sheet(school, page):
    client = come_as(school.teacher.user)
    sheet = f"/teacher/meetings/{school.meeting.uuid}"
    assert [client.get(page)["Location"], client.get(f"{page}/list")["Location"]] == [sheet] * 2


def test_who_cannot_enter_absences_still_reads(school, page, now):
    call_roll(school, now)
    response = come_as(school.helpless.user).get(page)
    assert (response.status_code, response.context["may_sign"]) == (200, False)


def test_strangers_and_other_bases_find_nothing(school, page, now):
    open_the_sign_in(school, now)
    school.meeting.teachers.remove(school.colleague)
    other = make_school("b", starts_at=now, ends_at=now + timedelta(hours=1))
    for client in (
        come_as(school.colleague.user),
        come_as(school.students["alice"].user),
        come_as(school.secretary),
        come_as(other.teacher.user, "b"),
    ):
        assert [client.get(url).status_code for url in (page, f"{page}/list")] == [404, 404]


def test_only_reads(school, page):
    client = come_as(school.teacher.user)
    assert [client.post(url).status_code for url in (page, f"{page}/list")] == [405, 405]


def test_takes_as_many_queries_for_three_students_more(school, page, now):
    roll_call = open_the_sign_in(school, now)
    sign(school, roll_call, "alice", now)
    client = come_as(school.teacher.user)
    before = queries_of(client, page)
    for number in range(3):
        student = Student.objects.create(base=school.base, last_name=f"X{number}", first_name="Y")
        RollCallLine.objects.create(
            base=school.base, roll_call=roll_call, student=student, last_name="X", first_name="Y", expected=True
        )
    assert queries_of(client, page) == before
