import uuid

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django_scopes import ScopedManager

from emarge.accounts.models import User
from emarge.attendance.anomalies import Kind
from emarge.attendance.rules import (
    LONGEST_GRACE,
    LONGEST_PERIOD,
    MAX_EXTENSION_MINUTES,
    PERIOD_SECONDS,
    SHORTEST_PERIOD,
    Method,
    Mode,
    Presence,
    Way,
)
from emarge.hosting.models import Base
from emarge.institutions.models import InstitutionCode, Student, Teacher
from emarge.timetable.models import ClassMeeting, Course, CourseType

_MODES = [(mode.value, mode.value) for mode in Mode]
_MARK = 32
"""Hex digits of what is kept of a device, a network or a session (docs/formats/codes.md)."""


class Parameters(models.Model):
    """Parameters > Assiduity > Digital sign-in, one row per base."""

    base = models.OneToOneField(Base, on_delete=models.CASCADE, related_name="attendance_parameters")
    active = models.BooleanField(default=False)
    institution_code = models.ForeignKey(InstitutionCode, on_delete=models.PROTECT, null=True, blank=True)
    extension_minutes = models.PositiveIntegerField(
        default=15, validators=[MinValueValidator(1), MaxValueValidator(MAX_EXTENSION_MINUTES)]
    )
    period_seconds = models.PositiveSmallIntegerField(
        default=PERIOD_SECONDS, validators=[MinValueValidator(SHORTEST_PERIOD), MaxValueValidator(LONGEST_PERIOD)]
    )
    grace_seconds = models.PositiveSmallIntegerField(
        null=True, blank=True, validators=[MaxValueValidator(LONGEST_GRACE)], help_text="none: one period"
    )

    objects: models.Manager["Parameters"] = ScopedManager(base="base")

    def __str__(self) -> str:
        return f"parameters of {self.base}"


class ModeOfType(models.Model):
    """How the roll is called in the courses of one type, unless a course says otherwise (row M2.4)."""

    base = models.ForeignKey(Base, on_delete=models.CASCADE, related_name="+")
    course_type = models.OneToOneField(CourseType, on_delete=models.CASCADE, related_name="roll_call_mode")
    mode = models.CharField(max_length=20, choices=_MODES)

    objects: models.Manager["ModeOfType"] = ScopedManager(base="base")

    def __str__(self) -> str:
        return self.mode


class ModeOfCourse(models.Model):
    """How the roll is called in one course, whatever its type says (row M2.4)."""

    base = models.ForeignKey(Base, on_delete=models.CASCADE, related_name="+")
    course = models.OneToOneField(Course, on_delete=models.CASCADE, related_name="roll_call_mode")
    mode = models.CharField(max_length=20, choices=_MODES)

    objects: models.Manager["ModeOfCourse"] = ScopedManager(base="base")

    def __str__(self) -> str:
        return self.mode


class RollCall(models.Model):
    """The roll call of one class meeting, and the window of sign-in that follows it.

    What the meeting was when the roll call opened is copied here: later changes never reach the past.
    """

    base = models.ForeignKey(Base, on_delete=models.CASCADE, related_name="roll_calls")
    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    meeting = models.OneToOneField(ClassMeeting, on_delete=models.PROTECT, related_name="roll_call")
    institution_code = models.ForeignKey(InstitutionCode, on_delete=models.PROTECT)
    mode = models.CharField(max_length=20, choices=_MODES, default=Mode.BY_TEACHER.value)
    period_seconds = models.PositiveSmallIntegerField(default=0, help_text="of a rolling code")
    grace_seconds = models.PositiveSmallIntegerField(default=0, help_text="of a rolling code")
    subject = models.CharField(max_length=300)
    course_type = models.CharField(max_length=50)
    room = models.CharField(max_length=200, blank=True)
    public = models.CharField(max_length=500)
    teacher_uuids = models.JSONField(default=list, help_text="who taught the meeting when the roll call opened")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    extension_minutes = models.PositiveIntegerField()
    opened_at = models.DateTimeField()
    opened_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    ended_at = models.DateTimeField(null=True, blank=True)
    sign_in_opened_at = models.DateTimeField(null=True, blank=True)
    sign_in_opened_by = models.ForeignKey(
        User, on_delete=models.PROTECT, null=True, blank=True, related_name="+", help_text="staff, for the teachers"
    )
    sign_in_closes_at = models.DateTimeField(null=True, blank=True)
    validated_at = models.DateTimeField(null=True, blank=True)
    validated_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")

    objects: models.Manager["RollCall"] = ScopedManager(base="base")

    def __str__(self) -> str:
        return f"roll call of {self.meeting_id}"


class RollCallLine(models.Model):
    """One student of the frozen roster: the roll-call status, kept apart from the sign-in (row M5.5)."""

    base = models.ForeignKey(Base, on_delete=models.CASCADE, related_name="roll_call_lines")
    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    roll_call = models.ForeignKey(RollCall, on_delete=models.CASCADE, related_name="lines")
    student = models.ForeignKey(Student, on_delete=models.PROTECT, related_name="roll_call_lines")
    last_name = models.CharField(max_length=100)
    first_name = models.CharField(max_length=100)
    expected = models.BooleanField(help_text="course and student were both subject to sign-in (row M3.3)")
    presence = models.CharField(
        max_length=10, choices=[(p.value, p.value) for p in Presence], default=Presence.PRESENT.value
    )
    minutes_late = models.PositiveSmallIntegerField(default=0)
    reason = models.CharField(max_length=200, blank=True)
    settled_at = models.DateTimeField(null=True, blank=True)
    settled_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    settled_reason = models.CharField(max_length=500, blank=True)

    objects: models.Manager["RollCallLine"] = ScopedManager(base="base")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["roll_call", "student"], name="one_line_per_student_and_roll_call")
        ]
        ordering = ["last_name", "first_name", "id"]

    def __str__(self) -> str:
        return f"{self.last_name} {self.first_name}"


class Scan(models.Model):
    """A student's scan of the meeting's code: at most one per line, never changed (docs/formats/codes.md)."""

    base = models.ForeignKey(Base, on_delete=models.CASCADE, related_name="scans")
    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    line = models.OneToOneField(RollCallLine, on_delete=models.PROTECT, related_name="scan")
    scanned_at = models.DateTimeField(help_text="when the code arrived")
    step = models.PositiveBigIntegerField()
    late_ms = models.PositiveIntegerField(help_text="after its step had ended")
    way = models.CharField(max_length=10, choices=[(w.value, w.value) for w in Way])
    device = models.CharField(max_length=_MARK)
    network = models.CharField(max_length=_MARK, blank=True)
    session = models.CharField(max_length=_MARK)

    objects: models.Manager["Scan"] = ScopedManager(base="base")

    def __str__(self) -> str:
        return f"scan of line {self.line_id}"


class SignIn(models.Model):
    """A student's signature: at most one per line, never changed."""

    base = models.ForeignKey(Base, on_delete=models.CASCADE, related_name="sign_ins")
    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    line = models.OneToOneField(RollCallLine, on_delete=models.PROTECT, related_name="sign_in")
    signed_at = models.DateTimeField()
    method = models.CharField(max_length=10, choices=[(m.value, m.value) for m in Method])
    drawing = models.BinaryField(help_text="strokes, see docs/formats/drawing.md; empty for the keyboard")
    device = models.CharField(max_length=_MARK, blank=True)
    network = models.CharField(max_length=_MARK, blank=True)
    session = models.CharField(max_length=_MARK, blank=True)

    objects: models.Manager["SignIn"] = ScopedManager(base="base")

    def __str__(self) -> str:
        return f"sign-in of line {self.line_id}"


class ReviewedAnomaly(models.Model):
    """An anomaly that somebody looked into, with what they noted (docs/formats/anomalies.md)."""

    base = models.ForeignKey(Base, on_delete=models.CASCADE, related_name="+")
    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    line = models.ForeignKey(RollCallLine, on_delete=models.CASCADE, related_name="reviewed_anomalies")
    kind = models.CharField(max_length=20, choices=[(k.value, k.value) for k in Kind])
    evidence = models.CharField(max_length=16, help_text="digest of the lines that it named then")
    note = models.CharField(max_length=500)
    reviewed_at = models.DateTimeField()
    reviewed_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")

    objects: models.Manager["ReviewedAnomaly"] = ScopedManager(base="base")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["line", "kind", "evidence"], name="an_anomaly_is_reviewed_once")]

    def __str__(self) -> str:
        return f"{self.kind} of line {self.line_id}"


class TeacherSignature(models.Model):
    """A teacher's signature on a roll call; the first one opens the sign-in (rows M4.4, M4.8)."""

    base = models.ForeignKey(Base, on_delete=models.CASCADE, related_name="teacher_signatures")
    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    roll_call = models.ForeignKey(RollCall, on_delete=models.CASCADE, related_name="teacher_signatures")
    teacher = models.ForeignKey(Teacher, on_delete=models.PROTECT, related_name="signatures")
    signed_at = models.DateTimeField()
    method = models.CharField(max_length=10, choices=[(m.value, m.value) for m in Method])
    drawing = models.BinaryField()

    objects: models.Manager["TeacherSignature"] = ScopedManager(base="base")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["roll_call", "teacher"], name="one_signature_per_teacher_and_roll_call")
        ]

    def __str__(self) -> str:
        return f"signature of {self.teacher_id} on {self.roll_call_id}"
