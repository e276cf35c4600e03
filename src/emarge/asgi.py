"""One ASGI application: live streams are coroutines, all other pages Django's WSGI handler in a thread pool.

The choice and its figures are in docs/decisions/0007-asgi-and-live.md.
"""

import asyncio
import random
import re
import signal
import threading
from collections.abc import Awaitable, Callable, MutableMapping
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from a2wsgi import WSGIMiddleware
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server.embed import Server

from emarge.accounts.actions import forget_ended_sessions
from emarge.attendance.live_between import listen
from emarge.audit.chores import Chores
from emarge.audit.relay import Relay
from emarge.lib.turns import NoTurnError, Turns
from emarge.retention.jobs import carry_out
from emarge.spaces.live import TOPIC
from emarge.spaces.streams import Streams, Watcher
from emarge.spaces.students import arrival
from emarge.spaces.students import hall as hall_path

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

THREADS = 8
# Argon2 is CPU, and 19 MiB each. Who waits holds no thread, so that all other pages keep theirs (0023).
LOGINS_AT_ONCE = 2
LOGINS_WAITING = 2000
LOGIN_SECONDS = 55.0
PIECE = 64 * 1024  # bytes
HEARTBEAT_SECONDS = 15.0
BODY_SECONDS = 30.0
SEND_SECONDS = 30.0
HEADER_MILLISECONDS = 30_000
# Between two questions whether somebody may still watch, at random: those who came together do not ask together.
CHECK_SECONDS = (90.0, 150.0)
# Above its own limit Django answers with a page; beyond eight times that, the rest is not even read.
MAX_BODY = 8 * settings.DATA_UPLOAD_MAX_MEMORY_SIZE

_LIVE = re.compile(r"/live/(meetings/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|base)")
_LOGIN = "/login"
_ARRIVED, _BUSY = b"x-emarge-arrived", b"x-emarge-busy"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_JSON_HEADERS = [
    (b"content-type", b"application/json"),
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
]
_STREAM_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
]


class Application:
    """The ASGI application. ``stop`` ends its streams, so that the server can finish."""

    def __init__(self) -> None:
        # Any: its own types are stricter than what an ASGI server hands over
        self._pages: Any = WSGIMiddleware(cast("Any", WSGIHandler()), workers=THREADS)
        self._hall = hall_path.Hall()
        self._logins = Turns(at_once=LOGINS_AT_ONCE, waiting=LOGINS_WAITING, seconds=LOGIN_SECONDS)
        self._arrival = arrival.Arrival()
        self._streams = Streams()
        self._stopping = asyncio.Event()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        arrived_at = datetime.now(UTC)
        if scope["type"] != "http":
            raise NotImplementedError(scope["type"])
        if scope["path"] == "/health":
            await _answer(send, 200, b"ok\n")
            return
        live = _LIVE.fullmatch(scope["path"])
        if live is not None and scope["method"] == "GET":
            await self._watch(_with_arrival(scope, arrived_at), receive, send)
            return
        if scope["method"] == "GET" and await self._answer_arrival(scope, arrived_at, send):
            return
        hall = hall_path.is_meant(scope, dict(scope["headers"]))
        try:
            body = await _body_of(scope, receive, MAX_BODY if hall is None else hall_path.MAX_BODY)
        except TimeoutError:
            await _answer(send, 408, b"The request did not arrive in time.\n")
        except _BodyTooLargeError:
            await _answer(send, 413, b"The request is too large.\n")
        except _GoneError:
            return
        else:
            if hall is not None:
                await self._answer_hall(hall, body, scope, arrived_at, send)
            else:
                await self._answer_page(_with_arrival(scope, arrived_at), body, send)

    async def _answer_page(self, scope: Message, body: bytes, send: Send) -> None:
        """Django's answer. A login waits for its turn; when there is none, its own page says to try again."""
        if scope["method"] != "POST" or scope["path"] != _LOGIN:
            await self._pages(scope, _replay(body), _patient(send))
            return
        try:
            async with self._logins.turn():
                await self._pages(scope, _replay(body), _patient(send))
        except NoTurnError:
            busy = {**scope, "headers": [*scope["headers"], (_BUSY, b"1")]}
            await self._pages(busy, _replay(body), _patient(send))

    async def _answer_hall(
        self, found: re.Match[str], body: bytes, scope: Message, arrived_at: datetime, send: Send
    ) -> None:
        """Answer a scan or a signature without Django's stack (spaces/students/hall.py)."""
        headers = dict(scope["headers"])
        secure = settings.BEHIND_PROXY and headers.get(b"x-forwarded-proto") == b"https"
        address = _address_of(scope, headers)
        read = hall_path.read(found, headers, body, secure=secure, address=address, at=arrived_at)
        reply = await self._hall.answer(read) if isinstance(read, hall_path.Posted) else read
        told = [*_JSON_HEADERS, *reply.headers]
        await send({"type": "http.response.start", "status": reply.status, "headers": told})
        await send({"type": "http.response.body", "body": reply.body})

    async def _answer_arrival(self, scope: Message, arrived_at: datetime, send: Send) -> bool:
        """Answer the address of a QR code when that is simple (spaces/students/arrival.py); whether it was."""
        found = arrival.PATH.fullmatch(scope["path"])
        if found is None:
            return False
        headers = dict(scope["headers"])
        address = _address_of(scope, headers)
        page = await self._arrival.answer(found, headers, scope["query_string"], address=address, at=arrived_at)
        if page is None:
            return False
        told, body = page
        await send({"type": "http.response.start", "status": 200, "headers": told})
        await send({"type": "http.response.body", "body": body})
        return True

    def stop(self) -> None:
        """End every stream, now and from now on."""
        self._stopping.set()
        self._streams.close()

    def close(self) -> None:
        """Finish what was begun, once the server answers no more."""
        self._hall.close()

    async def _watch(self, scope: Message, receive: Receive, send: Send) -> None:
        """Ask Django whether the person may watch; stream if so, else give Django's answer."""
        verdict = await self._ask(scope)
        topic = _topic_of(verdict)
        if topic is None:
            for message in verdict:
                await send(message)
            return
        streams, of_base = self._streams, scope["path"] == "/live/base"
        watcher = streams.watch_base(topic) if of_base else streams.watch_meeting(topic)
        try:
            await self._stream(watcher, scope, receive, send)
        finally:
            streams.leave(topic, watcher)

    async def _ask(self, scope: Message) -> list[Message]:
        """What a page would answer to the request."""
        answer: list[Message] = []

        async def keep(message: Message) -> None:
            answer.append(message)

        await self._pages(scope, _replay(b""), keep)
        return answer

    async def _stream(self, watcher: Watcher, scope: Message, receive: Receive, send: Send) -> None:
        """Server-sent events until the client leaves, the server stops or the person may watch no longer."""
        ends = [asyncio.create_task(each) for each in (_gone(receive), self._stopping.wait(), self._barred(scope))]
        for end in ends:
            end.add_done_callback(lambda _: watcher.end())
        try:
            await send({"type": "http.response.start", "status": 200, "headers": _STREAM_HEADERS})
            body = b"retry: 2000\n\n"
            while body:
                async with asyncio.timeout(SEND_SECONDS):
                    await send({"type": "http.response.body", "body": body, "more_body": True})
                body = await watcher.events(HEARTBEAT_SECONDS)
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        except TimeoutError:
            pass  # a reader that takes nothing is left: the browser connects again
        finally:
            for end in ends:
                end.cancel()
            await asyncio.gather(*ends, return_exceptions=True)

    async def _barred(self, scope: Message) -> None:
        """Return once the person may watch no longer: the session or the right ended."""
        while True:
            await asyncio.sleep(random.uniform(*CHECK_SECONDS))  # noqa: S311 - spreads work, guards nothing
            if _topic_of(await self._ask(scope)) is None:
                return


def _topic_of(verdict: list[Message]) -> str | None:
    """What the person may watch, as spaces/live.py answered; None when that is nothing."""
    if verdict[0]["status"] != 204:  # noqa: PLR2004 - its yes
        return None
    headers = {bytes(name).lower(): bytes(value) for name, value in verdict[0]["headers"]}
    return headers[TOPIC.lower().encode()].decode()


def _address_of(scope: Message, headers: dict[bytes, bytes]) -> str:
    """The person's address: the last that a reverse proxy wrote down, else the other end of the connection."""
    if settings.BEHIND_PROXY:
        forwarded = headers.get(b"x-forwarded-for", b"").decode("latin-1").rpartition(",")[2].strip()
        if forwarded:
            return forwarded
    return str(scope["client"][0])


class _BodyTooLargeError(Exception):
    """More bytes than any page asks for."""


class _GoneError(Exception):
    """The client left before its request was complete."""


async def _body_of(scope: Message, receive: Receive, most: int) -> bytes:
    if scope["method"] in {"GET", "HEAD"}:
        return b""  # a body there has no meaning
    async with asyncio.timeout(BODY_SECONDS):
        return await _whole_body(receive, most)


async def _whole_body(receive: Receive, most: int) -> bytes:
    """The request's body, read before a thread is taken: a slow sender never holds one of the few."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _GoneError
        body += message.get("body", b"")
        if len(body) > most:
            raise _BodyTooLargeError
        if not message.get("more_body", False):
            return bytes(body)


def _with_arrival(scope: Message, arrived_at: datetime) -> Message:
    """The same request, which says when its head was read, whatever it said of that itself.

    To WSGI ``x_y`` and ``x-y`` are one header, so the first is dropped, as Django's own server and nginx do.
    """
    said = [(name, value) for name, value in scope["headers"] if name not in {_ARRIVED, _BUSY} and b"_" not in name]
    microseconds = (arrived_at - _EPOCH) // timedelta(microseconds=1)
    return {**scope, "headers": [*said, (_ARRIVED, b"%d" % microseconds)]}


def _replay(body: bytes) -> Receive:
    """A ``receive`` that gives a body already read. A coroutine function, which granian's is not."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Message:
        return messages.pop() if messages else {"type": "http.disconnect"}

    return receive


def _patient(send: Send) -> Send:
    """A ``send`` by pieces. After one that the client does not take for a while it sends nothing more, so that a
    client that never reads holds neither a thread nor memory: an answer that ends early closes the connection.
    """
    gone = False

    async def in_pieces(message: Message) -> None:
        nonlocal gone
        body = message.get("body", b"")
        last = max(len(body) - 1, 0) // PIECE * PIECE
        parts = [{**message, "body": body[start : start + PIECE], "more_body": True} for start in range(0, last, PIECE)]
        for part in [*parts, {**message, "body": body[last:]} if body else message]:
            try:
                async with asyncio.timeout(SEND_SECONDS):
                    if not gone:
                        await send(part)
            except TimeoutError:
                gone = True

    return in_pieces


async def _answer(send: Send, status: int, text: bytes) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"%d" % len(text))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": text})


async def _gone(receive: Receive) -> None:
    """Return once the client has left."""
    while (await receive())["type"] != "http.disconnect":
        pass


def serve(*, port: int, with_relay: bool) -> None:
    """Serve on loopback until SIGTERM or SIGINT, in this process: one on SQLite, any number on PostgreSQL.

    One thread hears what other processes change; with ``with_relay`` one delivers the outbox to the vault meanwhile,
    and one does what follows. All have stopped at the end.
    """
    asyncio.run(_serve(port=port, with_relay=with_relay))


async def _serve(*, port: int, with_relay: bool) -> None:
    application = Application()
    server = Server(
        application,
        address="127.0.0.1",
        port=port,
        interface=Interfaces.ASGINL,
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(header_read_timeout=HEADER_MILLISECONDS),
        websockets=False,
        backlog=1024,
        log_level=LogLevels.error,
    )
    stopped = threading.Event()
    workers = [threading.Thread(target=listen, args=(stopped,), name="live")]
    if with_relay:
        workers += [
            threading.Thread(target=Relay().run, args=(stopped,), name="relay"),
            threading.Thread(target=Chores([carry_out, forget_ended_sessions]).run, args=(stopped,), name="chores"),
        ]

    def stop() -> None:
        application.stop()
        stopped.set()
        server.stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop)
    for worker in workers:
        worker.start()
    try:
        await server.serve()
    finally:
        application.close()
        stopped.set()
        for worker in workers:
            await asyncio.to_thread(worker.join)
