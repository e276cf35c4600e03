import uuid

from django.db import models
from django.utils.translation import gettext_lazy as _
from django_scopes import ScopedManager

from emarge.accounts.models import User
from emarge.hosting.models import Base, HostingAccount


class InstitutionCode(models.Model):
    """A school's free label, case-sensitive, kept from year to year: it belongs to the account, not to a base.

    ``log`` names the code's log in the vault; the vault never learns the label itself.
    """

    account = models.ForeignKey(HostingAccount, on_delete=models.PROTECT, related_name="institution_codes")
    code = models.CharField(max_length=100)
    log = models.CharField(max_length=64, unique=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "code"], name="institution_code_unique_in_account")]

    def __str__(self) -> str:
        return self.code


class Group(models.Model):
    """A set of students that a class meeting is taught to: a cohort, or a group inside one."""

    class Kind(models.TextChoices):
        COHORT = "cohort", _("Cohort")
        GROUP = "group", _("Group")

    base = models.ForeignKey(Base, on_delete=models.CASCADE, related_name="groups")
    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    kind = models.CharField(max_length=10, choices=Kind)
    name = models.CharField(max_length=200)
    cohort = models.ForeignKey("self", on_delete=models.PROTECT, null=True, blank=True, related_name="parts")

    objects = ScopedManager(base="base")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["base", "name"], name="group_name_unique_in_base")]

    def __str__(self) -> str:
        return self.name


class Student(models.Model):
    """A student of one base. Identity is identifier + date of birth (see identifiers)."""

    class IdentifierType(models.TextChoices):
        INE = "ine", _("INE")
        INAA = "inaa", _("INAA")
        INTERNAL = "internal", _("Internal number")
        FOREIGN = "foreign", _("Foreign identifier")

    base = models.ForeignKey(Base, on_delete=models.CASCADE, related_name="students")
    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    user = models.OneToOneField(User, on_delete=models.PROTECT, null=True, blank=True, related_name="student")
    last_name = models.CharField(max_length=100)
    first_name = models.CharField(max_length=100)
    birth_on = models.DateField(null=True, blank=True)
    identifier_type = models.CharField(max_length=10, choices=IdentifierType, blank=True)
    identifier = models.CharField(max_length=50, blank=True)
    email = models.EmailField(blank=True)
    employer = models.CharField(max_length=200, blank=True)
    employer_email = models.EmailField(blank=True)
    groups = models.ManyToManyField(Group, related_name="students", blank=True)
    subject_to_sign_in = models.BooleanField(default=False)
    source_key = models.CharField(max_length=300, blank=True)

    objects = ScopedManager(base="base")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["base", "identifier_type", "identifier", "birth_on"],
                condition=~models.Q(identifier="") & models.Q(birth_on__isnull=False),
                name="student_identity_unique_in_base",
            ),
            models.UniqueConstraint(
                fields=["base", "source_key"],
                condition=~models.Q(source_key=""),
                name="student_source_key_unique_in_base",
            ),
        ]
        ordering = ["last_name", "first_name", "id"]

    def __str__(self) -> str:
        return f"{self.last_name} {self.first_name}"


class Teacher(models.Model):
    base = models.ForeignKey(Base, on_delete=models.CASCADE, related_name="teachers")
    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    user = models.OneToOneField(User, on_delete=models.PROTECT, null=True, blank=True, related_name="teacher")
    last_name = models.CharField(max_length=100)
    first_name = models.CharField(max_length=100)
    email = models.EmailField(blank=True)
    source_key = models.CharField(max_length=300, blank=True)

    objects = ScopedManager(base="base")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["base", "source_key"],
                condition=~models.Q(source_key=""),
                name="teacher_source_key_unique_in_base",
            )
        ]
        ordering = ["last_name", "first_name", "id"]

    def __str__(self) -> str:
        return f"{self.last_name} {self.first_name}"


class Room(models.Model):
    base = models.ForeignKey(Base, on_delete=models.CASCADE, related_name="rooms")
    name = models.CharField(max_length=200)

    objects = ScopedManager(base="base")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["base", "name"], name="room_name_unique_in_base")]

    def __str__(self) -> str:
        return self.name


class Subject(models.Model):
    base = models.ForeignKey(Base, on_delete=models.CASCADE, related_name="subjects")
    name = models.CharField(max_length=300)

    objects = ScopedManager(base="base")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["base", "name"], name="subject_name_unique_in_base")]

    def __str__(self) -> str:
        return self.name
