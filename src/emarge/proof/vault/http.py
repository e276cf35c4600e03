"""The HTTP interface of the vault as a raw ASGI application: docs/formats/vault-http.md. Default deny."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs

import orjson

from emarge.proof.vault import routes, wire
from emarge.proof.vault.errors import StampUnavailable, VaultRefused, VaultUnavailable
from emarge.proof.vault.failures import Failures
from emarge.proof.vault.opened import Vault
from emarge.proof.vault.serving import Answer, Request, Serving

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

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
    "destroyed": HTTPStatus.GONE,
    "too_large": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "internal": HTTPStatus.INTERNAL_SERVER_ERROR,
    "stamp_unavailable": HTTPStatus.SERVICE_UNAVAILABLE,
    "busy": HTTPStatus.SERVICE_UNAVAILABLE,
    "stopping": HTTPStatus.SERVICE_UNAVAILABLE,
    "mirror_unavailable": HTTPStatus.SERVICE_UNAVAILABLE,
}
BODY_SECONDS = 30.0
SEND_SECONDS = 30.0
_PIECE = 64 * 1024  # bytes

logger = logging.getLogger("emarge.vault")


class Application:
    """Answers requests on an opened vault. ``fatal`` is called once when a log can no longer be written."""

    def __init__(self, vault: Vault, fatal: Callable[[BaseException], None]) -> None:
        self._vault = vault
        self._serving = Serving(vault, fatal)
        self._failures = Failures()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        try:
            answer = await self._answer(scope, receive)
        except VaultRefused as refusal:
            answer = _refuse(refusal.code, refusal.text)
        except StampUnavailable:
            answer = _refuse("stamp_unavailable", "the timestamp authority gives no tokens now; try again later")
        except VaultUnavailable as error:
            answer = _refuse(str(error), "the vault cannot take this now; try again later")
        except Exception:
            logger.exception("a request was not answered")
            answer = _refuse("internal", "the vault failed; nothing is in doubt, try again")
        headers = [(b"content-type", answer.kind.encode()), (b"content-length", b"%d" % len(answer.body))]
        if answer.status == HTTPStatus.UNAUTHORIZED:
            headers.append((b"www-authenticate", b"Bearer"))
        if answer.status == HTTPStatus.TOO_MANY_REQUESTS:
            headers.append((b"retry-after", b"1"))
        await respond(send, answer.status, headers, answer.body)

    async def stop(self) -> None:
        """Finish what was taken, take nothing more."""
        await self._serving.stop()

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        method, path = scope["method"], scope["path"]
        if (method, path) == ("GET", "/health"):
            return Answer(orjson.dumps({"status": "ok"} | self._serving.mirror() | self._serving.witnesses()))
        role = self._role(scope)
        route, parts = routes.choose(routes.routes_at(path), method)
        if role not in route.roles:
            raise VaultRefused("wrong_role", "this credential does not open this path")
        body = await read_body(scope, receive, wire.MAX_BODY) if method == "POST" else b""
        return await route.handler(self._serving, Request(parts, _query(scope), body))

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
    return Answer(orjson.dumps({"code": code, "text": text}), status=status)


async def respond(send: Send, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    """Send an answer; a client that takes no piece of it for a while is cut, so that it holds no memory."""
    await send({"type": "http.response.start", "status": int(status), "headers": headers})
    last = max(len(body) - 1, 0) // _PIECE * _PIECE
    try:
        for start in range(0, last, _PIECE):
            piece = body[start : start + _PIECE]
            async with asyncio.timeout(SEND_SECONDS):
                await send({"type": "http.response.body", "body": piece, "more_body": True})
    except TimeoutError:
        return  # an answer that ends early closes the connection
    await send({"type": "http.response.body", "body": body[last:]})


async def read_body(scope: Scope, receive: Receive, most: int) -> bytes:
    """The body of a request; VaultRefused when it is longer than ``most`` bytes, comes too slowly or not whole."""
    lengths = [value for name, value in scope["headers"] if name == b"content-length"]
    if lengths and (not lengths[0].isdigit() or int(lengths[0]) > most):
        raise VaultRefused("too_large", f"a body is at most {most} bytes long")
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return await _whole(receive, most)
    except TimeoutError:
        raise VaultRefused("too_slow", f"a body comes within {BODY_SECONDS:.0f} seconds") from None


async def _whole(receive: Receive, most: int) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise VaultRefused("bad_request", "the body did not arrive whole")
        body += message.get("body", b"")
        if len(body) > most:
            raise VaultRefused("too_large", f"a body is at most {most} bytes long")
        if not message.get("more_body", False):
            return bytes(body)
