from datetime import timedelta

import pytest

from emarge.attendance import actions
from emarge.timetable.models import ClassMeeting
from tests.attendance.journey import line_of, open_the_sign_in, sign
from tests.cast import make_school
from tests.spaces.faces import come_as, queries_of, text_of

SUMMARY = "/student/sign-ins"
TO_SIGN = "/student/to-sign"


def past(school, now, days: int):
    """A class meeting of some days ago whose sign-in was opened and is over."""
    then = now - timedelta(days=days)
    meeting = ClassMeeting.objects.create(
        base=school.base, course=school.meeting.course, starts_at=then, ends_at=then + timedelta(hours=1)
    )
    meeting.teachers.add(school.teacher)
    school.meeting = meeting
    return open_the_sign_in(school, then)


def items(response) -> list[tuple[str, str, bool]]:
    return [(item.line.presence, item.status, item.is_open) for item in response.context["items"]]


def test_past_and_open_ones_newest_first_with_both_facts(school, now):
    open_the_sign_in(school, now)
    signed_then = past(school, now, 1)
    sign(school, signed_then, "alice", now - timedelta(days=1))
    past(school, now, 2)
    settled = past(school, now, 3)
    actions.settle(line_of(settled, school, "alice"), by=school.secretary, reason="tablet down", at=now)
    response = come_as(school.students["alice"].user).get(SUMMARY)
    assert items(response) == [
        ("present", "expected", True),
        ("present", "signed", False),
        ("present", "unsigned_at_close", False),
        ("present", "regularised", False),
    ]
    text = text_of(response)
    said = ["Sign until ", "Signed at ", "Not signed in time", "Regularised by the secretariat"]
    assert [text.count(each) for each in said] == [1, 1, 1, 1]


def test_an_absence_shows_without_a_signature_asked(school, now):
    open_the_sign_in(school, now)
    response = come_as(school.students["chloe"].user).get(SUMMARY)
    assert items(response) == [("absent", "not_expected", False)]


def test_who_is_not_subject_has_none(school, now):
    open_the_sign_in(school, now)
    response = come_as(school.students["dan"].user).get(SUMMARY)
    assert (items(response), text_of(response).count("No sign-in yet")) == ([], 1)


def test_to_sign_holds_the_open_ones_only(school, now):
    past(school, now, 1)
    client = come_as(school.students["alice"].user)
    assert text_of(client.get(TO_SIGN)).count("Nothing to sign at the moment") == 1
    school.meeting = ClassMeeting.objects.order_by("-starts_at").first()
    open_the_sign_in(school, now)
    assert items(client.get(TO_SIGN)) == [("present", "expected", True)]


@pytest.mark.parametrize("page", ["", "0", "-1", "99", "x"])
def test_a_page_that_is_none_is_still_a_page(school, now, page):
    open_the_sign_in(school, now)
    response = come_as(school.students["alice"].user).get(SUMMARY, {"page": page})
    assert (response.status_code, len(response.context["items"])) == (200, 1)


def test_others_find_nothing(school, now):
    other = make_school("b", starts_at=now, ends_at=now + timedelta(hours=1))
    for url in (SUMMARY, TO_SIGN):
        assert come_as(school.teacher.user).get(url).status_code == 404
        assert come_as(other.students["alice"].user).get(url)["Location"] == f"/login?next={url}"
        assert come_as(school.students["alice"].user).post(url).status_code == 405


def test_takes_as_many_queries_for_three_as_for_one(school, now):
    client = come_as(school.students["alice"].user)
    past(school, now, 1)
    one = [queries_of(client, SUMMARY), queries_of(client, TO_SIGN)]
    past(school, now, 2)
    past(school, now, 3)
    assert [queries_of(client, SUMMARY), queries_of(client, TO_SIGN)] == one
