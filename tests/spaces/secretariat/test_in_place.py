"""A roll call by QR code that staff open in the teachers' place (row M4.7), and how rolls are called (row M2.4)."""

from datetime import timedelta

import pytest
from django_scopes import scope

from emarge.attendance.models import ModeOfCourse, ModeOfType, Parameters, RollCall
from emarge.attendance.queries import mode_of
from emarge.attendance.rules import Mode
from tests.attendance.journey import events
from tests.cast import NOON
from tests.spaces.faces import HTMX, text_of

URL = "/secretariat/supervision"


@pytest.fixture
def secretary(school, clock, browser):
    return browser(school, school.secretary)


@pytest.fixture
def meeting(school) -> str:
    with scope(base=school.base):
        ModeOfCourse.objects.create(base=school.base, course=school.meeting.course, mode=Mode.ROLLING_QR.value)
    return f"{URL}/{school.meeting.uuid}"


def chosen(school) -> str:
    return f"{URL}?from=2026-11-23&meeting={school.meeting.uuid}"


def test_staff_open_show_and_end_in_the_teachers_place(school, secretary, meeting, clock):
    assert "Open the roll call by QR code in the teacher's place" in text_of(secretary.get(chosen(school)))
    opened = secretary.post(f"{meeting}/open-in-place", {"back": "from=2026-11-23"})
    assert opened.status_code == 303
    assert "is opened by" not in text_of(secretary.get(opened["Location"], headers=HTMX))
    page = text_of(secretary.get(opened["Location"]))
    assert "is opened by Sylvie SIMON for COLIN Colette, HAMON Hugo, TESSIER Thomas." in page
    assert "Incomplete: the teacher has not signed" in page
    assert secretary.get(f"{meeting}/projector/state").json()["running"] is True
    assert "4 students have not scanned" in page
    with scope(base=school.base):
        assert RollCall.objects.get().sign_in_opened_by == school.secretary
        assert events()[-1] == "roll_call.started"
    secretary.post(f"{meeting}/end-in-place")
    clock.now = NOON + timedelta(minutes=1)
    page = secretary.get(chosen(school))
    assert [str(state.text) for _meeting, state, _query in page.context["rows"]] == [
        "Incomplete: the teacher has not signed"
    ]
    with scope(base=school.base):
        assert set(RollCall.objects.get().lines.values_list("presence", flat=True)) == {"absent"}


def test_opening_twice_is_harmless(school, secretary, meeting):
    for _ in range(2):
        assert secretary.post(f"{meeting}/open-in-place").status_code == 303
    with scope(base=school.base):
        assert RollCall.objects.count() == 1


def test_a_meeting_called_by_the_teacher_cannot_be_opened_so(school, secretary):
    refused = secretary.post(f"{URL}/{school.meeting.uuid}/open-in-place")
    assert refused.status_code == 403 or "opened" not in text_of(refused)
    with scope(base=school.base):
        assert RollCall.objects.count() == 0


def test_without_the_right_nothing_of_it(school, meeting, clock, browser):
    director = browser(school, school.director)
    assert "in the teacher's place" not in text_of(director.get(chosen(school)))
    for path in ("open-in-place", "end-in-place"):
        assert director.post(f"{meeting}/{path}").status_code == 403
    for path in ("projector", "projector/state", "projector/code.svg?step=0"):
        assert director.get(f"{meeting}/{path}").status_code == 403


def test_the_way_of_a_type_and_the_pace(school, secretary):
    with scope(base=school.base):
        course_type = school.meeting.course.course_type
    posted = {"period": "20", "grace": "0", f"mode-{course_type.pk}": "rolling_qr"}
    assert secretary.post("/secretariat/parameters/roll-call", posted).status_code == 303
    with scope(base=school.base):
        parameters = Parameters.objects.get()
        assert (parameters.period_seconds, parameters.grace_seconds) == (20, 0)
        assert mode_of(school.meeting.course) is Mode.ROLLING_QR
    page = secretary.get("/secretariat/parameters")
    assert page.context["types"] == [(course_type, "rolling_qr")]
    assert (page.context["period"], page.context["grace"]) == (20, 0)


@pytest.mark.parametrize(
    ("posted", "status"),
    [
        ({"period": "4", "grace": "4"}, 400),
        ({"period": "15", "grace": "301"}, 400),
        ({"period": "x", "grace": "4"}, 400),
        ({"period": "15", "grace": "15", "mode": "by_magic"}, 400),
    ],
)
def test_what_makes_no_sense_is_refused_and_changes_nothing(school, secretary, posted, status):
    with scope(base=school.base):
        course_type = school.meeting.course.course_type
    mode = posted.pop("mode", "set_qr")
    answer = secretary.post("/secretariat/parameters/roll-call", {**posted, f"mode-{course_type.pk}": mode})
    assert answer.status_code == status
    with scope(base=school.base):
        assert (ModeOfType.objects.count(), Parameters.objects.get().period_seconds) == (0, 15)


def test_the_way_of_courses_then_as_their_type_again(school, secretary):
    row = {"row": str(school.meeting.course.uuid), "scope": "ticked"}
    secretary.post("/secretariat/courses/mode", {**row, "mode": "set_qr"})
    assert "By set QR code" in text_of(secretary.get("/secretariat/courses"))
    secretary.post("/secretariat/courses/mode", {**row, "mode": "as_type"})
    with scope(base=school.base):
        assert ModeOfCourse.objects.count() == 0
    assert secretary.post("/secretariat/courses/mode", {**row, "mode": "x"}).status_code == 400
    assert secretary.post("/secretariat/courses/mode", {"mode": "set_qr", "scope": "ticked"}).status_code == 400
