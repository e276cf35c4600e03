"""The vault's own process: recovers every log, then answers on loopback until it is told to stop."""

import asyncio
import logging
import signal
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server.embed import Server

from emarge.proof.vault.dating import Dating
from emarge.proof.vault.destroyer import unreadable
from emarge.proof.vault.destruction import TokenTime
from emarge.proof.vault.http import Application, Receive, Scope, Send
from emarge.proof.vault.journalling import Now
from emarge.proof.vault.mirror_client import MirrorClient
from emarge.proof.vault.opened import Vault
from emarge.proof.vault.witness_client import WitnessClient
from emarge.proof.vault.writer import Stamp

_HOST = "127.0.0.1"
HEADER_MILLISECONDS = 30_000

Fatal = Callable[[BaseException], None]

logger = logging.getLogger("emarge.vault")


def serve(
    folder: Path,
    *,
    port: int,
    stamp: Stamp,
    mirror: MirrorClient | None = None,
    token_time: TokenTime = unreadable,
    witnesses: Mapping[str, WitnessClient] | None = None,
    now: Now | None = None,
    dating: Dating | None = None,
) -> None:
    """Serve a vault until SIGTERM or SIGINT; ``stamp`` turns SHA-256 digests into timestamp tokens.

    ``mirror`` reaches the mirror of a vault that has one, ``witnesses`` its witnesses, by verifier key; ``token_time``
    reads the time of a token, ``now`` tells the time of the journal; ``dating`` is the service that dates checkpoints
    beside the authority, if any.

    Raises VaultRefused when there is no vault or another process has it, CorruptVault when a log cannot be
    recovered, and DurabilityLost or CorruptVault when writing failed: the caller ends the process then.
    """
    vault = Vault(folder, stamp, mirror, token_time, witnesses, dating=dating)
    try:
        asyncio.run(answer(lambda fatal: Application(vault, fatal, now or _system_clock), port))
    finally:
        vault.close()


def _system_clock() -> datetime:
    return datetime.now(UTC)


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
