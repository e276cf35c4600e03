"""What a lecture hall does in the same second, and what must never come of it. On both databases."""

import re
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from benchmarks.school import build
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django_scopes import scope

from emarge.accounts.models import User
from emarge.attendance import actions, codes
from emarge.attendance.actions import burst
from emarge.attendance.actions.burst import Signing, take
from emarge.attendance.actions.events import hold_lines
from emarge.attendance.models import RollCall, RollCallLine, Scan, SignIn
from emarge.attendance.queries import pace_of
from emarge.attendance.rules import Grant, Method, Mode, Presence, Way
from emarge.attendance.tickets import Trace, key
from emarge.audit.models import OutboxEvent
from emarge.hosting.models import Base
from emarge.institutions.models import Room
from emarge.timetable.models import ClassMeeting
from tests.attendance.at_once import at_once
from tests.attendance.journey import DRAWING

pytestmark = pytest.mark.django_db(transaction=True)

SECOND = timedelta(seconds=1)


@dataclass
class Hall:
    """A class meeting that scans, with its students' lines in order."""

    base: Base
    roll_call: RollCall
    lines: list[RollCallLine]

    @property
    def teacher(self) -> User:
        return User.objects.get(login="teacher", base=self.base)

    def scan(self, number, device=0, at=None):
        """A phone of a student shows what is on screen now, and its owner says *I am here*."""
        now, trace = at or datetime.now(UTC), Trace(f"{device}" * 32, "n" * 32, "s" * 32)
        pace = pace_of(self.roll_call)
        code = codes.scan_code(key(), pace, pace.step_at(now))
        ticket = actions.arrive(self.roll_call, code, Way.CAMERA, device=trace.device, arrived_at=now)
        return actions.scan(ticket, by=self.lines[number].student.user, trace=trace, at=now)

    def sign(self, number, device):
        now = datetime.now(UTC)
        return actions.sign_in(
            self.lines[number],
            by=self.lines[number].student.user,
            method=Method.DRAWN,
            drawing=DRAWING,
            at=now,
            trace=Trace(f"{device}" * 32, "n" * 32, "s" * 32),
            grant=Grant(now, same_device=True),
        )

    def beside(self, *acts):
        """Run acts in threads that start together; what each returned or raised."""
        return at_once(self.base, *acts)


@contextmanager
def a_hall(students):
    build(students=students, meetings=1, base_name="hall")
    base = Base.objects.get(name="hall")
    with scope(base=base):
        # The school's students sign by roll call; here they scan a code that changes each second, with one of grace.
        RollCall.objects.update(mode=Mode.ROLLING_QR.value, ended_at=None, period_seconds=1, grace_seconds=1)
        RollCallLine.objects.update(presence=Presence.AWAITED.value)
        lines = RollCallLine.objects.select_related("student__user").order_by("pk")
        yield Hall(base, RollCall.objects.select_related("base", "institution_code", "meeting").get(), list(lines))


def test_sixty_students_with_two_devices_each_at_once_are_sixty_rows():
    with a_hall(60) as hall:

        def a_row_of_seats(first, device):
            return [(hall.scan(number, device), hall.sign(number, device)) for number in range(first, 60, 4)]

        rows = [(first, device) for first in range(4) for device in range(2)]
        answers = hall.beside(*[lambda row=row: a_row_of_seats(*row) for row in rows])
        assert [answer for answer in answers if isinstance(answer, Exception)] == []
        signed = [{sign_in.pk for _scan, sign_in in answer} for answer in answers]
        assert signed[0::2] == signed[1::2]
        assert Scan.objects.values("line").distinct().count() == Scan.objects.count() == 60
        assert SignIn.objects.values("line").distinct().count() == SignIn.objects.count() == 60
        assert RollCallLine.objects.filter(presence=Presence.PRESENT.value).count() == 60
    told = OutboxEvent.objects.filter(event__in=["roll_call.scanned", "sign_in.signed"])
    assert told.values("subject").distinct().count() == told.count() == 120


def test_what_is_edited_while_students_scan_is_not_undone_and_undoes_nothing():
    with a_hall(19) as hall:
        marked = hall.lines[18]  # as a page read it before anybody scanned
        stale = ClassMeeting.objects.get()
        amphi = Room.objects.create(base=hall.base, name="Amphi B")

        def edit():
            for number in range(6):
                with transaction.atomic():
                    stale.room, stale.ends_at = amphi, stale.ends_at + SECOND
                    stale.save(update_fields=["room", "ends_at"])
                actions.mark(
                    marked, Presence.LATE, minutes_late=number + 1, reason="Bus", by=hall.teacher, at=datetime.now(UTC)
                )
            return stale.ends_at

        def scans(first):
            return [hall.scan(number) for number in range(first, 18, 3)]

        ends_at, *answers = hall.beside(edit, *[lambda first=first: scans(first) for first in range(3)])
        assert [answer for answer in answers if isinstance(answer, Exception)] == []
        meeting = ClassMeeting.objects.get()
        assert (meeting.room, meeting.ends_at) == (amphi, ends_at)
        late = RollCallLine.objects.get(pk=marked.pk)
        assert (late.presence, late.minutes_late, late.reason) == (Presence.LATE.value, 6, "Bus")
        assert Scan.objects.count() == RollCallLine.objects.filter(presence=Presence.PRESENT.value).count() == 18


def test_a_scan_and_a_signature_write_no_row_that_students_share():
    with a_hall(2) as hall:
        with CaptureQueriesContext(connection) as queries:
            hall.scan(0)
            hall.sign(0, 0)
        statements = [re.search(r'(INSERT INTO|UPDATE|DELETE FROM) "(\w+)"', query["sql"]) for query in queries]
        written = {found[2] for found in statements if found}
        mine = {"attendance_scan", "attendance_signin", "attendance_rollcallline", "audit_outboxevent"}
        assert mine <= written <= mine | {"audit_personkey", "audit_personlink", "audit_linkkey"}
        other = RollCallLine.objects.get(pk=hall.lines[1].pk)
        assert other.presence == Presence.AWAITED.value


def test_a_queue_longer_than_the_grace_refuses_no_code_that_was_on_screen():
    with a_hall(12) as hall:
        begun, scanned = threading.Event(), []

        def occupy():
            with transaction.atomic():
                hold_lines(hall.roll_call)
                begun.set()
                time.sleep(3.5)

        def scans(first):
            begun.wait()
            at = datetime.now(UTC)
            answers = [hall.scan(number, at=at) for number in range(first, 12, 3)]
            scanned.append(datetime.now(UTC) - at)
            return answers

        _, *answers = hall.beside(occupy, *[lambda first=first: scans(first) for first in range(3)])
        assert min(scanned) > 3 * SECOND  # each code had long left the screen, and its grace was over
        assert [answer for answer in answers if isinstance(answer, Exception)] == []
        assert Scan.objects.count() == 12


def test_whoever_ends_the_roll_call_waits_for_a_scan_that_goes_on():
    """A scan that began before is in; one that comes after is refused: never a present student marked absent."""
    with a_hall(8) as hall:
        teacher = hall.teacher

        def end():
            time.sleep(0.02)
            return actions.end_roll_call(hall.roll_call, by=teacher, at=datetime.now(UTC))

        hall.beside(end, *[lambda number=number: hall.scan(number) for number in range(8)])
        lines = RollCallLine.objects.values_list("presence", "scan__pk")
        assert len(lines) == 8
        for presence, scan in lines:
            assert presence == (Presence.PRESENT if scan else Presence.ABSENT).value


def test_a_burst_that_a_deadlock_undid_is_taken_once_more(monkeypatch):
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has one writer at a time, and no deadlock")
    tries, seats = [], burst._seats
    monkeypatch.setattr(burst, "_seats", lambda asks: tries.append(1) or seats(asks))
    with a_hall(2) as hall:
        hall.scan(0), hall.scan(1)
        tries.clear()
        held = threading.Event()

        def against_the_order():
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("SET LOCAL deadlock_timeout = '10s'")  # so that the burst is the one that is undone
                list(RollCallLine.objects.filter(pk=hall.lines[1].pk).select_for_update(of=("self",)))
                held.set()
                while not somebody_waits(cursor):
                    time.sleep(0.01)
                list(RollCallLine.objects.filter(pk=hall.lines[0].pk).select_for_update(of=("self",)))

        def sign_both():
            held.wait(timeout=10)
            now = datetime.now(UTC)
            return take([_signing(line, now) for line in hall.lines])

        other, answers = hall.beside(against_the_order, sign_both)
        assert (other, len(tries)) == (None, 2)
        assert [answer.line for answer in answers] == [line.uuid for line in hall.lines]
        assert SignIn.objects.count() == OutboxEvent.objects.filter(event="sign_in.signed").count() == 2


def somebody_waits(cursor):
    cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
    return cursor.fetchone() != (0,)


def _signing(line, at):
    return Signing(line.uuid, line.student.user.pk, Method.DRAWN, DRAWING, at, grant=Grant(at, same_device=True))
