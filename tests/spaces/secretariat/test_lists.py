"""The lists of courses and of students: same selection, same pages."""

from datetime import date

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django_scopes import scope

from emarge.institutions.models import Student, Subject
from emarge.timetable.models import Course
from tests.attendance.journey import events

COURSES, STUDENTS = "/secretariat/courses", "/secretariat/students"


@pytest.fixture
def secretary(school, clock, browser):
    return browser(school, school.secretary)


def add_course(school, name, *, flagged=False):
    course = Course.objects.create(
        base=school.base,
        subject=Subject.objects.create(base=school.base, name=name),
        course_type=school.meeting.course.course_type,
        digital_sign_in=flagged,
    )
    course.groups.add(school.group)
    return course


def add_student(school, last_name, **facts):
    with scope(base=school.base):
        student = Student.objects.create(base=school.base, last_name=last_name, first_name="Z", **facts)
        student.groups.add(school.group)
        return student


def flagged_students(school):
    with scope(base=school.base):
        return sorted(Student.objects.filter(subject_to_sign_in=True).values_list("last_name", flat=True))


def names(response):
    return [row["student"].last_name for row in response.context["rows"]]


def test_courses_are_listed_searched_and_filtered(school, secretary):
    with scope(base=school.base):
        add_course(school, "Économie générale")
    assert [str(each) for each in secretary.get(COURSES).context["page"]] == [
        "R1.01 Initiation au développement (TD)",
        "Économie générale (TD)",
    ]
    assert [str(each) for each in secretary.get(COURSES, {"q": "economie"}).context["page"]] == [
        "Économie générale (TD)"
    ]
    assert secretary.get(COURSES, {"flag": "yes"}).context["page"].paginator.count == 1
    assert secretary.get(COURSES, {"flag": "no"}).context["page"].paginator.count == 1
    assert secretary.get(COURSES, {"flag": "nonsense"}).context["page"].paginator.count == 2


def test_one_course_by_its_own_button(school, secretary):
    course = school.meeting.course
    posted = {"one": course.uuid, "subject_to": "no", "back": "q=initiation&x=1"}
    response = secretary.post(f"{COURSES}/flag", posted)
    assert (response.status_code, response["Location"]) == (303, f"{COURSES}?q=initiation")
    course.refresh_from_db()
    assert course.digital_sign_in is False
    with scope(base=school.base):
        assert events() == ["course.flagged"]
    assert "1 course is no longer subject to sign-in." in secretary.get(COURSES).content.decode()


def test_ticked_courses_and_all_found(school, secretary):
    with scope(base=school.base):
        first, second, third = (add_course(school, name) for name in ["Alpha", "Alpine", "Beta"])
    secretary.post(f"{COURSES}/flag", {"row": [first.uuid, third.uuid], "scope": "ticked", "subject_to": "yes"})
    with scope(base=school.base):
        assert [Course.objects.get(pk=each.pk).digital_sign_in for each in (first, second, third)] == [
            True,
            False,
            True,
        ]
    secretary.post(f"{COURSES}/flag", {"scope": "all", "subject_to": "no", "back": "q=al"})
    with scope(base=school.base):
        assert [Course.objects.get(pk=each.pk).digital_sign_in for each in (first, second, third)] == [
            False,
            False,
            True,
        ]


@pytest.mark.parametrize("url", [COURSES, STUDENTS])
@pytest.mark.parametrize("posted", [{}, {"row": "nonsense"}, {"one": "00000000-0000-4000-8000-000000000000"}])
def test_nothing_selected_is_refused(secretary, url, posted):
    response = secretary.post(f"{url}/flag", {**posted, "subject_to": "yes"})
    assert (response.status_code, response.context["refusal"].code) == (400, "nothing_selected")


def test_students_are_listed_with_a_masked_identifier(school, secretary):
    response = secretary.get(STUDENTS)
    assert names(response) == ["ADAM", "BENOÎT", "CARON", "DAVID"]
    assert response.context["rows"][0]["identifier"] == "•••••••00HG"
    assert "11117210" not in response.content.decode()
    assert names(secretary.get(STUDENTS, {"q": "benoit"})) == ["BENOÎT"]
    assert names(secretary.get(STUDENTS, {"flag": "no"})) == ["DAVID"]


def test_incomplete_students_are_told_and_the_complete_ones_flagged(school, secretary):
    nobody = add_student(school, "ELIE")
    dateless = add_student(school, "FABRE", identifier_type="internal", identifier="FC-1")
    chosen = [school.students["dan"].uuid, school.students["alice"].uuid, nobody.uuid, dateless.uuid]
    response = secretary.post(f"{STUDENTS}/flag", {"row": chosen, "subject_to": "yes"})
    assert response.status_code == 200
    assert response.context["told"] == "1 student is now subject to sign-in."
    assert [(str(student), [str(lack) for lack in lacks]) for student, lacks in response.context["todo"]] == [
        ("ELIE Z", ["identifier (INE or equivalent)", "date of birth"]),
        ("FABRE Z", ["date of birth"]),
    ]
    assert flagged_students(school) == ["ADAM", "BENOÎT", "CARON", "DAVID"]
    assert names(secretary.get(STUDENTS, {"flag": "incomplete"})) == ["ELIE", "FABRE"]


def test_an_equivalent_identifier_is_enough(school, secretary):
    student = add_student(school, "GIRE", identifier_type="internal", identifier="FC-2", birth_on=date(1990, 5, 6))
    response = secretary.post(f"{STUDENTS}/flag", {"one": student.uuid, "subject_to": "yes"})
    assert response.status_code == 303
    assert flagged_students(school) == ["ADAM", "BENOÎT", "CARON", "GIRE"]


def test_rows_of_another_base_are_passed_over(school, stranger, secretary):
    foreign = stranger.students["dan"]
    posted = {"row": [foreign.uuid, school.students["dan"].uuid], "subject_to": "yes"}
    assert secretary.post(f"{STUDENTS}/flag", posted).status_code == 303
    assert flagged_students(school) == ["ADAM", "BENOÎT", "CARON", "DAVID"]
    assert flagged_students(stranger) == ["ADAM", "BENOÎT", "CARON"]


def test_long_lists_come_in_pages(school, secretary):
    with scope(base=school.base):
        Student.objects.bulk_create(
            Student(base=school.base, last_name=f"X{number:03}", first_name="Y") for number in range(120)
        )
    first, third = secretary.get(STUDENTS), secretary.get(STUDENTS, {"page": "3"})
    assert [len(names(each)) for each in (first, third)] == [50, 24]
    assert [number for number, _query in first.context["pages"]] == [1, 2, 3]
    assert names(secretary.get(STUDENTS, {"page": "99"})) == names(third)


@pytest.mark.parametrize("url", [COURSES, STUDENTS])
def test_queries_do_not_grow_with_the_list(school, secretary, url):
    def counted():
        with CaptureQueriesContext(connection) as queries:
            secretary.get(url)
        return len(queries)

    few = counted()
    with scope(base=school.base):
        add_course(school, "Alpha")
        add_course(school, "Beta")
    add_student(school, "ZOLA")
    assert counted() == few


@pytest.mark.parametrize("url", [COURSES, STUDENTS])
def test_without_the_right_403(school, clock, browser, url):
    for person in [school.director, school.teacher.user, school.students["alice"].user]:
        client = browser(school, person)
        assert (client.get(url).status_code, client.post(f"{url}/flag").status_code) == (403, 403)


@pytest.mark.parametrize("url", [COURSES, STUDENTS])
def test_wrong_method_405(secretary, url):
    assert (secretary.post(url).status_code, secretary.get(f"{url}/flag").status_code) == (405, 405)
