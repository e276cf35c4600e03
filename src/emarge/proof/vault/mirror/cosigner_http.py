"""What the processes of a mirror and of a witness answer alike: credentials, refusals, one thread. Default deny."""

import asyncio
import json
import logging
from abc import ABC, abstractmethod
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http import HTTPStatus
from typing import Protocol, TypeVar

from emarge.proof.vault.asgi import Receive, Scope, Send, respond
from emarge.proof.vault.errors import VaultRefused
from emarge.proof.vault.mirror.cosigner import Identity

TEXT = "text/plain; charset=utf-8"
_STATUS = {
    "bad_request": HTTPStatus.BAD_REQUEST,
    "no_credential": HTTPStatus.UNAUTHORIZED,
    "wrong_role": HTTPStatus.FORBIDDEN,
    "bad_signature": HTTPStatus.FORBIDDEN,
    "wrong_method": HTTPStatus.METHOD_NOT_ALLOWED,
    "too_slow": HTTPStatus.REQUEST_TIMEOUT,
    "other_key": HTTPStatus.CONFLICT,
    "too_large": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "second_history": HTTPStatus.UNPROCESSABLE_ENTITY,
    "false_package": HTTPStatus.UNPROCESSABLE_ENTITY,
    "false_certificate": HTTPStatus.UNPROCESSABLE_ENTITY,
    "too_young": HTTPStatus.UNPROCESSABLE_ENTITY,
    "destroyed": HTTPStatus.GONE,
    "internal": HTTPStatus.INTERNAL_SERVER_ERROR,
}

logger = logging.getLogger("emarge.cosigner")
T = TypeVar("T")


@dataclass(frozen=True)
class Reply:
    body: bytes
    kind: str = TEXT
    status: int = HTTPStatus.OK


class Cosigner(Protocol):
    """An opened mirror or witness."""

    identity: Identity
    in_doubt: bool
    second_histories: int


class Application(ABC):
    """Answers requests on an opened cosigner, one after the other, in a thread that alone touches it.

    ``fatal`` is called when what is on its disk is in doubt.
    """

    def __init__(self, cosigner: Cosigner, fatal: Callable[[BaseException], None]) -> None:
        self._cosigner = cosigner
        self._fatal = fatal
        self._thread = ThreadPoolExecutor(1, "cosigner")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        try:
            reply = await self._reply(scope, receive)
        except VaultRefused as refusal:
            reply = _refuse(refusal)
        except Exception:
            logger.exception("a request was not answered")
            reply = _refuse(VaultRefused("internal", "the process failed"))
        headers = [(b"content-type", reply.kind.encode()), (b"content-length", b"%d" % len(reply.body))]
        if reply.status == HTTPStatus.UNAUTHORIZED:
            headers.append((b"www-authenticate", b"Bearer"))
        await respond(send, reply.status, headers, reply.body)

    async def stop(self) -> None:
        """Finish what was taken, take nothing more."""
        self._thread.shutdown(wait=True)

    @abstractmethod
    def _wanted(self, path: str) -> tuple[str, str] | None:
        """The method and the role that a path asks for, None when there is nothing at it."""

    @abstractmethod
    async def _answer(self, scope: Scope, receive: Receive) -> Reply:
        """The answer to a request whose method and role are right."""

    async def _reply(self, scope: Scope, receive: Receive) -> Reply:
        method, path = scope["method"], scope["path"]
        if (method, path) == ("GET", "/health"):
            health = {"status": "ok", "second_histories": self._cosigner.second_histories}
            return Reply(json.dumps(health).encode(), "application/json")
        role = self._role(scope)
        wanted = self._wanted(path)
        if wanted is None:
            raise VaultRefused("unknown_path", "there is nothing at this path")
        if method != wanted[0]:
            raise VaultRefused("wrong_method", f"this path answers {wanted[0]} only")
        if role != wanted[1]:
            raise VaultRefused("wrong_role", "this credential does not open this path")
        return await self._answer(scope, receive)

    def _role(self, scope: Scope) -> str:
        values = [value for name, value in scope["headers"] if name == b"authorization"]
        scheme, _, credential = values[0].decode("latin-1").partition(" ") if len(values) == 1 else ("", "", "")
        role = self._cosigner.identity.role(credential) if scheme.lower() == "bearer" else None
        if role is None:
            raise VaultRefused("no_credential", "this needs a credential of this process")
        return role

    async def _in_thread(self, work: Callable[..., T], *values: object) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work, *values)
        except BaseException as error:
            if self._cosigner.in_doubt:
                self._fatal(error)
            raise


def _refuse(refusal: VaultRefused) -> Reply:
    status = _STATUS.get(refusal.code, HTTPStatus.NOT_FOUND)
    body = json.dumps({"code": refusal.code, "text": refusal.text}).encode()
    return Reply(body, "application/json", status)
