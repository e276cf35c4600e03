"""Reads of audit trail requests: a list never loads the bundles."""

from django.db.models import QuerySet

from emarge.hosting.models import Base
from emarge.inspections.models import AuditTrailRequest


def requests_of(base: Base) -> QuerySet[AuditTrailRequest]:
    """The requests of a base, newest first, with the people and the student, without their bundles."""
    return (
        AuditTrailRequest.objects.filter(base=base)
        .select_related("base", "institution_code", "student", "requested_by", "decided_by", "produced_by")
        .defer("bundle")
    )
