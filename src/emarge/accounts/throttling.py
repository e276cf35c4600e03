"""How often a login may fail: counted by django-axes per login and address, and here per address over all logins."""

import ipaddress
from typing import Any

from axes.attempts import get_cool_off_threshold
from axes.handlers.database import AxesDatabaseHandler
from axes.helpers import get_client_username
from axes.models import AccessAttempt
from django.conf import settings
from django.db.models import Q, Sum
from django.http import HttpRequest

# Failures that no success has followed. A school of hundreds behind one address mistypes, and then gets in.
ADDRESS_FAILURE_LIMIT = 500
_NETWORK_BITS = 64  # of an IPv6 address: one customer's, who may write anything in the others


def network_of(request: HttpRequest) -> str:
    """The address that attempts are counted under: an IPv4 address, or the /64 of an IPv6 one."""
    written = request.META.get("REMOTE_ADDR", "")
    try:
        address = ipaddress.ip_address(written)
    except ValueError:
        return str(written)
    mapped = getattr(address, "ipv4_mapped", None)
    if address.version == 4 or mapped:  # noqa: PLR2004 - as in IPv4
        return str(mapped or address)
    return str(ipaddress.ip_network((address, _NETWORK_BITS), strict=False).network_address)


class Handler(AxesDatabaseHandler):
    """What django-axes keeps in the database, in one read for a login that goes well and no write."""

    def get_failures(self, request: HttpRequest, credentials: dict[str, Any] | None = None) -> int:
        """The failures of a login from an address; as many as close it when the whole address has too many."""
        login = get_client_username(request, credentials)
        recent = AccessAttempt.objects.filter(
            ip_address=request.axes_ip_address,  # type: ignore[attr-defined]
            attempt_time__gte=get_cool_off_threshold(request),
        )
        found = recent.aggregate(
            own=Sum("failures_since_start", filter=Q(username=login)), together=Sum("failures_since_start")
        )
        failures = int(found["own"] or 0)
        request.failures_before = failures  # type: ignore[attr-defined]
        if failures < settings.AXES_FAILURE_LIMIT and (found["together"] or 0) >= ADDRESS_FAILURE_LIMIT:
            request.address_closed = True  # type: ignore[attr-defined]
            return int(settings.AXES_FAILURE_LIMIT)
        return failures

    def user_logged_in(self, sender: Any, request: HttpRequest, user: Any, **more: Any) -> None:
        """Forget the failures of a login; most logins have none, and then nothing is written."""
        if getattr(request, "failures_before", 0):
            super().user_logged_in(sender, request, user, **more)
