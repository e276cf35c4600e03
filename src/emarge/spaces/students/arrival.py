"""The address in a QR code, answered as plain ASGI: a hall that scans loads this page in the same few seconds.

Only what goes well is answered here: somebody with a session and a known device, and a code that counts. Everything
else (a login first, a refusal in words) is Django's (scan.py), which shows the same page.
"""

import asyncio
import gzip
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import close_old_connections
from django.http.cookie import parse_cookie
from django.middleware.csrf import CSRF_ALLOWED_CHARS, CSRF_SECRET_LENGTH
from django.template.loader import render_to_string
from django.utils import timezone, translation
from django_scopes import scope

from emarge.attendance import actions
from emarge.attendance.models import RollCall
from emarge.attendance.tickets import trace, write_ticket
from emarge.hosting.queries import base_for_host
from emarge.lib.randomness import random_bytes
from emarge.lib.refusal import Refused
from emarge.spaces.context import asset_version
from emarge.spaces.devices import COOKIE as DEVICE
from emarge.spaces.devices import is_device
from emarge.spaces.middleware import CONTENT_SECURITY_POLICY, PERMISSIONS_POLICY
from emarge.spaces.students.hall import is_ours, language_of
from emarge.spaces.students.scan import way_of

PATH = re.compile(r"/[Qq]/([0-9A-Za-z]{1,12})/([0-9A-Za-z]{16})")
FRESH_SECONDS = 1.0
_MOST_KNOWN = 1000
_EFFORT = 4  # of gzip, out of 9: what comes after costs more than it saves
_CHARACTERS = CSRF_ALLOWED_CHARS
_SECRET = re.compile(rf"[{_CHARACTERS}]{{{CSRF_SECRET_LENGTH}}}")
_TICKET, _TOKEN = "@ticket@", "@token@"
_HEADERS = [
    (b"content-type", b"text/html; charset=utf-8"),
    (b"content-security-policy", CONTENT_SECURITY_POLICY.encode()),
    (b"permissions-policy", PERMISSIONS_POLICY.encode()),
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", settings.SECURE_REFERRER_POLICY.encode()),
    (b"cross-origin-opener-policy", settings.SECURE_CROSS_ORIGIN_OPENER_POLICY.encode()),
    (b"x-frame-options", settings.X_FRAME_OPTIONS.encode()),
    (b"vary", b"Cookie, Accept-Language, Accept-Encoding"),
]


@dataclass(frozen=True)
class _Known:
    """A roll call as it was read, and its page in each language that was asked for."""

    roll_call: RollCall | None
    read_at: float
    pages: dict[str, str]


class Arrival:
    """The roll calls that are being scanned, each read once a second at most."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], asyncio.Task[_Known]] = {}

    async def answer(
        self, found: re.Match[str], headers: Mapping[bytes, bytes], query: bytes, *, address: str, at: datetime
    ) -> tuple[list[tuple[bytes, bytes]], bytes] | None:
        """Headers and body of the page; None when it is not as simple as that, and Django is to answer."""
        cookies = parse_cookie(headers.get(b"cookie", b"").decode("latin-1"))
        host, device = headers.get(b"host", b"").decode("latin-1"), cookies.get(DEVICE, "")
        secret = cookies.get(settings.CSRF_COOKIE_NAME, "")
        if not (
            cookies.get(settings.SESSION_COOKIE_NAME)
            and _SECRET.fullmatch(secret)
            and is_device(device)
            and is_ours(host)
        ):
            return None
        known = await self._know(host, found[1])
        roll_call = known.roll_call
        if roll_call is None:
            return None
        mark = trace(roll_call.base.uuid, device=device, session="", address=address).device
        try:
            ticket = actions.arrive(roll_call, found[2], way_of(query.decode("latin-1")), device=mark, arrived_at=at)
        except Refused:
            return None
        language = language_of(cookies, headers)
        page = known.pages.get(language) or known.pages.setdefault(language, _render(roll_call, language))
        body = page.replace(_TICKET, write_ticket(ticket)).replace(_TOKEN, _masked(secret)).encode()
        packed: list[tuple[bytes, bytes]] = []
        if b"gzip" in headers.get(b"accept-encoding", b""):  # both differ each time: lengths tell nothing of a secret
            body, packed = gzip.compress(body, _EFFORT, mtime=0), [(b"content-encoding", b"gzip")]
        return [*_HEADERS, *packed, (b"content-length", b"%d" % len(body))], body

    async def _know(self, host: str, number: str) -> _Known:
        """The roll call of a number at a host, read again when that was a second ago; once for all who ask."""
        key = host, number.upper()
        task = self._known.get(key)
        if task is None or _is_stale(task):
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            task = self._known[key] = asyncio.create_task(asyncio.to_thread(_read, host, int(number, 36)))
        return await asyncio.shield(task)


def _masked(secret: str) -> str:
    """The CSRF token of a page, masked as Django masks it, so that a page compressed with it tells nothing.

    Django's own draws each of the 32 characters of the mask with a call to the kernel.
    """
    mask = [byte % len(_CHARACTERS) for byte in random_bytes(len(secret))]
    cipher = [(_CHARACTERS.index(one) + shift) % len(_CHARACTERS) for one, shift in zip(secret, mask, strict=True)]
    return "".join(_CHARACTERS[place] for place in (*mask, *cipher))


def _is_stale(task: "asyncio.Task[_Known]") -> bool:
    if not task.done():
        return False
    return task.exception() is not None or time.monotonic() - task.result().read_at > FRESH_SECONDS


def _read(host: str, number: int) -> _Known:
    close_old_connections()
    base = base_for_host(host)
    if base is None:
        return _Known(None, time.monotonic(), {})
    with scope(base=base):
        rows = RollCall.objects.select_related("base").filter(pk=number)
        return _Known(rows.first(), time.monotonic(), {})


def _render(roll_call: RollCall, language: str) -> str:
    """The page with marks where the ticket and the token go."""
    with translation.override(language), timezone.override(roll_call.base.tz):
        context = {
            "roll_call": roll_call,
            "ticket": _TICKET,
            "csrf_token": _TOKEN,
            "asset_version": asset_version(),
        }
        return render_to_string("students/scan.html", context)
