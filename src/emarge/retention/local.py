"""What the bases hold of a time whose records are destroyed: rosters and signatures go with them."""

from datetime import datetime

from django.db import transaction

from emarge.attendance.models import RollCall, RollCallLine, Scan, SignIn, TeacherSignature
from emarge.audit import links
from emarge.audit.models import OutboxEvent, PersonLink
from emarge.institutions.models import InstitutionCode, Student
from emarge.retention.queries import held_meetings, held_people

_BATCH = 50


def delete_roll_calls(code: InstitutionCode, before: datetime) -> int:
    """Delete the roll calls of class meetings that ended before an instant, with their lines and signatures.

    Those that a hold covers stay. In short transactions: people sign meanwhile. The same again is harmless.
    """
    held = RollCallLine.objects.filter(student__uuid__in=held_people(code)).values("roll_call")
    past = RollCall.objects.filter(institution_code=code, ends_at__lt=before).exclude(pk__in=held)
    past = past.exclude(meeting__uuid__in=held_meetings(code))
    deleted = 0
    while keys := list(past.order_by("pk").values_list("pk", flat=True)[:_BATCH]):
        with transaction.atomic():
            Scan.objects.filter(line__roll_call__in=keys).delete()
            SignIn.objects.filter(line__roll_call__in=keys).delete()
            TeacherSignature.objects.filter(roll_call__in=keys).delete()
            RollCallLine.objects.filter(roll_call__in=keys).delete()
            RollCall.objects.filter(pk__in=keys).delete()
        deleted += len(keys)
    return deleted


def forget_who_left_nothing(log: str) -> int:
    """Destroy the keys and links of students whom a log knew, of whom no record and no row of a base is left."""
    known = set(PersonLink.objects.filter(log=log).values_list("person", flat=True))
    kept = set(
        OutboxEvent.objects.filter(subject__isnull=False).order_by().values_list("subject", flat=True).distinct()
    )
    gone = known - kept - set(Student.objects.values_list("uuid", flat=True))
    links.forget(gone)
    return len(gone)
