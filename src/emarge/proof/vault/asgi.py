"""How the processes of the vault, of a mirror and of a witness listen on loopback, take a body, send an answer."""

import asyncio
import logging
import signal
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server.embed import Server

from emarge.proof.vault.errors import VaultRefused

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Fatal = Callable[[BaseException], None]

_HOST = "127.0.0.1"
HEADER_MILLISECONDS = 30_000
BODY_SECONDS = 30.0
SEND_SECONDS = 30.0
_PIECE = 64 * 1024  # bytes

logger = logging.getLogger("emarge.vault")


class Stoppable(Protocol):
    """An ASGI application that can finish what it has taken."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None: ...

    async def stop(self) -> None: ...


async def answer(make: Callable[[Fatal], Stoppable], port: int) -> None:
    """Serve the application that ``make`` gives, on loopback, until SIGTERM or SIGINT.

    ``make`` is handed a function that stops the server for good; what it is called with is raised at the end.
    """
    failures: list[BaseException] = []

    def fail(error: BaseException) -> None:
        logger.critical("the process stops: %s", error)
        failures.append(error)
        server.stop()

    application = make(fail)
    server = Server(
        application,
        address=_HOST,
        port=port,
        interface=Interfaces.ASGINL,
        backlog=1024,
        http=HTTPModes.http1,  # in the other modes a client that sends nothing is never cut
        http1_settings=HTTP1Settings(header_read_timeout=HEADER_MILLISECONDS),
        websockets=False,
        log_level=LogLevels.error,
    )
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, server.stop)
    await server.serve()
    await application.stop()
    if failures:
        raise failures[0]


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
