"""Plans a class meeting in the data folder of a running demo school, at a stage that no browser can reach in time.

`python -m tests.e2e.plans DATA STAGE [ABSENT_LOGIN]` prints one JSON object. Stages: ``running`` (the one that the
demo planned, as it is), ``called`` (roll called, sign-in not opened), ``open``, ``closed`` (everything two hours
ago), ``elsewhere`` (open, in another base of the same installation), ``rolling_qr`` and ``set_qr`` (not called yet,
by QR code; a rolling code lasts 5 seconds).

For the pictures: ``school`` makes the demo school in a time zone where the day is young, its first class meeting
signed and validated; ``signed MEETING ANY COUNT`` lets that many more students of a class meeting sign.
"""

import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from emarge.cli.django_setup import setup
from tests.e2e.hand import text


def main(data: str, stage: str, absent: str = "", meeting: str = "", count: str = "0") -> None:
    setup(Path(data), create=stage == "school")
    from django_scopes import scope

    from emarge.cli.demo_base import demo_base

    now = datetime.now(UTC).replace(microsecond=0)
    if stage == "elsewhere":
        found = _elsewhere(now)
    elif stage == "school":
        found = _make_school(Path(data), now)
    else:
        with scope(base=demo_base()):
            found = _of_the_demo(stage, absent, meeting, int(count), now)
    sys.stdout.write(json.dumps(found))


def _of_the_demo(stage: str, absent: str, meeting: str, count: int, now: datetime) -> dict:
    from emarge.attendance.models import RollCall

    if stage == "running":
        return _running()
    if stage == "signed":
        roll_call = RollCall.objects.get(meeting__uuid=meeting)
        _sign(roll_call, count, now)
        return _found(roll_call)
    if stage in {"rolling_qr", "set_qr"}:
        return _by_code(stage, now)
    return _staged(stage, absent, now)


def _by_code(mode: str, now: datetime) -> dict:
    from emarge.attendance import actions
    from emarge.attendance.rules import Mode
    from emarge.cli.demo_base import demo_base, plan_tour

    base = demo_base()
    actions.set_rolling(base, period=5, grace=5, by=None, at=now)
    meeting = plan_tour(base, starts_at=now - timedelta(minutes=5), ends_at=now + timedelta(minutes=55))
    actions.set_mode_of_courses([meeting.course], Mode(mode), by=None, at=now)
    return {"meeting": str(meeting.uuid), "lines": {}}


def _running() -> dict:
    from emarge.timetable.models import ClassMeeting

    meeting = ClassMeeting.objects.get(source_uid__startswith="demo:now:", source_uid__endswith=":running")
    return {"meeting": str(meeting.uuid), "lines": {}}


def _staged(stage: str, absent: str, now: datetime) -> dict:
    from emarge.cli.demo_base import demo_base, plan_tour

    at = now - timedelta(hours=3) if stage == "closed" else now
    meeting = plan_tour(demo_base(), starts_at=at - timedelta(minutes=5), ends_at=at + timedelta(minutes=55))
    return _found(_call(meeting, {absent}, at, opened=stage != "called"))


def _call(meeting, absent: set[str], at: datetime, *, opened: bool):
    """The roll of a class meeting called at an instant, with who was absent; and the sign-in opened."""
    from emarge.attendance import actions
    from emarge.attendance.rules import Method, Presence

    teacher = meeting.teachers.get()
    roll_call = actions.open_roll_call(meeting, by=teacher.user, at=at)
    for line in roll_call.lines.filter(student__user__login__in=absent):
        actions.mark(line, Presence.ABSENT, by=teacher.user, at=at)
    roll_call = actions.end_roll_call(roll_call, by=teacher.user, at=at)
    if opened:
        drawing = text(teacher.user.login)
        actions.open_sign_in(roll_call, teacher=teacher, by=teacher.user, method=Method.DRAWN, drawing=drawing, at=at)
    return roll_call


def _sign(roll_call, count: int, at: datetime) -> None:
    """The first students who may sign and have not, up to a number, sign."""
    from emarge.attendance import actions
    from emarge.attendance.rules import Method, Presence

    lines = roll_call.lines.filter(expected=True, sign_in=None).exclude(presence=Presence.ABSENT.value)
    for line in lines.order_by("last_name", "first_name")[:count]:
        user = line.student.user
        actions.sign_in(line, by=user, method=Method.DRAWN, drawing=text(user.login), at=at, ip="192.0.2.7")


def _make_school(data: Path, now: datetime) -> dict:
    from django_scopes import scope

    from emarge.accounts.models import User
    from emarge.attendance import actions
    from emarge.cli.demo_base import activate_demo, add_meetings_around, build_demo
    from emarge.cli.vault import create_vault
    from emarge.timetable.models import ClassMeeting

    create_vault(data, name="emarge-demo")
    base = build_demo(data, at=now)
    ahead = (10 - now.hour + 12) % 24 - 12
    base.time_zone = f"Etc/GMT{-ahead:+d}"
    base.save()
    activate_demo(base, at=now)
    add_meetings_around(base, now)
    with scope(base=base):
        ended = ClassMeeting.objects.get(source_uid__startswith="demo:now:", source_uid__endswith=":ended")
        at = ended.starts_at + timedelta(minutes=4)
        roll_call = _call(ended, {"hugo.leroy", "anna.roy"}, at, opened=True)
        _sign(roll_call, roll_call.lines.count(), at + timedelta(minutes=1))
        actions.validate_meeting(roll_call, by=User.objects.get(login="nadia.lefevre"), at=now)
        return _found(roll_call)


def _elsewhere(now: datetime) -> dict:
    from django_scopes import scope

    from tests.attendance.journey import open_the_sign_in
    from tests.cast import make_school

    school = make_school("elsewhere", starts_at=now, ends_at=now + timedelta(hours=1))
    with scope(base=school.base):
        return _found(open_the_sign_in(school, at=now))


def _found(roll_call) -> dict:
    lines = roll_call.lines.filter(student__user__isnull=False).select_related("student__user")
    return {
        "meeting": str(roll_call.meeting.uuid),
        "lines": {line.student.user.login: str(line.uuid) for line in lines},
    }


if __name__ == "__main__":
    main(*sys.argv[1:])
