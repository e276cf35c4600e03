"""What the rules of this package answer, in words."""

from typing import Any

from django.utils.translation import gettext_lazy as _

from emarge.institutions.rules import Lack

LACK_TEXTS: dict[Lack, Any] = {
    Lack.IDENTIFIER: _("identifier (INE or equivalent)"),
    Lack.BIRTH_DATE: _("date of birth"),
}
