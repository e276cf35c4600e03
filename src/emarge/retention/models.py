import uuid

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django_scopes import ScopedManager

from emarge.accounts.models import User
from emarge.hosting.models import Base
from emarge.inspections.models import TwoPersonRequest
from emarge.inspections.rules import MAX_REASON, MAX_REFERENCE
from emarge.institutions.models import InstitutionCode, Student, Teacher
from emarge.retention.rules import DEFAULT_YEARS, Kind, Scope


class RetentionPeriod(models.Model):
    """How long an institution code keeps its records; ``told_years`` is what the vault was told last.

    A code without a row keeps five years, as the vault does by itself.
    """

    institution_code = models.OneToOneField(InstitutionCode, on_delete=models.PROTECT, related_name="retention")
    years = models.PositiveSmallIntegerField(default=DEFAULT_YEARS)
    told_years = models.PositiveSmallIntegerField(default=DEFAULT_YEARS)

    def __str__(self) -> str:
        return f"{self.institution_code}: {self.years} years"


class LegalHold(models.Model):
    """Nothing that it covers may be destroyed, until a second person lets it be lifted.

    ``labels`` are those of the vault that it covers (null: the whole log), ``people`` the uuids of the student in
    the bases of all years. The vault is told by the relay: ``told_labels``, then ``released``.
    """

    base = models.ForeignKey(Base, on_delete=models.PROTECT, related_name="+")
    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    institution_code = models.ForeignKey(InstitutionCode, on_delete=models.PROTECT, related_name="holds")
    scope = models.CharField(max_length=10, choices=[(s.value, s.value) for s in Scope])
    student = models.ForeignKey(Student, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    meeting = models.UUIDField(null=True, blank=True)
    about = models.CharField(max_length=400, blank=True, help_text="what is held, for people to read")
    people = models.JSONField(default=list)
    labels = models.JSONField(default=list)
    reference = models.CharField(max_length=MAX_REFERENCE)
    reason = models.CharField(max_length=MAX_REASON)
    placed_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    placed_at = models.DateTimeField()
    lifted_at = models.DateTimeField(null=True, blank=True)
    told_labels = models.JSONField(default=list)
    released = models.BooleanField(default=False)

    objects = ScopedManager(base="base")

    class Meta:
        ordering = ["-placed_at", "-id"]

    def __str__(self) -> str:
        return f"hold {self.uuid}"

    @property
    def hold_scope(self) -> Scope:
        return Scope(self.scope)


class Order(TwoPersonRequest):
    """What one person asks and another approves: to lift a hold, to destroy, to erase (rows M7.3, M11.4).

    ``approval`` is the record of the approval, which the vault wants to see in its log. What was approved is carried
    out by the relay: ``certificate`` and ``token`` are the vault's, ``fault`` why it could not be done yet.
    """

    base = models.ForeignKey(Base, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=12, choices=[(k.value, k.value) for k in Kind])
    hold = models.ForeignKey(LegalHold, on_delete=models.PROTECT, null=True, blank=True, related_name="orders")
    before_on = models.DateField(null=True, blank=True)
    student = models.ForeignKey(Student, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    teacher = models.ForeignKey(Teacher, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    people = models.JSONField(default=list, encoder=DjangoJSONEncoder)
    retained_until = models.DateField(null=True, blank=True)
    approval = models.UUIDField(null=True, blank=True)
    asked = models.JSONField(null=True, blank=True, help_text="what the vault was asked, kept for the same again")
    certificate = models.BinaryField(default=bytes)
    token = models.BinaryField(default=bytes)
    digest = models.CharField(max_length=64, blank=True)
    count = models.PositiveIntegerField(null=True, blank=True)
    done_at = models.DateTimeField(null=True, blank=True)
    fault = models.CharField(max_length=64, blank=True)
    tried_at = models.DateTimeField(null=True, blank=True)

    objects = ScopedManager(base="base")

    class Meta:
        ordering = ["-requested_at", "-id"]

    def __str__(self) -> str:
        return f"{self.kind} {self.uuid}"

    @property
    def order_kind(self) -> Kind:
        return Kind(self.kind)
