import uuid

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.db import models
from django.utils.translation import gettext_lazy as _
from django_scopes import ScopedManager

from emarge.hosting.models import Base


class Right(models.TextChoices):
    """What a profile allows. The codes are stored: never change one."""

    ENTER_ABSENCES = "enter_absences", _("Enter absences")
    OPEN_FOR_TEACHER = "open_for_teacher", _("Open the roll call by QR code in the teacher's place")
    SUPERVISE = "supervise", _("Supervise sign-ins")
    VALIDATE_MEETINGS = "validate_meetings", _("Validate class meetings")
    EDIT_PARAMETERS = "edit_parameters", _("Edit the parameters")
    EDIT_SUBJECTION = "edit_subjection", _("Choose who and what is subject to sign-in")
    REQUEST_AUDIT_TRAILS = "request_audit_trails", _("Enter audit trail requests")
    APPROVE_AUDIT_TRAILS = "approve_audit_trails", _("Approve audit trail requests")
    CONSULT_HISTORIES = "consult_histories", _("Consult the history of students across years")
    MANAGE_RETENTION = "manage_retention", _("Place legal holds, ask for destructions and erasures")
    APPROVE_DESTRUCTIONS = "approve_destructions", _("Approve destructions, erasures and the lifting of holds")


class Profile(models.Model):
    """A named set of rights in one base."""

    base = models.ForeignKey(Base, on_delete=models.CASCADE, related_name="profiles")
    name = models.CharField(max_length=100)
    rights = models.JSONField(default=list)

    objects = ScopedManager(base="base")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["base", "name"], name="profile_name_unique_in_base")]

    def __str__(self) -> str:
        return self.name


class UserManager(BaseUserManager["User"]):
    """Users are looked up before any base is in scope, so this manager is not scoped."""


class User(AbstractBaseUser):
    """Somebody who logs in to one base. Teachers and students point at their user."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    base = models.ForeignKey(Base, on_delete=models.CASCADE, related_name="users")
    login = models.CharField(max_length=254)
    first_name = models.CharField(max_length=100, blank=True)
    last_name = models.CharField(max_length=100, blank=True)
    profile = models.ForeignKey(Profile, on_delete=models.PROTECT, null=True, blank=True, related_name="users")
    is_active = models.BooleanField(default=True)

    USERNAME_FIELD = "login"
    objects = UserManager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["base", "login"], name="login_unique_in_base")]

    def __str__(self) -> str:
        return self.full_name or self.login

    @property
    def full_name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip()

    @property
    def holds_rights(self) -> bool:
        """Whether they may do more than what is theirs: staff, and not a student."""
        return self.profile is not None and bool(self.profile.rights)

    def has_right(self, right: Right) -> bool:
        return self.profile is not None and right.value in self.profile.rights
