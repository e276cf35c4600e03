"""The timestamp authority over HTTP: plain ASGI in a process of its own (RFC 3161 §3.4 and a batch form)."""

import asyncio
import hashlib
import hmac
import json
import logging
import signal
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server.embed import Server

from emarge.proof.timestamping import messages
from emarge.proof.timestamping.authority import Authority
from emarge.proof.timestamping.clock import Clock, ComparedClock, Reading, SystemClock, stamp
from emarge.proof.timestamping.comparison import Schedule
from emarge.proof.timestamping.der import DerError
from emarge.proof.timestamping.errors import AuthorityError, ClockUnfit
from emarge.proof.timestamping.history import History
from emarge.proof.timestamping.messages import Failure
from emarge.proof.timestamping.sources import Source

MAX_QUERY = 8 * 1024
MAX_BATCH = 256 * 1024
BODY_SECONDS = 10.0
HEADER_MILLISECONDS = 30_000
_DIGITS = 15
_QUERY, _REPLY = "application/timestamp-query", "application/timestamp-reply"
_JSON, _PEM, _TEXT = "application/json", "application/x-pem-file", "text/plain"

Scope = Mapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_log = logging.getLogger("emarge.timestamping")


class _Answer(NamedTuple):
    status: int
    media_type: str
    body: bytes
    header: tuple[bytes, bytes] | None = None


class _Refused(Exception):  # noqa: N818 - an answer to the caller, not a fault of the program
    """The call never reached the authority."""

    def __init__(self, status: int, text: str, header: tuple[bytes, bytes] | None = None) -> None:
        super().__init__(text)
        self.answer = _Answer(status, _TEXT, text.encode() + b"\n", header)


class _Disconnected(Exception):  # noqa: N818 - the caller went away: nobody waits for an answer
    pass


class Application:
    """The ASGI application. Every call ends in an answer that says what was wrong, never in a trace."""

    def __init__(self, authority: Authority, clock: Clock, history: History) -> None:
        self._authority, self._clock, self._history = authority, clock, history
        self._since = datetime.now(UTC)
        self._routes: dict[str, tuple[str, Callable[[Scope, Receive], Awaitable[_Answer]]]] = {
            "/": ("POST", self._query),
            "/batch": ("POST", self._batch),
            "/health": ("GET", self._health),
            "/status": ("GET", self._status),
            "/history": ("GET", self._changes),
            "/certificates": ("GET", self._certificates),
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            answer = await self._route(scope, receive)
        except _Refused as refused:
            answer = refused.answer
        except _Disconnected:
            return
        except Exception:  # noqa: BLE001 - whatever happened, the caller gets an answer and no trace
            _log.exception("a call failed")
            answer = _Answer(500, _TEXT, b"The timestamp authority failed.\n")
        await _send(send, answer)

    async def _route(self, scope: Scope, receive: Receive) -> _Answer:
        method, handler = self._routes.get(scope["path"], (None, None))
        if handler is None or method is None:
            raise _Refused(404, "There is nothing at this address.")
        if scope["method"] != method:
            raise _Refused(405, f"Only {method} is possible here.", (b"allow", method.encode("ascii")))
        return await handler(scope, receive)

    async def _query(self, scope: Scope, receive: Receive) -> _Answer:
        body = await self._body(scope, receive, media_type=_QUERY, limit=MAX_QUERY)
        status, responses = self._answers([body])
        return _Answer(status, _REPLY, responses[0])

    async def _batch(self, scope: Scope, receive: Receive) -> _Answer:
        media_type = messages.BATCH_MEDIA_TYPE
        body = await self._body(scope, receive, media_type=media_type, limit=MAX_BATCH)
        try:
            requests = messages.split(body)
        except DerError as error:
            text = f"The batch cannot be cut into requests: {error}."
            return _Answer(400, media_type, messages.rejection(Failure.BAD_DATA_FORMAT, text))
        if not requests:
            rejection = messages.rejection(Failure.BAD_DATA_FORMAT, "The batch is empty.")
            return _Answer(400, media_type, rejection)
        if len(requests) > messages.BATCH_LIMIT:
            raise _Refused(413, f"A batch holds at most {messages.BATCH_LIMIT} requests.")
        status, responses = self._answers(requests)
        return _Answer(status, media_type, b"".join(responses))

    def _answers(self, requests: Sequence[bytes]) -> tuple[int, list[bytes]]:
        """The HTTP status and one response per request."""
        try:
            return 200, self._authority.answer(requests, self._clock.read())
        except ClockUnfit as unfit:
            status, refusal = 503, messages.rejection(Failure.TIME_NOT_AVAILABLE, str(unfit))
        except (OSError, AuthorityError) as error:
            _log.error("serial numbers cannot be reserved: %s", error)
            status = 500
            refusal = messages.rejection(Failure.SYSTEM_FAILURE, "Serial numbers cannot be reserved durably.")
        return status, [refusal] * len(requests)

    async def _health(self, _scope: Scope, _receive: Receive) -> _Answer:
        reading = self._clock.read()
        return _Answer(200 if reading.fit else 503, _JSON, json.dumps(_health(reading)).encode())

    async def _status(self, _scope: Scope, _receive: Receive) -> _Answer:
        """Everything that a person needs to judge the time, fit or not."""
        reading, now = self._clock.read(), datetime.now(UTC)
        refused = {failure.word: count for failure, count in sorted(self._authority.refused.items())}
        status = {
            "at": stamp(now),
            **_health(reading),
            "fit": reading.fit,
            "reason": reading.reason,
            "declared_accuracy": reading.limit.total_seconds(),
            "certificate": self._authority.describe(now),
            "tokens": {"since": stamp(self._since), "issued": self._authority.issued, "refused": refused},
            **self._clock.describe(),
            "changes": self._history.last_day(now),
        }
        return _Answer(200, _JSON, json.dumps(status).encode())

    async def _changes(self, scope: Scope, _receive: Receive) -> _Answer:
        """The changes of state after a number: a follower misses none and sees none twice."""
        number = dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)).get("after", "0")
        if not (number.isascii() and number.isdigit() and len(number) <= _DIGITS):
            raise _Refused(400, "after is the number of a change.")
        # A change is seen at the latest when somebody reads: whoever follows the changes is somebody.
        self._clock.read()
        return _Answer(200, _JSON, json.dumps(self._history.after(int(number))).encode())

    async def _certificates(self, _scope: Scope, _receive: Receive) -> _Answer:
        chain = [self._authority.root_certificate, *self._authority.certificates]
        loaded = map(x509.load_der_x509_certificate, chain)
        return _Answer(200, _PEM, b"".join(certificate.public_bytes(Encoding.PEM) for certificate in loaded))

    async def _body(self, scope: Scope, receive: Receive, *, media_type: str, limit: int) -> bytes:
        """The body of an allowed call. Raises `_Refused`."""
        headers = {name.lower(): value for name, value in scope["headers"]}
        self._check_credential(headers.get(b"authorization", b""))
        given = headers.get(b"content-type", b"").split(b";")[0].strip().lower()
        if given != media_type.encode("ascii"):
            raise _Refused(415, f"The body must be {media_type}.")
        declared_size = headers.get(b"content-length", b"0")
        if declared_size.isdigit() and int(declared_size) > limit:
            raise _Refused(413, f"The body may have at most {limit} octets.")
        try:
            async with asyncio.timeout(BODY_SECONDS):
                return await _read(receive, limit)
        except TimeoutError as error:
            raise _Refused(408, "The body did not arrive in time.") from error

    def _check_credential(self, authorization: bytes) -> None:
        expected = self._authority.credential_digest
        if expected is None:
            return
        scheme, _, credential = authorization.partition(b" ")
        digest = hashlib.sha256(credential).hexdigest()
        if scheme.lower() != b"bearer" or not hmac.compare_digest(digest, expected):
            raise _Refused(401, "This credential is not known.", (b"www-authenticate", b"Bearer"))


def _health(reading: Reading) -> dict[str, Any]:
    return {
        "state": reading.state,
        "bound": None if reading.bound == timedelta.max else reading.bound.total_seconds(),
        "sources": reading.sources,
        "policy": reading.policy,
    }


async def _read(receive: Receive, limit: int) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _Disconnected
        body += message.get("body", b"")
        if len(body) > limit:
            raise _Refused(413, f"The body may have at most {limit} octets.")
        if not message.get("more_body", False):
            return bytes(body)


async def _send(send: Send, answer: _Answer) -> None:
    headers = [
        (b"content-type", answer.media_type.encode("ascii")),
        (b"content-length", str(len(answer.body)).encode("ascii")),
        *([answer.header] if answer.header else []),
    ]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})


def serve(folder: Path, *, port: int, sources: Sequence[Source] = (), schedule: Schedule | None = None) -> None:
    """Serve the authority of a folder on loopback until SIGTERM or SIGINT. Raises `AuthorityError`.

    Without sources the system clock is declared trusted; with them, the time is what they and the quartz agree on.
    """
    with Authority.open(folder) as authority:
        authority.hold()
        authority.remind(datetime.now(UTC))
        history = History(folder)
        if not sources:
            system = SystemClock()
            history.begin(system.read())
            asyncio.run(_serve(Application(authority, system, history), port))
            return
        clock = ComparedClock(
            sources,
            schedule or Schedule(),
            on_change=history.add,
            samples=history.samples(datetime.now(UTC)),
            on_sample=history.keep_samples,
        )
        history.begin(clock.read())
        with clock:
            asyncio.run(_serve(Application(authority, clock, history), port))


async def _serve(application: Application, port: int) -> None:
    server = Server(
        application,
        address="127.0.0.1",
        port=port,
        interface=Interfaces.ASGINL,
        http=HTTPModes.http1,  # in the other modes a client that sends nothing is never cut
        http1_settings=HTTP1Settings(header_read_timeout=HEADER_MILLISECONDS),
        websockets=False,
        # It warns at each start that embedding it is experimental.
        log_level=LogLevels.error,
    )
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, server.stop)
    await server.serve()
