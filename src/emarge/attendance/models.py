import uuid

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django_scopes import ScopedManager

from emarge.accounts.models import User
from emarge.attendance.rules import MAX_EXTENSION_MINUTES, Method, Mode, Presence
from emarge.hosting.models import Base
from emarge.institutions.models import InstitutionCode, Student, Teacher
from emarge.timetable.models import ClassMeeting


class Parameters(models.Model):
    """Parameters > Assiduity > Digital sign-in, one row per base."""

    base = models.OneToOneField(Base, on_delete=models.CASCADE, related_name="attendance_parameters")
    active = models.BooleanField(default=False)
    institution_code = models.ForeignKey(InstitutionCode, on_delete=models.PROTECT, null=True, blank=True)
    extension_minutes = models.PositiveIntegerField(
        default=15, validators=[MinValueValidator(1), MaxValueValidator(MAX_EXTENSION_MINUTES)]
    )

    objects: models.Manager["Parameters"] = ScopedManager(base="base")

    def __str__(self) -> str:
        return f"parameters of {self.base}"


class RollCall(models.Model):
    """The roll call of one class meeting, and the window of sign-in that follows it.

    What the meeting was when the roll call opened is copied here: later changes never reach the past.
    """

    base = models.ForeignKey(Base, on_delete=models.CASCADE, related_name="roll_calls")
    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    meeting = models.OneToOneField(ClassMeeting, on_delete=models.PROTECT, related_name="roll_call")
    institution_code = models.ForeignKey(InstitutionCode, on_delete=models.PROTECT)
    mode = models.CharField(max_length=20, choices=[(m.value, m.value) for m in Mode], default=Mode.BY_TEACHER.value)
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


class SignIn(models.Model):
    """A student's signature: at most one per line, never changed."""

    base = models.ForeignKey(Base, on_delete=models.CASCADE, related_name="sign_ins")
    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    line = models.OneToOneField(RollCallLine, on_delete=models.PROTECT, related_name="sign_in")
    signed_at = models.DateTimeField()
    method = models.CharField(max_length=10, choices=[(m.value, m.value) for m in Method])
    drawing = models.BinaryField(help_text="strokes, see docs/formats/drawing.md; empty for the keyboard")

    objects: models.Manager["SignIn"] = ScopedManager(base="base")

    def __str__(self) -> str:
        return f"sign-in of line {self.line_id}"


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
