from datetime import timedelta

import pytest

from emarge.attendance import actions
from emarge.attendance.models import RollCall, RollCallLine
from emarge.attendance.rules import Presence
from emarge.attendance.texts import TEXTS, Refusal
from emarge.institutions.models import Student
from tests.attendance.journey import call_roll, events, line_of, open_the_sign_in
from tests.cast import make_school
from tests.spaces.faces import HTMX, come_as, part_of, queries_of, text_of


@pytest.fixture
def sheet(school) -> str:
    return f"/teacher/meetings/{school.meeting.uuid}"


@pytest.fixture
def roll_call(school, now) -> RollCall:
    return actions.open_roll_call(school.meeting, by=school.teacher.user, at=now)


def address_of(line: RollCallLine) -> str:
    return f"/teacher/lines/{line.uuid}/mark"


def facts_of(line: RollCallLine) -> tuple[str, int, str]:
    line.refresh_from_db()
    return line.presence, line.minutes_late, line.reason


# Reading the sheet


def test_looking_at_a_sheet_starts_nothing(school, sheet):
    response = come_as(school.teacher.user).get(sheet)
    assert (response.status_code, RollCall.objects.count()) == (200, 0)
    assert response.content.decode().count(f'action="{sheet}/start"') == 1


def test_the_sheet_shows_the_mode_and_one_line_a_student_as_people_order_names(school, sheet, now):
    zoe = Student.objects.create(base=school.base, last_name="ÉLOI", first_name="Zoé")
    zoe.groups.add(school.group)
    actions.open_roll_call(school.meeting, by=school.teacher.user, at=now)
    response = come_as(school.teacher.user).get(sheet)
    names = [line.last_name for line in response.context["lines"]]
    assert names == ["ADAM", "BENOÎT", "CARON", "DAVID", "ÉLOI"]
    text = text_of(response)
    assert (text.count("Roll call By teacher"), text.count("5 students: 0 absent, 0 late. 3 will be asked")) == (1, 1)


def test_what_stands_against_starting_is_said_instead_of_the_button(school, sheet, now):
    school.meeting.starts_at, school.meeting.ends_at = now + timedelta(hours=1), now + timedelta(hours=2)
    school.meeting.save()
    response = come_as(school.teacher.user).get(sheet)
    assert response.context["why_not_start"] == TEXTS[Refusal.TOO_EARLY_TO_CALL]
    assert response.content.decode().count(f"{sheet}/start") == 0


def test_without_the_right_the_sheet_is_read_only_and_says_why(school, sheet, roll_call):
    response = come_as(school.helpless.user).get(sheet)
    assert response.context["editable"] is False
    assert text_of(response).count("does not include the right “Enter absences”") == 1
    assert response.content.decode().count('/mark"') == 0
    assert response.content.decode().count(f"{sheet}/end") == 0


def test_takes_as_many_queries_for_three_students_more(school, sheet, roll_call):
    client = come_as(school.teacher.user)
    before = queries_of(client, sheet)
    for number in range(3):
        student = Student.objects.create(base=school.base, last_name=f"X{number}", first_name="Y")
        RollCallLine.objects.create(
            base=school.base, roll_call=roll_call, student=student, last_name="X", first_name="Y", expected=True
        )
    assert queries_of(client, sheet) == before


# Starting


def test_starts_by_a_press_and_a_second_press_finds_the_same(school, sheet):
    client = come_as(school.teacher.user)
    for _ in range(2):
        assert client.post(f"{sheet}/start")["Location"] == sheet
    assert (RollCall.objects.count(), events()) == (1, [*["student.listed"] * 4, "roll_call.opened"])


def test_a_refused_start_says_why_and_writes_nothing(school, sheet):
    school.meeting.cancelled = True
    school.meeting.save()
    response = come_as(school.teacher.user).post(f"{sheet}/start")
    assert (response.status_code, RollCall.objects.count()) == (409, 0)
    assert text_of(response).count(str(TEXTS[Refusal.MEETING_CANCELLED])) == 2  # refused, and why not to try again


# Marking


def test_absence_then_present_again(school, sheet, roll_call):
    client, line = come_as(school.teacher.user), line_of(roll_call, school, "chloe")
    response = client.post(address_of(line), {"presence": "absent"})
    assert response["Location"] == f"{sheet}#line-{line.uuid}"
    assert facts_of(line) == ("absent", 0, "")
    client.post(address_of(line), {"presence": "absent", "reason": " internship "})
    assert facts_of(line) == ("absent", 0, "internship")
    client.post(address_of(line), {"presence": "present", "reason": "kept nowhere"})
    assert facts_of(line) == ("present", 0, "")


def test_tardiness_starts_from_the_minutes_since_the_start(school, roll_call):
    client, line = come_as(school.teacher.user), line_of(roll_call, school, "bao")
    client.post(address_of(line), {"presence": "late"})
    assert facts_of(line) == ("late", 10, "")
    client.post(address_of(line), {"presence": "late", "minutes_late": "25", "reason": "train"})
    assert facts_of(line) == ("late", 25, "train")


def test_tardiness_before_the_start_is_a_usual_one(school, now):
    school.meeting.starts_at = now + timedelta(minutes=10)
    school.meeting.save()
    roll_call = actions.open_roll_call(school.meeting, by=school.teacher.user, at=now)
    line = line_of(roll_call, school, "bao")
    come_as(school.teacher.user).post(address_of(line), {"presence": "late"})
    assert facts_of(line) == ("late", 5, "")


@pytest.mark.parametrize(
    ("data", "refusal"),
    [
        ({"presence": "late", "minutes_late": "0"}, Refusal.MINUTES_OUT_OF_RANGE),
        ({"presence": "late", "minutes_late": "1441"}, Refusal.MINUTES_OUT_OF_RANGE),
        ({"presence": "late", "minutes_late": "many"}, Refusal.MINUTES_OUT_OF_RANGE),
        ({"presence": "absent", "reason": "x" * 201}, Refusal.REASON_TOO_LONG),
    ],
)
def test_a_malformed_mark_says_why_and_writes_nothing(school, roll_call, data, refusal):
    client, line = come_as(school.teacher.user), line_of(roll_call, school, "bao")
    response = client.post(address_of(line), data, headers=HTMX)
    assert (response.status_code, response.context["error"]) == (400, TEXTS[refusal])
    assert facts_of(line) == ("present", 0, "")


@pytest.mark.parametrize("presence", ["", "asleep"])
def test_an_unknown_mark_is_refused(school, roll_call, presence):
    line = line_of(roll_call, school, "bao")
    response = come_as(school.teacher.user).post(address_of(line), {"presence": presence}, headers=HTMX)
    assert (response.status_code, facts_of(line)) == (400, ("present", 0, ""))


def test_after_the_end_a_mark_is_refused_with_what_to_do(school, now):
    roll_call = call_roll(school, now)
    client, line = come_as(school.teacher.user), line_of(roll_call, school, "bao")
    response = client.post(address_of(line), {"presence": "absent"}, headers=HTMX)
    assert (response.status_code, response.context["error"]) == (409, TEXTS[Refusal.ROLL_CALL_ENDED])
    page = client.post(address_of(line), {"presence": "absent"})
    assert (page.status_code, facts_of(line)) == (409, ("present", 0, ""))
    assert text_of(page).count(str(TEXTS[Refusal.ROLL_CALL_ENDED])) == 1


def test_after_a_swap_the_page_equals_a_reload(school, sheet, roll_call):
    client, line = come_as(school.teacher.user), line_of(roll_call, school, "chloe")
    swap = client.post(address_of(line), {"presence": "late"}, headers=HTMX)
    page = client.get(sheet)
    start = f'<li id="line-{line.uuid}"'
    assert part_of(swap, start, "</li>") == part_of(page, start, "</li>")
    swapped_count = part_of(swap, '<p id="roll-count"', "</p>")
    assert swapped_count.replace(' hx-swap-oob="true"', "") == part_of(page, '<p id="roll-count"', "</p>")


# Ending


def test_yes_ends_the_roll_call_and_leads_to_the_signature(school, sheet, roll_call):
    client = come_as(school.teacher.user)
    for _ in range(2):
        assert client.post(f"{sheet}/end")["Location"] == f"{sheet}/signature"
    roll_call.refresh_from_db()
    assert (roll_call.ended_at is not None, events().count("roll_call.ended")) == (True, 1)
    assert client.get(sheet).content.decode().count('/mark"') == 0


def test_ending_what_was_never_started_goes_back_to_the_sheet(school, sheet):
    assert come_as(school.teacher.user).post(f"{sheet}/end")["Location"] == sheet


def test_where_nobody_is_to_sign_the_sheet_ends_without_a_signature(school, sheet, now):
    school.meeting.course.digital_sign_in = False
    school.meeting.course.save()
    call_roll(school, now)
    response = come_as(school.teacher.user).get(sheet)
    assert response.context["asks_signatures"] is False
    assert response.content.decode().count(f"{sheet}/signature") == 0


# The tab « Roll call sheet »


def test_the_tab_opens_the_meeting_that_is_on(school, sheet):
    assert come_as(school.teacher.user).get("/teacher/roll-call")["Location"] == sheet


def test_the_tab_opens_the_day_when_nothing_is_on(school):
    school.meeting.cancelled = True
    school.meeting.save()
    assert come_as(school.teacher.user).get("/teacher/roll-call")["Location"] == "/teacher/?view=day"


# Who may


def test_strangers_and_other_bases_find_nothing(school, sheet, roll_call, now):
    school.meeting.teachers.remove(school.colleague)
    other = make_school("b", starts_at=now, ends_at=now + timedelta(hours=1))
    mark = address_of(line_of(roll_call, school, "bao"))
    strangers = [
        come_as(school.colleague.user),
        come_as(school.students["alice"].user),
        come_as(school.secretary),
        come_as(other.teacher.user, "b"),
    ]
    for client in strangers:
        assert client.get(sheet).status_code == 404
        assert [client.post(url).status_code for url in (f"{sheet}/start", f"{sheet}/end", mark)] == [404] * 3
    assert facts_of(line_of(roll_call, school, "bao")) == (Presence.PRESENT.value, 0, "")


def test_without_the_right_every_press_is_forbidden(school, sheet, roll_call):
    client, mark = come_as(school.helpless.user), address_of(line_of(roll_call, school, "bao"))
    urls = (f"{sheet}/start", f"{sheet}/end", mark)
    assert [client.post(url, {"presence": "absent"}).status_code for url in urls] == [403] * 3
    assert events()[-1] == "roll_call.opened"


def test_an_expired_login_comes_back_to_the_sheet(school, sheet):
    answer = come_as().post(f"{sheet}/start", headers={"referer": f"http://a.localhost{sheet}"})
    assert answer["Location"] == f"/login?next={sheet}"
    elsewhere = come_as().post(f"{sheet}/start", headers={"referer": f"http://evil.example{sheet}"})
    assert elsewhere["Location"] == f"/login?next={sheet}/start"


def test_wrong_methods(school, sheet, roll_call):
    client, mark = come_as(school.teacher.user), address_of(line_of(roll_call, school, "bao"))
    assert [client.get(url).status_code for url in (f"{sheet}/start", f"{sheet}/end", mark)] == [405] * 3
    assert [client.post(url).status_code for url in (sheet, "/teacher/roll-call")] == [405] * 2


def test_the_sheet_of_an_opened_sign_in_leads_to_the_validation(school, sheet, now):
    open_the_sign_in(school, now)
    body = come_as(school.teacher.user).get(sheet).content.decode()
    assert body.count(f'href="{sheet}/validation"') == 2  # the tab and the button
