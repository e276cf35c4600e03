"""Plans a class meeting in the data folder of a running demo school, at a stage that no browser can reach in time.

`python -m tests.e2e.plans DATA STAGE [ABSENT_LOGIN]` prints one JSON object. Stages: ``running`` (the one that the
demo planned, as it is), ``called`` (roll called, sign-in not opened), ``open``, ``closed`` (everything two hours
ago), ``elsewhere`` (open, in another base of the same installation).
"""

import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from emarge.cli.django_setup import setup

DRAWING = "v1;600x300;90,170 18,-52 22,-31 17,24 -9,58 -15,36 30,-41 33,-48 21,12 -6,44 28,-21"


def main(data: str, stage: str, absent: str = "") -> None:
    setup(Path(data))
    from django_scopes import scope

    from emarge.cli.demo_base import demo_base

    base = demo_base()
    now = datetime.now(UTC).replace(microsecond=0)
    if stage == "elsewhere":
        found = _elsewhere(now)
    else:
        with scope(base=base):
            found = _running() if stage == "running" else _staged(base, stage, absent, now)
    sys.stdout.write(json.dumps(found))


def _running() -> dict:
    from emarge.timetable.models import ClassMeeting

    meeting = ClassMeeting.objects.get(source_uid__startswith="demo:now:", source_uid__endswith=":running")
    return {"meeting": str(meeting.uuid), "lines": {}}


def _staged(base, stage: str, absent: str, now: datetime) -> dict:
    from emarge.attendance import actions
    from emarge.attendance.rules import Method, Presence
    from emarge.cli.demo_base import plan_tour

    at = now - timedelta(hours=3) if stage == "closed" else now
    meeting = plan_tour(base, starts_at=at - timedelta(minutes=5), ends_at=at + timedelta(minutes=55))
    teacher = meeting.teachers.get()
    roll_call = actions.open_roll_call(meeting, by=teacher.user, at=at)
    for line in roll_call.lines.filter(student__user__login=absent):
        actions.mark(line, Presence.ABSENT, by=teacher.user, at=at)
    roll_call = actions.end_roll_call(roll_call, by=teacher.user, at=at)
    if stage != "called":
        actions.open_sign_in(roll_call, teacher=teacher, by=teacher.user, method=Method.DRAWN, drawing=DRAWING, at=at)
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
