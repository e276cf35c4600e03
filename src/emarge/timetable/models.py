import uuid

from django.db import models
from django_scopes import ScopedManager

from emarge.hosting.models import Base
from emarge.institutions.models import Group, Room, Subject, Teacher


class CourseType(models.Model):
    """Lecture, tutorial, practical … as the school names them (CM, TD, TP)."""

    base = models.ForeignKey(Base, on_delete=models.CASCADE, related_name="course_types")
    name = models.CharField(max_length=50)

    objects = ScopedManager(base="base")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["base", "name"], name="course_type_name_unique_in_base")]

    def __str__(self) -> str:
        return self.name


class Course(models.Model):
    """A subject taught in one type to one public; its dated occurrences are class meetings."""

    base = models.ForeignKey(Base, on_delete=models.CASCADE, related_name="courses")
    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    subject = models.ForeignKey(Subject, on_delete=models.PROTECT, related_name="courses")
    course_type = models.ForeignKey(CourseType, on_delete=models.PROTECT, related_name="courses")
    groups = models.ManyToManyField(Group, related_name="courses")
    digital_sign_in = models.BooleanField(default=False)
    source_key = models.CharField(max_length=500, blank=True)

    objects = ScopedManager(base="base")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["base", "source_key"],
                condition=~models.Q(source_key=""),
                name="course_source_key_unique_in_base",
            )
        ]

    def __str__(self) -> str:
        return f"{self.subject} ({self.course_type})"


class ClassMeeting(models.Model):
    """A dated occurrence of a course (séance). ``source_uid`` is the iCalendar UID it came from."""

    base = models.ForeignKey(Base, on_delete=models.CASCADE, related_name="class_meetings")
    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    course = models.ForeignKey(Course, on_delete=models.PROTECT, related_name="class_meetings")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    room = models.ForeignKey(Room, on_delete=models.PROTECT, null=True, blank=True, related_name="class_meetings")
    teachers = models.ManyToManyField(Teacher, related_name="class_meetings")
    cancelled = models.BooleanField(default=False)
    source_uid = models.CharField(max_length=300, blank=True)
    source_sequence = models.PositiveIntegerField(default=0)

    objects = ScopedManager(base="base")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(ends_at__gt=models.F("starts_at")),
                name="class_meeting_ends_after_it_starts",
            ),
            models.UniqueConstraint(
                fields=["base", "source_uid"],
                condition=~models.Q(source_uid=""),
                name="class_meeting_source_uid_unique_in_base",
            ),
        ]
        indexes = [models.Index(fields=["base", "starts_at"])]
        ordering = ["starts_at", "id"]

    def __str__(self) -> str:
        return f"{self.course} {self.starts_at:%Y-%m-%d %H:%M}"
