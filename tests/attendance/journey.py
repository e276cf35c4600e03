"""Steps of a class meeting that several tests walk through."""

from emarge.attendance import actions
from emarge.attendance.models import RollCall, RollCallLine
from emarge.attendance.rules import Method, Presence
from emarge.audit.models import OutboxEvent
from emarge.proof.evidence import contents, records
from tests.cast import TEN, School

DRAWING = "v1;300x150;10,20 15,-4 30,12 40,0;80,40"


def call_roll(school: School, at=TEN) -> RollCall:
    """Open the roll call, mark Chloe absent, end it."""
    teacher = school.teacher.user
    roll_call = actions.open_roll_call(school.meeting, by=teacher, at=at)
    actions.mark(line_of(roll_call, school, "chloe"), Presence.ABSENT, by=teacher, at=at)
    return actions.end_roll_call(roll_call, by=teacher, at=at)


def open_the_sign_in(school: School, at=TEN) -> RollCall:
    """Call the roll, then the teacher signs: the students may."""
    roll_call = call_roll(school, at)
    actions.open_sign_in(
        roll_call,
        teacher=school.teacher,
        by=school.teacher.user,
        method=Method.DRAWN,
        drawing=DRAWING,
        at=at,
    )
    roll_call.refresh_from_db()
    return roll_call


def line_of(roll_call: RollCall, school: School, name: str) -> RollCallLine:
    return roll_call.lines.get(student=school.students[name])


def sign(school: School, roll_call: RollCall, name: str, at=TEN, **changes):
    """A student signs their own line."""
    facts = {
        "by": school.students[name].user,
        "method": Method.DRAWN,
        "drawing": DRAWING,
        "at": at,
        "ip": "192.0.2.7",
    }
    return actions.sign_in(line_of(roll_call, school, name), **{**facts, **changes})


def events() -> list[str]:
    return [row.event for row in OutboxEvent.objects.order_by("id")]


def last_event() -> OutboxEvent:
    return OutboxEvent.objects.order_by("-id").first()


def opened(row: OutboxEvent) -> dict:
    """The sealed content of an event, opened with the commitment of its record."""
    record = records.parse(bytes(row.record))
    return contents.open_content(bytes(row.content), bytes(row.content_key), record.commitment)
