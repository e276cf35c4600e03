"""The HTTP interface of the vault as a raw ASGI application: docs/formats/vault-http.md. Default deny."""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs

import orjson

from emarge.proof.vault import wire
from emarge.proof.vault.collector import Collector
from emarge.proof.vault.errors import (
    StampUnavailable,
    VaultRefused,
    VaultUnavailable,
)
from emarge.proof.vault.opened import Vault
from emarge.proof.vault.reader import LogReader
from emarge.proof.vault.tiles import parse_path, width_at

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

_STATUS = {
    "bad_log": HTTPStatus.BAD_REQUEST,
    "bad_request": HTTPStatus.BAD_REQUEST,
    "bad_deposit": HTTPStatus.BAD_REQUEST,
    "no_credential": HTTPStatus.UNAUTHORIZED,
    "wrong_role": HTTPStatus.FORBIDDEN,
    "wrong_method": HTTPStatus.METHOD_NOT_ALLOWED,
    "too_slow": HTTPStatus.REQUEST_TIMEOUT,
    "uuid_reused": HTTPStatus.CONFLICT,
    "tiles_without_sequencer": HTTPStatus.CONFLICT,
    "too_large": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "internal": HTTPStatus.INTERNAL_SERVER_ERROR,
    "stamp_unavailable": HTTPStatus.SERVICE_UNAVAILABLE,
    "busy": HTTPStatus.SERVICE_UNAVAILABLE,
    "stopping": HTTPStatus.SERVICE_UNAVAILABLE,
    "mirror_unavailable": HTTPStatus.SERVICE_UNAVAILABLE,
}
BODY_SECONDS = 30.0
_TEXT = "text/plain; charset=utf-8"
_BYTES = "application/octet-stream"
_JSON = "application/json"
_LOG = r"/logs/(?P<log>[^/]{1,64})"

logger = logging.getLogger("emarge.vault")


@dataclass(frozen=True)
class Request:
    """What a handler needs: the parts of the path, the query, the body."""

    parts: dict[str, str]
    query: dict[str, list[str]]
    body: bytes

    def one(self, name: str) -> str:
        """The only value of a query parameter; VaultRefused when it is missing or repeated."""
        values = self.query.get(name, [])
        if len(values) != 1:
            raise VaultRefused("bad_request", f"the query names one {name}")
        return values[0]


@dataclass(frozen=True)
class Answer:
    body: bytes
    kind: str = _JSON
    status: int = HTTPStatus.OK


@dataclass(frozen=True)
class Route:
    method: str
    path: "re.Pattern[str]"
    roles: frozenset[str]
    handler: Callable[[Request], Awaitable[Answer]]


class Application:
    """Answers requests on an opened vault. ``fatal`` is called once when a log can no longer be written."""

    def __init__(self, vault: Vault, fatal: Callable[[BaseException], None]) -> None:
        self._vault = vault
        self._fatal = fatal
        self._collectors: dict[str, Collector] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._opening = asyncio.Lock()
        self._routes = [
            self._route("POST", _LOG, "opener", self._open),
            self._route("POST", _LOG + "/deposit", "writer", self._deposit),
            self._route("GET", _LOG + "/checkpoint", "writer reader", self._checkpoint),
            self._route("GET", _LOG + "/vkey", "opener writer reader", self._vkey),
            self._route("GET", _LOG + "/cosigners", "opener writer reader", self._cosigners),
            self._route("GET", _LOG + "/count", "writer reader", self._count),
            self._route("GET", _LOG + "/find", "reader", self._find),
            self._route("POST", _LOG + "/read", "reader", self._read),
            self._route("GET", _LOG + "/(?P<tile>tile/.{1,80})", "reader", self._tile),
        ]
        for name in vault.writers:
            self._collect(name)

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
        await send({"type": "http.response.start", "status": int(answer.status), "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})

    async def stop(self) -> None:
        """Finish what was taken, take nothing more."""
        for collector in self._collectors.values():
            collector.stop()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        method, path = scope["method"], scope["path"]
        if (method, path) == ("GET", "/health"):
            return Answer(orjson.dumps({"status": "ok"} | self._mirror()))
        role = self._role(scope)
        found = [(route, match) for route in self._routes if (match := route.path.fullmatch(path))]
        if not found:
            raise VaultRefused("unknown_path", "there is nothing at this path")
        route, match = found[0]
        if route.method != method:
            raise VaultRefused("wrong_method", f"this path answers {route.method} only")
        if role not in route.roles:
            raise VaultRefused("wrong_role", "this credential does not open this path")
        query = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True, max_num_fields=10)
        body = await read_body(scope, receive, wire.MAX_BODY) if method == "POST" else b""
        return await route.handler(Request(match.groupdict(), query, body))

    def _role(self, scope: Scope) -> str:
        values = [value for name, value in scope["headers"] if name == b"authorization"]
        scheme, _, credential = values[0].decode("latin-1").partition(" ") if len(values) == 1 else ("", "", "")
        role = self._vault.role(credential) if scheme.lower() == "bearer" else None
        if role is None:
            raise VaultRefused("no_credential", "this needs a credential of the vault")
        return role

    async def _open(self, request: Request) -> Answer:
        name = request.parts["log"]
        async with self._opening:
            writer = await asyncio.to_thread(self._vault.open_log, name)
            if name not in self._collectors:
                self._collect(name)
        return Answer(writer.log.vkey.encode(), _TEXT)

    async def _deposit(self, request: Request) -> Answer:
        collector = self._collector(request)
        receipts = await collector.deposit(wire.load_deposits(request.body))
        return Answer(wire.dump_receipts(receipts))

    async def _checkpoint(self, request: Request) -> Answer:
        reader, _ = await self._reader(request)
        return Answer(await asyncio.to_thread(reader.checkpoint), _TEXT)

    async def _vkey(self, request: Request) -> Answer:
        return Answer(self._collector(request).writer.log.vkey.encode(), _TEXT)

    async def _cosigners(self, request: Request) -> Answer:
        return Answer(orjson.dumps({"cosigners": self._collector(request).writer.log.cosigners}))

    async def _count(self, request: Request) -> Answer:
        _, size = await self._reader(request)
        return Answer(orjson.dumps({"count": size}))

    async def _find(self, request: Request) -> Answer:
        collector, label = self._collector(request), request.one("label")
        found = await asyncio.to_thread(self._vault.sequencer.find, collector.writer.log.name, label)
        await collector.settled()
        return Answer(orjson.dumps({"indexes": found}))

    async def _read(self, request: Request) -> Answer:
        reading = wire.load_reading(request.body)
        reader, published = await self._reader(request)
        size = published if reading.size is None else reading.size
        if size > published or reading.indexes[-1] >= size:
            raise VaultRefused("unknown_index", f"the log has {published} entries")
        return Answer(await asyncio.to_thread(self._gather, reader, request.parts["log"], reading, size))

    def _gather(self, reader: LogReader, log: str, reading: wire.Reading, size: int) -> bytes:
        if reading.want == "entries":
            return wire.dump_entries(reader.entries(reading.indexes, size))
        if reading.want == "contents":
            return wire.dump_contents(self._vault.content(log, index) for index in reading.indexes)
        return wire.dump_proofs(reader.inclusion_proofs(reading.indexes, size))

    async def _tile(self, request: Request) -> Answer:
        reader, size = await self._reader(request)
        tile = parse_path(request.parts["tile"])
        if tile is None or tile.width > width_at(tile.level, tile.index, size):
            raise VaultRefused("unknown_tile", "there is no such tile")
        return Answer(await asyncio.to_thread(reader.tile, tile), _BYTES)

    def _collector(self, request: Request) -> Collector:
        name = request.parts["log"]
        if name not in self._collectors:
            raise VaultRefused("unknown_log", "there is no such log")
        return self._collectors[name]

    async def _reader(self, request: Request) -> tuple[LogReader, int]:
        """A reader of the log and its size, once what was sequenced is published."""
        collector = self._collector(request)
        size = await collector.settled()
        return LogReader(collector.writer.log.folder), size

    def _collect(self, name: str) -> None:
        collector = self._collectors[name] = Collector(self._vault.writers[name])
        if self._vault.mirror and self._vault.mirroring:
            collector.follow(self._vault.mirror, self._vault.mirroring)
        task = asyncio.get_running_loop().create_task(collector.run())
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _mirror(self) -> dict[str, str]:
        """For /health: the worst of what the logs know of the mirror, nothing when there is none."""
        if self._vault.mirroring is None:
            return {}
        states = {one.follower.state for one in self._collectors.values() if one.follower}
        return {"mirror": next((state for state in ("unavailable", "behind") if state in states), "held")}

    def _ended(self, task: "asyncio.Task[None]") -> None:
        if not task.cancelled() and (error := task.exception()):
            self._fatal(error)

    @staticmethod
    def _route(method: str, path: str, roles: str, handler: Callable[[Request], Awaitable[Answer]]) -> Route:
        return Route(method, re.compile(path, re.ASCII), frozenset(roles.split()), handler)


def _refuse(code: str, text: str) -> Answer:
    status = _STATUS.get(code, HTTPStatus.NOT_FOUND)
    return Answer(orjson.dumps({"code": code, "text": text}), status=status)


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
