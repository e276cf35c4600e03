from datetime import timedelta

import pytest

from emarge.timetable.models import ClassMeeting
from tests.attendance.journey import call_roll, line_of, open_the_sign_in, sign
from tests.cast import make_school
from tests.spaces.faces import come_as, part_of, queries_of, text_of

HOME = "/student/"
WIDGET = "/student/widget"


def open_another(school, now) -> None:
    """A second class meeting of the same group, whose sign-in is open."""
    meeting = ClassMeeting.objects.create(
        base=school.base,
        course=school.meeting.course,
        starts_at=now - timedelta(minutes=5),
        ends_at=now + timedelta(minutes=60),
    )
    meeting.teachers.add(school.teacher)
    school.meeting = meeting
    open_the_sign_in(school, now)


def test_nothing_to_sign_says_so_and_what_comes_next(school):
    response = come_as(school.students["alice"].user).get(HOME)
    text = text_of(response)
    assert (text.count("Hello Alice"), text.count("Nothing to sign at the moment")) == (1, 1)
    assert response.context["items"] == []


def test_the_next_meetings_are_those_of_today_that_are_not_over(school, now):
    client = come_as(school.students["alice"].user)
    school.meeting.starts_at, school.meeting.ends_at = now - timedelta(seconds=2), now + timedelta(seconds=60)
    school.meeting.save()
    coming = client.get(HOME).context["coming"]
    midnight_passed = (now - timedelta(seconds=2)).astimezone(school.base.tz).date() != coming_day(school, now)
    assert coming == ([] if midnight_passed else [school.meeting])
    school.meeting.starts_at, school.meeting.ends_at = now - timedelta(hours=2), now - timedelta(seconds=1)
    school.meeting.save()
    response = client.get(HOME)
    assert response.context["coming"] == []
    assert text_of(response).count("You have no further class meeting today.") == 1


def coming_day(school, now):
    return now.astimezone(school.base.tz).date()


def test_an_opened_sign_in_invites_to_sign(school, now):
    roll_call = open_the_sign_in(school, now)
    response = come_as(school.students["alice"].user).get(HOME)
    line = line_of(roll_call, school, "alice")
    assert text_of(response).count("Sign for R1.01 Initiation au développement") == 1
    assert response.content.decode().count(f'href="/student/lines/{line.uuid}/sign"') == 1
    assert response.context["coming"] == []  # it is not said twice


@pytest.mark.parametrize("name", ["chloe", "dan"])
def test_the_absent_and_those_not_subject_are_not_invited(school, now, name):
    open_the_sign_in(school, now)
    assert come_as(school.students[name].user).get(HOME).context["items"] == []


def test_nobody_is_invited_before_the_teacher_signed_nor_after_signing(school, now):
    client = come_as(school.students["alice"].user)
    call_roll(school, now)
    assert client.get(HOME).context["items"] == []


def test_after_signing_the_invitation_goes(school, now):
    client = come_as(school.students["alice"].user)
    roll_call = open_the_sign_in(school, now)
    sign(school, roll_call, "alice", now)
    assert client.get(HOME).context["items"] == []


def test_the_widget_equals_the_page_and_is_silent_when_nothing_changed(school, now):
    client = come_as(school.students["alice"].user)
    home = client.get(HOME)
    start, end = '<section id="widget"', "</section>"
    assert part_of(client.get(WIDGET), start, end) == part_of(home, start, end)
    seen = home.context["seen"]
    assert (client.get(WIDGET, {"seen": seen}).status_code, client.get(WIDGET, {"seen": seen}).content) == (204, b"")
    open_the_sign_in(school, now)
    changed = client.get(WIDGET, {"seen": seen})
    assert (changed.status_code, changed.context["seen"] != seen) == (200, True)
    assert part_of(changed, start, end) == part_of(client.get(HOME), start, end)


def test_others_find_nothing(school, now):
    other = make_school("b", starts_at=now, ends_at=now + timedelta(hours=1))
    for url in (HOME, WIDGET):
        assert come_as(school.teacher.user).get(url).status_code == 404
        assert come_as(school.secretary).get(url).status_code == 404
        assert come_as(other.students["alice"].user).get(url)["Location"] == f"/login?next={url}"
        assert come_as().get(url)["Location"] == f"/login?next={url}"
        assert come_as(school.students["alice"].user).post(url).status_code == 405


def test_an_expired_login_refreshes_the_page_from_the_widget(school):
    response = come_as().get(WIDGET, headers={"HX-Request": "true"})
    assert (response.status_code, response["HX-Refresh"]) == (401, "true")


def test_takes_as_many_queries_for_three_open_ones_as_for_one(school, now):
    client = come_as(school.students["alice"].user)
    open_the_sign_in(school, now)
    one = queries_of(client, HOME)
    for _ in range(2):
        open_another(school, now)
    assert queries_of(client, HOME) == one
