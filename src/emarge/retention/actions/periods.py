from datetime import datetime

from django.db import transaction

from emarge.accounts.models import Right, User
from emarge.audit import wakeup
from emarge.hosting.models import Base
from emarge.inspections.steps import code_of, require
from emarge.retention import rules
from emarge.retention.actions.events import record
from emarge.retention.models import RetentionPeriod
from emarge.retention.texts import refuse


@transaction.atomic
def set_years(base: Base, *, years: int, by: User, at: datetime) -> RetentionPeriod:
    """Raise the retention period of the base's institution code (row M2.5); the relay tells the vault.

    Raises Refused: no right, no institution code, lowered, out of range.
    """
    require(by, Right.EDIT_PARAMETERS)
    code = code_of(base)
    RetentionPeriod.objects.get_or_create(institution_code=code)
    period = RetentionPeriod.objects.select_for_update().get(institution_code=code)
    refuse(rules.why_not_set(years=years, now=period.years))
    if years == period.years:
        return period
    period.years = years
    period.save(update_fields=["years"])
    record("retention.changed", base, code, by=by, at=at, details={"years": years, "days": rules.days_of(years)})
    transaction.on_commit(wakeup.committed.set)
    return period
