"""Hours and durations as people say them."""

import math
from datetime import datetime, timedelta

from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import ngettext


def said(at: datetime, now: datetime) -> str:
    """An instant in the base's time zone: the hour alone when it is today, with its day otherwise."""
    local = localtime(at)
    hour = date_format(local, "H:i")
    if local.date() == localtime(now).date():
        return hour
    return _("%(day)s, %(hour)s") % {"day": date_format(local, "j F"), "hour": hour}


def said_left(left: timedelta) -> str:
    """A time that is left, rounded up to the minute: minutes, then hours and minutes, then days."""
    minutes = max(0, math.ceil(left / timedelta(minutes=1)))
    if minutes < _HOURS_FROM:
        return ngettext("%(number)d minute", "%(number)d minutes", minutes) % {"number": minutes}
    if minutes < _DAYS_FROM:
        return _("%(hours)d h %(minutes)02d") % {"hours": minutes // 60, "minutes": minutes % 60}
    days = minutes // (24 * 60)
    return ngettext("%(number)d day", "%(number)d days", days) % {"number": days}


_HOURS_FROM = 91
_DAYS_FROM = 48 * 60
