"""Who may reach which object: a stranger gets 404, a person without the right 403.

Every function runs inside the scope of the request's base, so that another base's objects do not exist here.
"""

from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db.models import Prefetch, QuerySet
from django.http import Http404, HttpRequest
from django.shortcuts import get_object_or_404

from emarge.accounts.models import Right, User
from emarge.attendance.models import RollCallLine
from emarge.hosting.models import Base
from emarge.institutions.models import Student, Teacher
from emarge.timetable.models import ClassMeeting


def user_of(request: HttpRequest) -> User:
    """Who is logged in; the login middleware lets nobody else reach a view."""
    if not isinstance(request.user, User):
        raise Http404
    return request.user


def base_of(request: HttpRequest) -> Base:
    """The base of the request's host, which the middleware put in scope."""
    base: Base = request.base  # type: ignore[attr-defined]
    return base


def require_right(request: HttpRequest, right: Right) -> User:
    """The person, when their profile holds ``right``; PermissionDenied (403) otherwise."""
    user = user_of(request)
    if not user.has_right(right):
        raise PermissionDenied(right.value)
    return user


def teacher_or_404(request: HttpRequest) -> Teacher:
    """The teacher that the person is."""
    return get_object_or_404(Teacher, user=user_of(request))


def student_or_404(request: HttpRequest) -> Student:
    """The student that the person is."""
    return get_object_or_404(Student, user=user_of(request))


def teacher_meeting_or_404(request: HttpRequest, uuid: UUID) -> ClassMeeting:
    """A class meeting that the person teaches, with all that its screens show of it."""
    return get_object_or_404(_described(ClassMeeting.objects.filter(teachers=teacher_or_404(request))), uuid=uuid)


def taught_meeting_or_404(request: HttpRequest, uuid: UUID) -> ClassMeeting:
    """A class meeting that the person teaches, with its roll call alone: what asks often reads little."""
    rows = ClassMeeting.objects.select_related("roll_call").filter(teachers=teacher_or_404(request))
    return get_object_or_404(rows, uuid=uuid)


def teacher_line_or_404(request: HttpRequest, uuid: UUID) -> RollCallLine:
    """A line of a roll call whose class meeting the person teaches."""
    lines = RollCallLine.objects.select_related("roll_call__meeting")
    return get_object_or_404(lines, uuid=uuid, roll_call__meeting__teachers=teacher_or_404(request))


def student_line_or_404(request: HttpRequest, uuid: UUID) -> RollCallLine:
    """The person's own line of a roll call, never another student's."""
    lines = RollCallLine.objects.select_related("roll_call__meeting", "sign_in", "student").prefetch_related(
        "roll_call__meeting__teachers"
    )
    return get_object_or_404(lines, uuid=uuid, student=student_or_404(request))


def watched_meeting_or_404(request: HttpRequest, uuid: UUID) -> ClassMeeting:
    """A class meeting whose sign-ins the person may watch: its teachers, and whoever supervises."""
    meetings = ClassMeeting.objects.all()
    if not user_of(request).has_right(Right.SUPERVISE):
        meetings = meetings.filter(teachers=teacher_or_404(request))
    return get_object_or_404(meetings, uuid=uuid)


def _described(meetings: QuerySet[ClassMeeting]) -> QuerySet[ClassMeeting]:
    lines = RollCallLine.objects.select_related("sign_in", "roll_call")
    return meetings.select_related("course__subject", "course__course_type", "room", "roll_call").prefetch_related(
        "teachers",
        "course__groups",
        "roll_call__teacher_signatures__teacher",
        Prefetch("roll_call__lines", queryset=lines),
    )
