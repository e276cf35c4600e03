"""The HTTP interface of the vault as a raw ASGI application: docs/formats/vault-http.md. Default deny."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import parse_qs

import orjson

from emarge.proof.vault.asgi import Receive, Scope, Send, read_body, respond
from emarge.proof.vault.checking.controls import Controls
from emarge.proof.vault.errors import StampUnavailable, StoreUnavailableError, VaultRefused, VaultUnavailable
from emarge.proof.vault.journal.journal import OWN_LOG
from emarge.proof.vault.journal.journalling import Call, Journalling, Now
from emarge.proof.vault.service import routes, wire
from emarge.proof.vault.service.failures import Failures
from emarge.proof.vault.service.opened import Vault
from emarge.proof.vault.service.sealing import Sealer
from emarge.proof.vault.service.serving import Answer, Request, Serving

_STATUS = {
    "bad_log": HTTPStatus.BAD_REQUEST,
    "bad_request": HTTPStatus.BAD_REQUEST,
    "bad_deposit": HTTPStatus.BAD_REQUEST,
    "no_credential": HTTPStatus.UNAUTHORIZED,
    "wrong_role": HTTPStatus.FORBIDDEN,
    "too_many_failures": HTTPStatus.TOO_MANY_REQUESTS,
    "reserved_log": HTTPStatus.FORBIDDEN,
    "wrong_method": HTTPStatus.METHOD_NOT_ALLOWED,
    "too_slow": HTTPStatus.REQUEST_TIMEOUT,
    "uuid_reused": HTTPStatus.CONFLICT,
    "tiles_without_sequencer": HTTPStatus.CONFLICT,
    "period_shorter": HTTPStatus.CONFLICT,
    "hold_reused": HTTPStatus.CONFLICT,
    "no_order": HTTPStatus.CONFLICT,
    "order_reused": HTTPStatus.CONFLICT,
    "order_in_scope": HTTPStatus.CONFLICT,
    "held": HTTPStatus.CONFLICT,
    "too_young": HTTPStatus.CONFLICT,
    "nothing_to_destroy": HTTPStatus.CONFLICT,
    "unreadable_token": HTTPStatus.CONFLICT,
    "store_locked": HTTPStatus.CONFLICT,
    "destroyed": HTTPStatus.GONE,
    "too_large": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "internal": HTTPStatus.INTERNAL_SERVER_ERROR,
    "stamp_unavailable": HTTPStatus.SERVICE_UNAVAILABLE,
    "busy": HTTPStatus.SERVICE_UNAVAILABLE,
    "stopping": HTTPStatus.SERVICE_UNAVAILABLE,
    "mirror_unavailable": HTTPStatus.SERVICE_UNAVAILABLE,
    "store_unavailable": HTTPStatus.SERVICE_UNAVAILABLE,
}

logger = logging.getLogger("emarge.vault")


@dataclass
class About:
    """What is known of a call, as it becomes known: its function, the parts of its path, its role, its records."""

    route: routes.Route | None
    parts: dict[str, str]
    role: str = ""
    touched: list[int] = field(default_factory=list)


class Application:
    """Answers requests on an opened vault. ``fatal`` is called once when a log can no longer be written."""

    def __init__(self, vault: Vault, fatal: Callable[[BaseException], None], now: Now) -> None:
        self._vault = vault
        self._serving = Serving(vault, fatal, Controls(vault.folder, now))
        self._failures = Failures()
        self._journalling = Journalling(vault.journal, now)
        self._sealer = self._serving.start(Sealer(self._serving, self._journalling, now).run())
        self._journal = self._serving.start(self._journalling.run())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        if (scope["method"], scope["path"]) == ("GET", "/health"):
            known = self._serving.mirror() | self._serving.witnesses() | self._serving.dated()
            await _send(send, Answer(orjson.dumps({"status": "ok"} | known)))
            return
        about = About(*routes.choose(scope["path"], scope["method"]))
        answer = await self._answered(scope, receive, about)
        try:
            request = await self._journalled(about, answer)
        except VaultUnavailable as error:
            answer, request = _refuse(str(error), "the vault cannot take this now; try again later"), ""
        await _send(send, answer, request)

    async def stop(self) -> None:
        """Finish what was taken, take nothing more."""
        self._sealer.cancel()
        await self._serving.controls.stop()
        await self._serving.stop()
        self._journalling.stop()
        await asyncio.wait([self._sealer, self._journal])

    async def _answered(self, scope: Scope, receive: Receive, about: "About") -> Answer:
        try:
            return await self._answer(scope, receive, about)
        except VaultRefused as refusal:
            return _refuse(refusal.code, refusal.text)
        except StampUnavailable:
            return _refuse("stamp_unavailable", "the timestamp authority gives no tokens now; try again later")
        except StoreUnavailableError:
            return _refuse("store_unavailable", "the bucket of this log does not answer now; try again later")
        except VaultUnavailable as error:
            return _refuse(str(error), "the vault cannot take this now; try again later")
        except Exception:
            logger.exception("a request was not answered")
            return _refuse("internal", "the vault failed; nothing is in doubt, try again")

    async def _journalled(self, about: "About", answer: Answer) -> str:
        """Write the line of a call before its answer leaves, or share one; its id in the journal, if it has one."""
        log = about.parts.get("log", "")
        call = Call(
            about.route.function if about.route else "unknown",
            about.role,
            log if self._serving.knows(log) else "",
            int(answer.status),
            answer.code,
        )
        if call.function == "deposit" or not call.role:
            self._journalling.share(call, about.touched)
            return ""
        return await self._journalling.write(call, about.touched)

    async def _answer(self, scope: Scope, receive: Receive, about: "About") -> Answer:
        about.role = self._role(scope)
        if about.route is None:
            raise routes.refusal(scope["path"])
        if about.role not in about.route.roles:
            raise VaultRefused("wrong_role", "this credential does not open this path")
        if about.route.changes and about.parts["log"] == OWN_LOG:
            raise VaultRefused("reserved_log", f"the log {OWN_LOG} holds the vault's own records: it alone writes it")
        body = await read_body(scope, receive, wire.MAX_BODY) if scope["method"] == "POST" else b""
        return await about.route.handler(self._serving, Request(about.parts, _query(scope), body, about.touched))

    def _role(self, scope: Scope) -> str:
        """The role of the request's credential. The right one is never refused for what its peer tried before."""
        values = [value for name, value in scope["headers"] if name == b"authorization"]
        scheme, _, credential = values[0].decode("latin-1").partition(" ") if len(values) == 1 else ("", "", "")
        role = self._vault.role(credential) if scheme.lower() == "bearer" else None
        if role is not None:
            return role
        if self._failures.admit(str((scope.get("client") or ("",))[0])):
            raise VaultRefused("no_credential", "this needs a credential of the vault")
        raise VaultRefused("too_many_failures", "too many wrong credentials came from there; wait a second")


def _query(scope: Scope) -> dict[str, list[str]]:
    text = scope["query_string"].decode("latin-1")
    try:
        return parse_qs(text, keep_blank_values=True, max_num_fields=10) if text else {}
    except ValueError:
        raise VaultRefused("bad_request", "the query names at most ten values") from None


def _refuse(code: str, text: str) -> Answer:
    status = _STATUS.get(code, HTTPStatus.NOT_FOUND)
    return Answer(orjson.dumps({"code": code, "text": text}), status=status, code=code)


async def _send(send: Send, answer: Answer, request: str = "") -> None:
    headers = [(b"content-type", answer.kind.encode()), (b"content-length", b"%d" % len(answer.body))]
    if request:
        headers.append((b"request-id", request.encode()))
    if answer.status == HTTPStatus.UNAUTHORIZED:
        headers.append((b"www-authenticate", b"Bearer"))
    if answer.status == HTTPStatus.TOO_MANY_REQUESTS:
        headers.append((b"retry-after", b"1"))
    await respond(send, answer.status, headers, answer.body)
