import pytest
from django_scopes import scope

from emarge.institutions.models import Student
from tests.attendance.journey import call_roll, events

FORM = {
    "last_name": "ADAM",
    "first_name": "Alice",
    "identifier_type": "ine",
    "identifier": "111172109HG",
    "birth_on": "2005-01-01",
    "reason": "Letter of the student",
}


@pytest.fixture
def secretary(school, clock, browser):
    return browser(school, school.secretary)


def url(school, name="alice"):
    return f"/secretariat/students/{school.students[name].uuid}"


def test_the_form_shows_who_the_student_is(school, secretary):
    page = secretary.get(url(school)).content.decode()
    assert [text in page for text in ('value="ADAM"', 'value="111172100HG"', 'value="2005-01-01"')] == [True] * 3


def test_a_correction_is_written_and_recorded(school, secretary):
    with scope(base=school.base):
        call_roll(school)
    response = secretary.post(url(school), {**FORM, "identifier": "11117 2109"})
    assert response.status_code == 400
    assert "This is no INE" in response.content.decode()
    response = secretary.post(url(school), {**FORM, "identifier": "111 172 109 hg"})
    assert (response.status_code, response["Location"]) == (303, "/secretariat/students")
    with scope(base=school.base):
        assert Student.objects.get(pk=school.students["alice"].pk).identifier == "111172109HG"
        assert events()[-1] == "student.alias"


@pytest.mark.parametrize(
    ("changes", "status"),
    [({"reason": ""}, 400), ({"identifier_type": ""}, 400), ({"birth_on": "soon"}, 400), ({"birth_on": ""}, 400)],
)
def test_what_is_missing_is_said(school, secretary, changes, status):
    response = secretary.post(url(school), {**FORM, **changes})
    assert response.status_code == status
    with scope(base=school.base):
        assert Student.objects.get(pk=school.students["alice"].pk).identifier == "111172100HG"


def test_rights_and_other_bases(school, stranger, secretary, browser):
    assert browser(school, school.teacher.user).get(url(school)).status_code == 403
    assert browser(school, school.director).post(url(school), FORM).status_code == 403
    assert secretary.get(url(stranger)).status_code == 404
    assert secretary.post(url(stranger), FORM).status_code == 404
