"""What every step of a request of two persons begins with: the right, the institution code, clean texts."""

import unicodedata

from emarge.accounts.models import Right, User
from emarge.attendance.models import Parameters
from emarge.hosting.models import Base
from emarge.inspections.rules import Refusal
from emarge.inspections.texts import refused
from emarge.institutions.models import InstitutionCode


def clean(text: str) -> str:
    """A typed text as it is kept: NFC, as records ask, and without blanks around."""
    return unicodedata.normalize("NFC", text).strip()


def require(by: User, *rights: Right) -> None:
    """Raise Refused unless the person holds one of the rights."""
    if not any(by.has_right(right) for right in rights):
        raise refused(Refusal.NO_RIGHT)


def code_of(base: Base) -> InstitutionCode:
    """The institution code of a base. Raises Refused when it has none yet."""
    parameters = Parameters.objects.select_related("institution_code").filter(base=base).first()
    if parameters is None or parameters.institution_code is None:
        raise refused(Refusal.NO_INSTITUTION_CODE)
    return parameters.institution_code
