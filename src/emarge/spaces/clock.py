"""Hours as people say them."""

from datetime import datetime

from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _


def said(at: datetime, now: datetime) -> str:
    """An instant in the base's time zone: the hour alone when it is today, with its day otherwise."""
    local = localtime(at)
    hour = date_format(local, "H:i")
    if local.date() == localtime(now).date():
        return hour
    return _("%(day)s, %(hour)s") % {"day": date_format(local, "j F"), "hour": hour}
