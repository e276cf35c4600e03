from datetime import UTC, date, datetime, timedelta

import pytest

from emarge.attendance import actions
from emarge.attendance.rules import Method
from emarge.timetable.models import ClassMeeting
from tests.attendance.journey import DRAWING, call_roll, open_the_sign_in, sign
from tests.cast import make_school
from tests.spaces.faces import come_as, queries_of, text_of

PAGE = "/teacher/"


@pytest.fixture
def day(school) -> str:
    """The page of the meeting's day, which is yesterday just after midnight."""
    return f"{PAGE}?on={school.meeting.starts_at.astimezone(school.base.tz):%Y-%m-%d}"


def add_meeting(school, starts_at, **changes):
    meeting = ClassMeeting.objects.create(
        base=school.base,
        course=school.meeting.course,
        starts_at=starts_at,
        ends_at=starts_at + timedelta(hours=1),
        **changes,
    )
    meeting.teachers.add(school.teacher)
    return meeting


def states(response) -> list[tuple[str, str]]:
    return [(entry.state.code, entry.state.text) for entry in response.context["day"].entries]


def test_shows_the_day_and_the_week_with_what_each_meeting_is(school, day):
    response = come_as(school.teacher.user).get(day)
    assert response.status_code == 200
    assert [entry.meeting for entry in response.context["day"].entries] == [school.meeting]
    entry = "R1.01 Initiation au développement TD · INFO1-G1 · S102 Roll not called"
    assert text_of(response).count(entry) == 2  # the day for a phone, the week for a desk


@pytest.mark.parametrize(("view", "days", "weeks"), [("", 1, 1), ("day", 1, 0), ("week", 0, 1)])
def test_the_person_chooses_the_day_or_the_week(school, view, days, weeks):
    body = come_as(school.teacher.user).get(PAGE, {"view": view}).content.decode()
    assert (body.count("See the week"), body.count("See the day")) == (days, weeks)


def test_moves_from_week_to_week_and_keeps_local_days(school):
    late = add_meeting(school, datetime(2026, 3, 28, 23, 30, tzinfo=UTC))  # Sunday 00:30 in Paris, clock change
    response = come_as(school.teacher.user).get(PAGE, {"on": "2026-03-29"})
    assert [(day.on, [e.meeting for e in day.entries]) for day in response.context["days"]] == [
        (date(2026, 3, 23), []),
        (date(2026, 3, 24), []),
        (date(2026, 3, 25), []),
        (date(2026, 3, 26), []),
        (date(2026, 3, 27), []),
        (date(2026, 3, 29), [late]),
    ]
    assert (response.context["week_before"], response.context["week_after"]) == (
        date(2026, 3, 22),
        date(2026, 4, 5),
    )


@pytest.mark.parametrize("on", ["", "yesterday", "2026-02-30", "0001-01-01", "9999-12-31", "20261123"])
def test_a_date_that_is_none_is_today(school, on):
    response = come_as(school.teacher.user).get(PAGE, {"on": on})
    assert (response.status_code, response.context["on"]) == (200, response.context["today"])


def test_says_where_the_roll_call_stands(school, now, day):
    client = come_as(school.teacher.user)
    assert states(client.get(day)) == [("waiting", "Roll not called")]
    actions.open_roll_call(school.meeting, by=school.teacher.user, at=now)
    assert states(client.get(day)) == [("expected", "Roll call in progress")]
    roll_call = call_roll(school, now)
    assert states(client.get(day)) == [("expected", "Roll called, sign-in not opened")]
    actions.open_sign_in(
        roll_call,
        teacher=school.teacher,
        by=school.teacher.user,
        method=Method.DRAWN,
        drawing=DRAWING,
        at=now,
    )
    sign(school, roll_call, "alice", now)
    ((code, text),) = states(client.get(day))
    assert (code, text.startswith("Open until "), text.endswith(", signed 1/2")) == ("open", True, True)


def test_a_meeting_that_has_not_begun_is_to_come(school, now):
    school.meeting.starts_at, school.meeting.ends_at = now + timedelta(days=3), now + timedelta(days=3, hours=1)
    school.meeting.save()
    on = school.meeting.starts_at.astimezone(school.base.tz).date()
    page = come_as(school.teacher.user).get(PAGE, {"on": on.isoformat()})
    assert states(page) == [("waiting", "To come")]


def test_says_closed_then_validated(school, now):
    then = now - timedelta(hours=4)
    school.meeting.starts_at, school.meeting.ends_at = then, then + timedelta(hours=1)
    school.meeting.save()
    roll_call = open_the_sign_in(school, then)
    sign(school, roll_call, "alice", then)
    sign(school, roll_call, "bao", then)
    client = come_as(school.teacher.user)
    page = client.get(PAGE, {"on": then.astimezone(school.base.tz).date().isoformat()})
    assert states(page) == [("closed", "Closed, signed 2/2")]
    actions.validate_meeting(roll_call, by=school.secretary, at=now)
    page = client.get(PAGE, {"on": then.astimezone(school.base.tz).date().isoformat()})
    assert states(page) == [("validated", "Validated")]


def test_a_cancelled_meeting_is_struck(school, day):
    school.meeting.cancelled = True
    school.meeting.save()
    response = come_as(school.teacher.user).get(f"{day}&view=day")
    assert states(response) == [("off", "Cancelled")]
    assert response.content.decode().count('class="week-meeting is-cancelled"') == 1


def test_an_empty_day_and_week_say_so(school):
    text = text_of(come_as(school.teacher.user).get(PAGE, {"on": "2026-01-01"}))
    assert (text.count("No class meeting on this day."), text.count("No class meeting in this week.")) == (1, 1)


def test_a_colleague_never_sees_a_meeting_they_do_not_teach(school, day):
    school.meeting.teachers.remove(school.colleague)
    assert come_as(school.colleague.user).get(day).context["day"].entries == []


def test_another_base_shows_nothing_of_this_one(school, now, day):
    other = make_school("b", starts_at=now, ends_at=now + timedelta(hours=1))
    response = come_as(other.teacher.user, "b").get(day)
    assert [entry.meeting for entry in response.context["day"].entries] == [other.meeting]
    assert come_as(other.teacher.user, "a").get(PAGE)["Location"] == "/login?next=/teacher/"


def test_a_student_is_a_stranger_and_nobody_logs_in(school):
    assert come_as(school.students["alice"].user).get(PAGE).status_code == 404
    assert come_as(school.secretary).get(PAGE).status_code == 404
    assert come_as().get(PAGE)["Location"] == "/login?next=/teacher/"


def test_only_reads(school):
    assert come_as(school.teacher.user).post(PAGE).status_code == 405


def test_takes_as_many_queries_for_three_meetings_as_for_one(school, now, day):
    client = come_as(school.teacher.user)
    open_the_sign_in(school, now)
    one = queries_of(client, day)
    for number in range(2):
        meeting = add_meeting(school, now + timedelta(minutes=number))
        actions.open_roll_call(meeting, by=school.teacher.user, at=now)
    assert queries_of(client, day) == one
