import uuid
from datetime import datetime

from django.db import models
from django_scopes import ScopedManager

from emarge.accounts.models import User
from emarge.hosting.models import Base
from emarge.inspections.rules import MAX_INSPECTOR, MAX_REASON, MAX_REFERENCE, RequestState
from emarge.institutions.models import InstitutionCode, Student


class TwoPersonRequest(models.Model):
    """What one person asks and another decides, once; ``produced`` is where what was approved has been done."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    institution_code = models.ForeignKey(InstitutionCode, on_delete=models.PROTECT)
    reference = models.CharField(max_length=MAX_REFERENCE)
    reason = models.CharField(max_length=MAX_REASON)
    state = models.CharField(
        max_length=10,
        choices=[(s.value, s.value) for s in RequestState],
        default=RequestState.REQUESTED.value,
    )
    requested_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    requested_at = models.DateTimeField()
    decided_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    decided_at = models.DateTimeField(null=True, blank=True)
    decision_reason = models.CharField(max_length=MAX_REASON, blank=True)

    class Meta:
        abstract = True

    @property
    def request_state(self) -> RequestState:
        return RequestState(self.state)

    def decide(self, state: RequestState, *, by: User, at: datetime, reason: str = "") -> None:
        """Write the decision down; whether it may be taken is the rules' business."""
        self.state, self.decided_by, self.decided_at, self.decision_reason = state.value, by, at, reason
        self.save(update_fields=["state", "decided_by", "decided_at", "decision_reason"])


class AuditTrailRequest(TwoPersonRequest):
    """A funder's request for an audit trail (row M7.5): asked by one person, approved by another.

    ``fingerprint`` is what the inspector must be told apart from the bundle: that of the institution code's
    trust anchors when the bundle was produced.
    """

    base = models.ForeignKey(Base, on_delete=models.CASCADE, related_name="audit_trail_requests")
    inspector = models.CharField(max_length=MAX_INSPECTOR)
    period_from = models.DateField()
    period_to = models.DateField()
    student = models.ForeignKey(Student, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    language = models.CharField(max_length=2, default="fr", help_text="of the sheet")
    produced_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    produced_at = models.DateTimeField(null=True, blank=True)
    fingerprint = models.CharField(max_length=64, blank=True)
    bundle = models.BinaryField(default=bytes)

    objects = ScopedManager(base="base")

    class Meta:
        ordering = ["-requested_at", "-id"]

    def __str__(self) -> str:
        return f"{self.inspector} {self.reference}"
