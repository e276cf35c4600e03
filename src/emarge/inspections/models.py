import uuid

from django.db import models
from django.utils.translation import gettext_lazy as _
from django_scopes import ScopedManager

from emarge.accounts.models import User
from emarge.hosting.models import Base
from emarge.institutions.models import InstitutionCode, Student


class AuditTrailRequest(models.Model):
    """A funder's request for an audit trail (row M7.5): asked by one person, approved by another."""

    class State(models.TextChoices):
        REQUESTED = "requested", _("Waiting for approval")
        APPROVED = "approved", _("Approved")
        REFUSED = "refused", _("Refused")
        PRODUCED = "produced", _("Produced")

    base = models.ForeignKey(Base, on_delete=models.CASCADE, related_name="audit_trail_requests")
    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    institution_code = models.ForeignKey(InstitutionCode, on_delete=models.PROTECT)
    inspector = models.CharField(max_length=200)
    reference = models.CharField(max_length=100)
    reason = models.CharField(max_length=500)
    period_from = models.DateField()
    period_to = models.DateField()
    student = models.ForeignKey(Student, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    state = models.CharField(max_length=10, choices=State, default=State.REQUESTED)
    requested_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    requested_at = models.DateTimeField()
    decided_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    decided_at = models.DateTimeField(null=True, blank=True)
    produced_at = models.DateTimeField(null=True, blank=True)
    bundle = models.BinaryField(default=bytes)

    objects = ScopedManager(base="base")

    class Meta:
        ordering = ["-requested_at", "-id"]

    def __str__(self) -> str:
        return f"{self.inspector} {self.reference}"
