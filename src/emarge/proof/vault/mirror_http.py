"""The mirror's own process and its HTTP interface: docs/formats/mirror.md. Default deny."""

import asyncio
import json
import logging
import re
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import TypeVar

from emarge.proof.vault import mirror_wire, server
from emarge.proof.vault.errors import VaultRefused
from emarge.proof.vault.http import Receive, Scope, Send, read_body
from emarge.proof.vault.mirror import Mirror, NotNextError, folder_name
from emarge.proof.vault.tiles import parse_path, width_at

_STATUS = {
    "bad_request": HTTPStatus.BAD_REQUEST,
    "no_credential": HTTPStatus.UNAUTHORIZED,
    "wrong_role": HTTPStatus.FORBIDDEN,
    "bad_signature": HTTPStatus.FORBIDDEN,
    "wrong_method": HTTPStatus.METHOD_NOT_ALLOWED,
    "other_key": HTTPStatus.CONFLICT,
    "too_large": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "second_history": HTTPStatus.UNPROCESSABLE_ENTITY,
    "false_package": HTTPStatus.UNPROCESSABLE_ENTITY,
    "internal": HTTPStatus.INTERNAL_SERVER_ERROR,
}
_ROLES = {"POST": "vault", "GET": "reader"}
_WRITES = ("/add-log", "/add-checkpoint", "/add-entries")
_READ = re.compile(r"/([0-9a-f]{64})/(checkpoint|tile/.{1,80})", re.ASCII)
_TEXT = "text/plain; charset=utf-8"
_PUBLISH_EVERY = 0.5  # seconds

logger = logging.getLogger("emarge.mirror")
T = TypeVar("T")


@dataclass(frozen=True)
class Reply:
    body: bytes
    kind: str = _TEXT
    status: int = HTTPStatus.OK


def serve(folder: Path, *, port: int) -> None:
    """Serve a mirror until SIGTERM or SIGINT; raises what opening raised, or what made it stop."""
    mirror = Mirror(folder)
    try:
        asyncio.run(server.answer(lambda fatal: Application(mirror, fatal), port))
    finally:
        mirror.close()


class Application:
    """Answers requests on an opened mirror, one after the other, in a thread that alone touches it."""

    def __init__(self, mirror: Mirror, fatal: Callable[[BaseException], None]) -> None:
        self._mirror = mirror
        self._fatal = fatal
        self._thread = ThreadPoolExecutor(1, "mirror")
        self._publishing = asyncio.get_running_loop().create_task(self._publish())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        try:
            reply = await self._reply(scope, receive)
        except VaultRefused as refusal:
            reply = _refuse(refusal)
        except Exception:
            logger.exception("a request was not answered")
            reply = _refuse(VaultRefused("internal", "the mirror failed"))
        headers = [(b"content-type", reply.kind.encode()), (b"content-length", b"%d" % len(reply.body))]
        if reply.status == HTTPStatus.UNAUTHORIZED:
            headers.append((b"www-authenticate", b"Bearer"))
        await send({"type": "http.response.start", "status": int(reply.status), "headers": headers})
        await send({"type": "http.response.body", "body": reply.body})

    async def stop(self) -> None:
        """Write the tiles of what is mirrored, take nothing more."""
        self._publishing.cancel()
        if not self._mirror.in_doubt:
            await self._in_thread(self._mirror.publish)
        self._thread.shutdown(wait=True)

    async def _reply(self, scope: Scope, receive: Receive) -> Reply:
        method, path = scope["method"], scope["path"]
        if (method, path) == ("GET", "/health"):
            health = {"status": "ok", "second_histories": self._mirror.second_histories}
            return Reply(json.dumps(health).encode(), "application/json")
        role = self._role(scope)
        read = _READ.fullmatch(path)
        wanted = "POST" if path in _WRITES else "GET" if read else None
        if wanted is None:
            raise VaultRefused("unknown_path", "there is nothing at this path")
        if method != wanted:
            raise VaultRefused("wrong_method", f"this path answers {wanted} only")
        if role != _ROLES[method]:
            raise VaultRefused("wrong_role", "this credential does not open this path")
        if read:
            return await self._in_thread(self._read, read[1], read[2])
        body = _plain(scope, await read_body(scope, receive, mirror_wire.MAX_BODY))
        return await self._in_thread(self._write, path, body)

    def _role(self, scope: Scope) -> str:
        values = [value for name, value in scope["headers"] if name == b"authorization"]
        scheme, _, credential = values[0].decode("latin-1").partition(" ") if len(values) == 1 else ("", "", "")
        role = self._mirror.role(credential) if scheme.lower() == "bearer" else None
        if role is None:
            raise VaultRefused("no_credential", "this needs a credential of the mirror")
        return role

    def _write(self, path: str, body: bytes) -> Reply:
        now = datetime.now(UTC)
        if path == "/add-log":
            self._mirror.add_log(body.decode("utf-8", "replace"))
            return Reply(self._mirror.vkey.encode())
        if path == "/add-checkpoint":
            try:
                self._mirror.add_checkpoint(body, now)
            except NotNextError as refusal:
                return Reply(b"%d\n" % refusal.info.pending, mirror_wire.SIZE, HTTPStatus.CONFLICT)
            return Reply(b"")
        try:
            answer = self._mirror.add_entries(body, now)
        except NotNextError as refusal:
            return Reply(mirror_wire.dump_info(refusal.info), mirror_wire.INFO, HTTPStatus.CONFLICT)
        if isinstance(answer, bytes):
            return Reply(answer)
        return Reply(mirror_wire.dump_info(answer), mirror_wire.INFO, HTTPStatus.ACCEPTED)

    def _read(self, origin_hash: str, what: str) -> Reply:
        self._mirror.publish()
        for origin, log in self._mirror.logs.items():
            if folder_name(origin) == origin_hash and log.state.note is not None:
                if what == "checkpoint":
                    return Reply(log.stored.reader.checkpoint())
                tile = parse_path(what)
                if tile is None or tile.width > width_at(tile.level, tile.index, log.stored.published):
                    raise VaultRefused("unknown_tile", "there is no such tile")
                return Reply(log.stored.reader.tile(tile), "application/octet-stream")
        raise VaultRefused("unknown_log", "there is no such log here")

    async def _publish(self) -> None:
        while True:
            await asyncio.sleep(_PUBLISH_EVERY)
            await self._in_thread(self._mirror.publish)

    async def _in_thread(self, work: Callable[..., T], *values: object) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work, *values)
        except BaseException as error:
            if self._mirror.in_doubt:
                self._fatal(error)
            raise


def _plain(scope: Scope, body: bytes) -> bytes:
    """The body without the gzip that C2SP has a mirror accept, in bounded memory."""
    encodings = [value for name, value in scope["headers"] if name == b"content-encoding"]
    if not encodings or encodings == [b"identity"]:
        return body
    if encodings != [b"gzip"]:
        raise VaultRefused("bad_request", "a body is plain or gzip")
    unpacked = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    try:
        plain = unpacked.decompress(body, mirror_wire.MAX_BODY)
    except zlib.error:
        raise VaultRefused("bad_request", "the body is not gzip") from None
    if unpacked.unconsumed_tail:
        raise VaultRefused("too_large", f"a body is at most {mirror_wire.MAX_BODY} bytes long")
    if not unpacked.eof or unpacked.unused_data:
        raise VaultRefused("bad_request", "the body is not one gzip stream")
    return plain


def _refuse(refusal: VaultRefused) -> Reply:
    status = _STATUS.get(refusal.code, HTTPStatus.NOT_FOUND)
    body = json.dumps({"code": refusal.code, "text": refusal.text}).encode()
    return Reply(body, "application/json", status)
