"""Institution codes: a school's free label, of the hosting account, kept from year to year (row M2.2)."""

import unicodedata
import uuid

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from emarge.hosting.models import Base, HostingAccount
from emarge.institutions.models import InstitutionCode
from emarge.lib.refusal import Refused

MAX_LABEL = 100


def codes_of(base: Base) -> QuerySet[InstitutionCode]:
    """The codes that a base may choose from: those of its hosting account."""
    return InstitutionCode.objects.filter(account__plannings__bases=base).order_by("code")


def normalise_label(text: str) -> str:
    """A label as it is kept: NFC, without blanks around; case matters.

    Raises Refused: blank, longer than 100 characters, or with characters that cannot be seen.
    """
    label = unicodedata.normalize("NFC", text).strip()
    if not label:
        raise Refused("code_blank", _("Write the institution code: it cannot be blank."))
    if len(label) > MAX_LABEL:
        raise Refused("code_too_long", _("The institution code is longer than 100 characters. Shorten it."))
    if any(unicodedata.category(character).startswith("C") for character in label):
        raise Refused("code_unprintable", _("The institution code holds characters that cannot be seen."))
    return label


def find_or_create_code(account: HostingAccount, text: str) -> InstitutionCode:
    """The account's code of that label, made if there is none; its log in the vault gets a random name.

    Raises Refused as :func:`normalise_label` does.
    """
    code, _created = InstitutionCode.objects.get_or_create(
        account=account, code=normalise_label(text), defaults={"log": uuid.uuid4().hex}
    )
    return code
