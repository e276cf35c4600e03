"""A roll call by QR code on the teacher's sheet, and its shared screen (docs/formats/projector.md)."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from emarge.attendance import actions, codes
from emarge.attendance.models import ModeOfCourse, RollCall
from emarge.attendance.queries import pace_of
from emarge.attendance.rules import Mode, Way
from emarge.attendance.tickets import key
from emarge.spaces.projection import qr_svg
from tests.attendance.journey import DRAWING, line_of
from tests.cast import make_school
from tests.spaces.faces import HTMX, come_as, queries_of, text_of

DRAWN = {"method": "drawn", "drawing": DRAWING}


@pytest.fixture
def sheet(school) -> str:
    _call_by(school, Mode.ROLLING_QR)
    return f"/teacher/meetings/{school.meeting.uuid}"


@pytest.fixture
def teacher(school):
    return come_as(school.teacher.user)


@pytest.fixture
def running(sheet, teacher) -> RollCall:
    teacher.post(f"{sheet}/start")
    teacher.post(f"{sheet}/signature", DRAWN)
    return RollCall.objects.get()


def _call_by(school, mode: Mode) -> None:
    ModeOfCourse.objects.create(base=school.base, course=school.meeting.course, mode=mode.value)


def test_the_signature_starts_the_roll_call(school, sheet, teacher):
    assert text_of(teacher.get(sheet)).count("Start the roll call by QR code") == 1
    started = teacher.post(f"{sheet}/start")
    assert started["Location"] == f"{sheet}/signature"
    assert RollCall.objects.get().sign_in_opened_at is None
    page = teacher.get(sheet)
    assert "nobody can scan before" in text_of(page)
    assert (b'/mark"' in page.content, b'/end"' in page.content) == (False, False)
    assert "students then scan the code" in text_of(teacher.get(f"{sheet}/signature"))
    signed = teacher.post(f"{sheet}/signature", DRAWN)
    assert signed["Location"] == sheet
    page = text_of(teacher.get(sheet))
    assert "Roll call By rolling QR code" in page
    assert (page.count("Not scanned yet"), "0 of 4 here" in page, "Display the QR code" in page) == (4, True, True)


def test_somebody_is_declared_present_by_hand_and_the_others_are_absent_at_its_end(school, sheet, teacher, running):
    line = line_of(running, school, "alice")
    marked = teacher.post(f"/teacher/lines/{line.uuid}/mark", {"presence": "present"}, headers=HTMX)
    assert marked.status_code == 200
    assert "1 of 4 here" in text_of(teacher.get(f"{sheet}/list", headers=HTMX))
    ended = teacher.post(f"{sheet}/end")
    assert ended["Location"] == f"{sheet}/validation"
    assert sorted(running.lines.values_list("presence", flat=True)) == ["absent", "absent", "absent", "present"]
    over = teacher.get(f"{sheet}/list", headers=HTMX)
    assert ("The roll call ended at" in text_of(over), "data-live" in over.content.decode()) == (True, False)


def test_nobody_is_marked_as_not_scanned_by_hand(school, teacher, running):
    line = line_of(running, school, "alice")
    assert teacher.post(f"/teacher/lines/{line.uuid}/mark", {"presence": "awaited"}, headers=HTMX).status_code == 400


def test_what_is_typed_beside_a_student_outlives_the_refresh(school, sheet, teacher, running):
    line = line_of(running, school, "alice")
    teacher.post(f"/teacher/lines/{line.uuid}/mark", {"presence": "late"}, headers=HTMX)
    page = teacher.get(f"{sheet}/list", headers=HTMX).content.decode()
    assert re.findall(r'<form id="([^"]+)" hx-preserve', page) == [f"more-late-{line.uuid}"]


def test_a_teacher_whose_place_was_taken_is_told_and_signs(school, sheet, teacher):
    roll_call = actions.open_roll_call(school.meeting, by=school.secretary, at=timezone.now())
    actions.open_for_teacher(roll_call, by=school.secretary, at=timezone.now())
    assert "Sylvie SIMON opened this roll call in your place" in text_of(teacher.get(sheet))
    teacher.post(f"{sheet}/signature", DRAWN)
    assert "in your place" not in text_of(teacher.get(sheet))
    colleague = come_as(school.colleague.user)
    colleague.post(f"{sheet}/end")
    assert "may sign too" not in text_of(colleague.get(f"{sheet}/validation"))


def test_the_screen_shows_the_code_of_now_and_has_the_next(sheet, teacher, running):
    page = teacher.get(f"{sheet}/projector")
    said = teacher.get(f"{sheet}/projector/state").json()
    pace = pace_of(running)
    for each in (said["now"], said["next"]):
        assert each["typed"].replace(" ", "") == codes.typed_code(key(), pace, each["step"])
        assert each["image"] == f"{sheet}/projector/code.svg?step={each['step']}"
    assert said["next"]["step"] == said["now"]["step"] + 1
    assert 0 <= said["now"]["left_ms"] <= said["period_ms"] == 15_000
    assert (said["running"], said["count"]) == (True, "0 of 4 here")
    assert "R1.01 Initiation au développement" in text_of(page)


def test_the_image_is_that_of_the_address_that_counts(school, sheet, teacher, running):
    step = teacher.get(f"{sheet}/projector/state").json()["now"]["step"]
    image = teacher.get(f"{sheet}/projector/code.svg?step={step}")
    code = codes.scan_code(key(), pace_of(running), step)
    number = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"[running.pk]  # the first ones have one digit
    assert image["Content-Type"] == "image/svg+xml"
    assert image.content == qr_svg(f"HTTP://A.LOCALHOST/Q/{number}/{code}")
    ticket = actions.arrive(running, code, Way.CAMERA, device="", arrived_at=timezone.now())
    assert ticket.step == step


def test_an_address_of_usual_length_fits_in_version_4():
    host = "emargement.campus-des-tilleuls.fr"[:32].upper()
    svg = qr_svg(f"HTTPS://{host}/Q/ZZZ/0123456789ABCDEF").decode()
    modules = 4 * 4 + 17 + 2 * 4  # of version 4, with the quiet zone
    assert f'viewBox="0 0 {modules} {modules}"' in svg


@pytest.mark.parametrize("step", ["", "x", "-1", "9" * 30, "0", "118633920"])
def test_no_other_step_is_shown(sheet, teacher, running, step):
    assert teacher.get(f"{sheet}/projector/code.svg?step={step}").status_code == 404


def test_nothing_is_shown_before_the_start_nor_after_the_end(sheet, teacher):
    assert teacher.get(f"{sheet}/projector")["Location"] == sheet
    assert teacher.get(f"{sheet}/projector/state").json()["running"] is False
    teacher.post(f"{sheet}/start")
    assert teacher.get(f"{sheet}/projector")["Location"] == sheet
    teacher.post(f"{sheet}/signature", DRAWN)
    step = teacher.get(f"{sheet}/projector/state").json()["now"]["step"]
    teacher.post(f"{sheet}/end")
    assert teacher.get(f"{sheet}/projector/state").json() == {"running": False, "back": sheet}
    assert teacher.get(f"{sheet}/projector/code.svg?step={step}").status_code == 404


def test_a_set_code_is_one_step(school, now):
    _call_by(school, Mode.SET_QR)
    roll_call = actions.open_roll_call(school.meeting, by=school.secretary, at=now)
    actions.open_for_teacher(roll_call, by=school.secretary, at=now)
    teacher, sheet = come_as(school.teacher.user), f"/teacher/meetings/{school.meeting.uuid}"
    said = teacher.get(f"{sheet}/projector/state").json()
    assert (said["now"]["step"], said["next"], said["period_ms"]) == (0, None, 0)
    assert "Print" in text_of(teacher.get(f"{sheet}/projector"))


def test_strangers_see_no_code(school, sheet, running, now):
    other = make_school("b", starts_at=now, ends_at=now + timedelta(hours=1))
    for person in (school.students["alice"].user, school.secretary):
        for path in ("projector", "projector/state", "projector/code.svg?step=0", "list"):
            assert come_as(person).get(f"{sheet}/{path}").status_code == 404
    assert come_as(other.teacher.user, base="b").get(f"{sheet}/projector").status_code == 404


def test_the_state_takes_few_queries_however_many_there_are(sheet, teacher, running):
    assert queries_of(teacher, f"{sheet}/projector/state") <= 7
