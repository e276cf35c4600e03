"""The lecture hall's path: *I am here* and *Validate* as plain ASGI, many in one transaction.

The pages post JSON here; a form posted without JavaScript goes through Django's own stack to the same actions.
Session, CSRF, host, base and address are checked as the middleware does, and one set of tests runs against both
(tests/spaces/students/test_both_paths.py). docs/formats/sign-in-http.md says what is sent and answered.
"""

import logging
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from http import HTTPStatus
from typing import Any
from uuid import UUID

import orjson
from django.conf import settings
from django.db import Error as DatabaseError
from django.db import close_old_connections
from django.http.cookie import parse_cookie
from django.http.request import split_domain_port, validate_host
from django.middleware import csrf
from django.shortcuts import resolve_url
from django.utils import translation
from django.utils.translation import gettext_lazy as _
from django.utils.translation.trans_real import parse_accept_lang_header
from django_scopes import scope

from emarge.accounts.sessions import users_of
from emarge.attendance.actions.burst import Answer, Asked, Scanned, Scanning, Signed, Signing, take
from emarge.attendance.rules import Refusal, instant
from emarge.attendance.texts import refused
from emarge.attendance.tickets import read_grant, read_ticket, trace, write_grant
from emarge.hosting.models import Base
from emarge.hosting.queries import base_for_host
from emarge.lib.group_commit import GroupCommit
from emarge.lib.refusal import Refused
from emarge.spaces.devices import COOKIE as DEVICE
from emarge.spaces.devices import GRANT, grant_header
from emarge.spaces.signing import posted_signature, status_of

MAX_BODY = 64 * 1024
PATH = re.compile(r"/student/(?:scan|lines/([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})/sign)")

_NO_BASE = _("No school answers at this address.")
_FOREIGN = _("This page is no longer the one of your session. Nothing was recorded: load it again.")
_BUSY = _("Too many people at this moment: nothing was recorded. Try again.")
_FAILED = _("Something went wrong on our side: nothing was recorded. Try again.")

logger = logging.getLogger("emarge.spaces")


@dataclass(frozen=True, slots=True)
class Posted:
    """One request, as far as it can be judged without the database."""

    line: UUID | None
    body: Mapping[str, str]
    host: str
    session: str
    device: str
    grant: str
    language: str
    address: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    body: bytes
    grant: str = ""

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        """Its length, and the cookie of a grant."""
        length = (b"content-length", b"%d" % len(self.body))
        return [length, (b"set-cookie", grant_header(self.grant))] if self.grant else [length]


def is_meant(scope: Mapping[str, Any], headers: Mapping[bytes, bytes]) -> re.Match[str] | None:
    """Whether a request takes this path."""
    if scope["method"] != "POST" or headers.get(b"content-type") != b"application/json":
        return None
    return PATH.fullmatch(scope["path"])


def read(
    found: re.Match[str], headers: Mapping[bytes, bytes], body: bytes, *, secure: bool, address: str, at: datetime
) -> Posted | Reply:
    """Judge a request by its own bytes: a wrong host, a foreign page or a malformed body is answered at once."""
    host = headers.get(b"host", b"").decode("latin-1")
    cookies = parse_cookie(headers.get(b"cookie", b"").decode("latin-1"))
    language = language_of(cookies, headers)
    if not is_ours(host):
        return _say(language, HTTPStatus.NOT_FOUND, "no_base", _NO_BASE)
    origin = f"{'https' if secure else 'http'}://{host}".encode("latin-1")
    token = headers.get(b"x-csrftoken", b"").decode("latin-1")
    if headers.get(b"origin") != origin or not _token_matches(token, cookies.get(settings.CSRF_COOKIE_NAME, "")):
        return _say(language, HTTPStatus.FORBIDDEN, "csrf", _FOREIGN)
    try:
        values = orjson.loads(body)
    except orjson.JSONDecodeError:
        values = None
    if not isinstance(values, dict) or not all(isinstance(value, str) for value in values.values()):
        refusal = refused(Refusal.METHOD_UNKNOWN)
        return _say(language, HTTPStatus.BAD_REQUEST, refusal.code, refusal.text)
    session = cookies.get(settings.SESSION_COOKIE_NAME, "")
    line = UUID(found[1]) if found[1] else None
    return Posted(line, values, host, session, cookies.get(DEVICE, ""), cookies.get(GRANT, ""), language, address, at)


class Hall:
    """Takes the scans and signatures of this process, many in one transaction."""

    def __init__(self) -> None:
        self._commit: GroupCommit[Posted, Reply] = GroupCommit(_in_thread)

    async def answer(self, posted: Posted) -> Reply:
        """What to answer to one request, once whatever it did is durable."""
        try:
            return await self._commit.ask(posted)
        except DatabaseError:
            logger.exception("a burst was not taken")
            return _say(posted.language, HTTPStatus.SERVICE_UNAVAILABLE, "busy", _BUSY)
        except Exception:
            logger.exception("a burst failed")
            return _say(posted.language, HTTPStatus.INTERNAL_SERVER_ERROR, "failed", _FAILED)

    def close(self) -> None:
        """Finish what was begun."""
        self._commit.close()


def _in_thread(burst: Sequence[Posted]) -> list[Reply]:
    close_old_connections()  # as Django does between requests: one that the database dropped is opened again
    return answer_all(burst)


def answer_all(burst: Sequence[Posted]) -> list[Reply]:
    """Take a burst, each base in one transaction, and answer each in order."""
    by_host: defaultdict[str, list[int]] = defaultdict(list)
    for number, posted in enumerate(burst):
        by_host[posted.host].append(number)
    replies: dict[int, Reply] = {}
    for host, numbers in by_host.items():
        base = base_for_host(host)
        some = [burst[number] for number in numbers]
        nobody = HTTPStatus.NOT_FOUND, "no_base", _NO_BASE
        answered = [_say(one.language, *nobody) for one in some] if base is None else _take(base, some)
        replies.update(zip(numbers, answered, strict=True))
    return [replies[number] for number in range(len(burst))]


def _take(base: Base, burst: Sequence[Posted]) -> list[Reply]:
    users = users_of((posted.session for posted in burst), base.pk)
    asked: list[Asked | Refused | None] = [_asked(base, posted, users.get(posted.session)) for posted in burst]
    with scope(base=base):
        taken = iter(take([one for one in asked if isinstance(one, Signing | Scanning)]))
    return [
        _reply(next(taken) if isinstance(one, Signing | Scanning) else one, one, posted)
        for one, posted in zip(asked, burst, strict=True)
    ]


def _asked(base: Base, posted: Posted, user: int | None) -> Asked | Refused | None:
    """What a request asks for, or why that cannot be; None when nobody is logged in."""
    if user is None:
        return None
    marks = trace(base.uuid, device=posted.device, session=posted.session, address=posted.address)
    if posted.line is None:
        ticket = read_ticket(posted.body.get("ticket", ""))
        return Scanning(ticket, user, posted.at, marks) if ticket else refused(Refusal.CODE_WRONG)
    try:
        signature = posted_signature(posted.body)
    except Refused as refusal:
        return refusal
    grant = read_grant(posted.grant, posted.line, user=user, device=marks.device)
    return Signing(posted.line, user, at=posted.at, ip=posted.address, trace=marks, grant=grant, **signature)


def _reply(answer: Answer | None, asked: Asked | Refused | None, posted: Posted) -> Reply:
    if answer is None:
        return _json(HTTPStatus.UNAUTHORIZED, {"login": resolve_url(settings.LOGIN_URL)})
    if isinstance(answer, Signed):
        return _json(HTTPStatus.OK, {"signed_at": instant(answer.signed_at)})
    if isinstance(answer, Scanned) and isinstance(asked, Scanning):
        grant = write_grant(answer.line, user=asked.by, device=asked.trace.device, scanned_at=answer.arrived_at)
        return replace(_json(HTTPStatus.OK, {"line": str(answer.line), "signature": answer.expected}), grant=grant)
    if isinstance(answer, Refused):
        return _say(posted.language, status_of(answer), answer.code, answer.text)
    return _say(posted.language, HTTPStatus.INTERNAL_SERVER_ERROR, "failed", _FAILED)


def _say(language: str, status: int, code: str, text: Any) -> Reply:
    """A refusal, in the person's language."""
    with translation.override(language):
        return _json(status, {"refusal": code, "text": str(text)})


def _json(status: int, values: Mapping[str, object]) -> Reply:
    return Reply(int(status), orjson.dumps(values))


@lru_cache(maxsize=1024)
def is_ours(host: str) -> bool:
    """Whether a host name is one that this installation answers at."""
    domain, _port = split_domain_port(host)
    return bool(domain) and validate_host(domain, settings.ALLOWED_HOSTS)


def _token_matches(token: str, secret: str) -> bool:
    judge: Any = csrf  # the comparison has no public name, and must be the middleware's own
    try:
        judge._check_token_format(token)  # noqa: SLF001
        judge._check_token_format(secret)  # noqa: SLF001
    except csrf.InvalidTokenFormat:
        return False
    return bool(judge._does_token_match(token, secret))  # noqa: SLF001


def language_of(cookies: Mapping[str, str], headers: Mapping[bytes, bytes]) -> str:
    """The person's language, as LocaleMiddleware finds it: the cookie, else what the browser accepts."""
    accepted = headers.get(b"accept-language", b"").decode("latin-1")
    return _language(cookies.get(settings.LANGUAGE_COOKIE_NAME, ""), accepted)


@lru_cache(maxsize=1024)
def _language(cookie: str, accepted: str) -> str:
    for wanted in (cookie, *(code for code, _quality in parse_accept_lang_header(accepted))):
        try:
            return translation.get_supported_language_variant(wanted)
        except LookupError:
            continue
    return settings.LANGUAGE_CODE
