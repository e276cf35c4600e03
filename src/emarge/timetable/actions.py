from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from emarge.hosting.models import Base
from emarge.institutions.models import Group, Room, Subject, Teacher
from emarge.timetable.meeting_plans import course_key
from emarge.timetable.models import ClassMeeting, Course, CourseType


@dataclass(frozen=True)
class Lesson:
    """What is taught, in which type of course, to whom and where."""

    subject: str
    course_type: str
    groups: Sequence[Group]
    room: str = ""


@transaction.atomic
def plan_meeting(
    base: Base,
    lesson: Lesson,
    *,
    teachers: Sequence[Teacher],
    starts_at: datetime,
    ends_at: datetime,
    source_uid: str = "",
) -> ClassMeeting:
    """Add one class meeting, its course made when there is none. One with this ``source_uid`` is left as it is."""
    known = ClassMeeting.objects.filter(source_uid=source_uid).first() if source_uid else None
    if known is not None:
        return known
    meeting = ClassMeeting.objects.create(
        base=base,
        course=_course(base, lesson),
        starts_at=starts_at,
        ends_at=ends_at,
        room=Room.objects.get_or_create(base=base, name=lesson.room)[0] if lesson.room else None,
        source_uid=source_uid,
    )
    meeting.teachers.set(teachers)
    return meeting


def _course(base: Base, lesson: Lesson) -> Course:
    key = course_key(lesson.subject, lesson.course_type, list(lesson.groups))
    course = Course.objects.filter(source_key=key).first()
    if course is None:
        course = Course.objects.create(
            base=base,
            subject=Subject.objects.get_or_create(base=base, name=lesson.subject)[0],
            course_type=CourseType.objects.get_or_create(base=base, name=lesson.course_type)[0],
            source_key=key,
        )
        course.groups.set(lesson.groups)
    return course
