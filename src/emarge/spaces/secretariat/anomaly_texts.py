"""What an anomaly says in words: names, times and the number of the code; never a mark, never an address."""

from typing import Any

from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from emarge.attendance import anomalies as rules
from emarge.attendance.anomalies import Act, Kind
from emarge.attendance.anomaly_queries import Named
from emarge.attendance.queries import pace_of

KINDS = {
    Kind.SHARED_DEVICE: gettext_lazy("One device for several students"),
    Kind.SPLIT_SESSION: gettext_lazy("One login in two places"),
    Kind.TWO_PLACES: gettext_lazy("In two class meetings at once"),
    Kind.OFF_RHYTHM: gettext_lazy("Far from the rhythm of the group"),
    Kind.OTHER_NETWORK: gettext_lazy("Another network than the group"),
    Kind.RELAYED: gettext_lazy("A code that seems passed on"),
}


def figures() -> dict[str, Any]:
    """The thresholds, for the page that explains them."""
    return {
        "group": rules.GROUP,
        "deviations": int(rules.DEVIATIONS),
        "least": int(rules.DEVIATIONS * rules.LEAST_DEVIATION.total_seconds()),
        "majority": round(rules.MAJORITY * 100),
        "minutes": int(rules.NEAR.total_seconds() // 60),
        "late": round(rules.LATE_SHARE * 100),
    }


def evidence_of(named: Named) -> list[str]:
    """The sentences of an anomaly, its own acts first."""
    anomaly = named.anomaly
    own = [_done(named, act) for act in anomaly.acts]
    tell = {
        Kind.SHARED_DEVICE: _same_device,
        Kind.SPLIT_SESSION: _same_login,
        Kind.TWO_PLACES: _same_time,
    }.get(anomaly.kind)
    if tell is not None:
        return own + [tell(named, other) for other in anomaly.others]
    return own + _beside_the_group(named)


def _done(named: Named, act: Act) -> str:
    """What the student did, and when."""
    values = {"time": _time(act), "number": _number(named, act)}
    if not act.is_scan:
        return _("Signed at %(time)s") % values
    return (_("Scanned at %(time)s, code no. %(number)s") if values["number"] else _("Scanned at %(time)s")) % values


def _same_device(named: Named, other: Act) -> str:
    values = {"name": str(named.lines[other.line]), "time": _time(other), "where": _where(named, other)}
    if other.is_scan:
        return _("Same device as %(name)s, who scanned at %(time)s%(where)s") % values
    return _("Same device as %(name)s, who signed at %(time)s%(where)s") % values


def _same_login(named: Named, other: Act) -> str:
    act = named.anomaly.acts[0]
    values = {"time": _time(other), "where": _where(named, other)}
    if act.device and other.device and act.device != other.device:
        return _("The same login was used at %(time)s%(where)s on another device") % values
    return _("The same login was used at %(time)s%(where)s from another network") % values


def _same_time(named: Named, other: Act) -> str:
    values = {"time": _time(other), "where": _where(named, other)}
    return _("Another login of the same student was used at %(time)s%(where)s, at the same hours") % values


def _beside_the_group(named: Named) -> list[str]:
    anomaly = named.anomaly
    if anomaly.kind is Kind.OFF_RHYTHM:
        values = {"delay": _span(anomaly.measured), "typical": _span(anomaly.typical)}
        return [_("%(delay)s after the start, when half of the group had scanned within %(typical)s") % values]
    said = [_("From another network than %(percent)s %% of the group") % {"percent": round(anomaly.typical * 100)}]
    if anomaly.kind is Kind.RELAYED:
        said.append(_("The code had left the screen %(span)s before") % {"span": _span(anomaly.measured)})
    return said


def _time(act: Act) -> str:
    return date_format(localtime(act.at), "H:i:s")


def _where(named: Named, act: Act) -> str:
    """The other class meeting, when it is another one."""
    if act.meeting == named.anomaly.acts[0].meeting:
        return ""
    call = named.roll_calls[act.meeting]
    values = {"title": call.subject, "time": date_format(localtime(call.starts_at), "H:i")}
    return _(" in %(title)s of %(time)s") % values


def _number(named: Named, act: Act) -> int:
    """Which code of the class meeting, counted from 1; 0 where there is only one."""
    call = named.roll_calls[act.meeting]
    pace = pace_of(call)
    if pace.period is None or call.sign_in_opened_at is None:
        return 0
    return act.step - pace.step_at(call.sign_in_opened_at) + 1


def _span(seconds: float) -> str:
    minutes, rest = divmod(max(round(seconds), 0), 60)
    return _("%(minutes)s min %(seconds)s s") % {"minutes": minutes, "seconds": rest} if minutes else f"{rest} s"
