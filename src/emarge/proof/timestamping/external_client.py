"""Asks an external timestamp service for tokens, and believes nothing of its answers (docs/formats/timestamping.md).

The words of what it raises are for operators; the fault of a bad token is in ``__cause__``.
"""

import logging
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import httpx

from emarge.proof.timestamping import der, external_verify, messages
from emarge.proof.timestamping.der import DerError
from emarge.proof.timestamping.errors import Fault, TimestampError, TimestampUnavailable
from emarge.proof.timestamping.messages import RejectedError

PATIENCE = 10.0  # seconds for a whole answer
PLAUSIBLE = timedelta(seconds=1)
"""How far, beyond its accuracy, a time may be from our own."""
MAX_ANSWER = 64 * 1024
MAX_TOKEN = 16_000
_NONCE_BITS = 64
_QUERY, _REPLY = "application/timestamp-query", "application/timestamp-reply"
_GRANTED = {0, 1}

_log = logging.getLogger("emarge.timestamping")


@dataclass(frozen=True)
class Service:
    """A service: its address, the roots (DER) that certify it and what completes their chains.

    ``policy`` (an OID) is required of its tokens when given; ``credential`` is the value of an Authorization header.
    """

    url: str
    roots: tuple[bytes, ...]
    chain: tuple[bytes, ...] = ()
    policy: str | None = None
    credential: str | None = None


class ServiceError(ValueError):
    """A service that cannot be asked as it is described."""


class ExternalClient:
    """A kept-alive connection to one service. May be used by several threads.

    Raises `ServiceError` when a credential would travel in clear.
    """

    def __init__(
        self,
        service: Service,
        *,
        patience: float = PATIENCE,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        here = _is_loopback(service.url)
        if service.credential and not here and urlsplit(service.url).scheme != "https":
            raise ServiceError("A credential is only sent over https.")
        self._service, self._patience, self._now = service, patience, now
        self._failing = False
        headers = {"Content-Type": _QUERY, "Accept": _REPLY, "Accept-Encoding": "identity"}
        if service.credential:
            headers["Authorization"] = service.credential
        # Out of the house the environment's proxy may be the only way; inside it has no business.
        self._http = httpx.Client(headers=headers, timeout=httpx.Timeout(patience), trust_env=not here)

    def stamp(self, digests: Sequence[bytes]) -> list[bytes]:
        """One token per SHA-256 digest, in order, one after the other so that their times follow: all or none.

        Raises `TimestampUnavailable`: no token counts, the caller asks again later.
        """
        try:
            stamped = [self._stamp(digest) for digest in digests]
        except TimestampUnavailable as error:
            if not self._failing:
                _log.critical("THE TIMESTAMP SERVICE GIVES NO TOKENS: %s", error)
            self._failing = True
            raise
        if self._failing:
            _log.warning("the timestamp service gives tokens again")
        self._failing = False
        return stamped

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    def _stamp(self, digest: bytes) -> bytes:
        nonce = secrets.randbits(_NONCE_BITS)
        query = messages.build_request(digest, nonce=nonce, policy=self._service.policy, with_certificate=True)
        before = self._now()
        answer = self._post(query)
        after = self._now()
        try:
            token = _token(answer)
            self._check(token, digest, nonce, (before, after))
        except RejectedError as error:
            raise TimestampUnavailable(f"The timestamp service refused ({error.failure.word}): {error}") from error
        except DerError as error:
            raise TimestampUnavailable(f"The timestamp service's answer cannot be read: {error}.") from error
        except TimestampError as error:
            raise TimestampUnavailable(f"The timestamp service's token is not good: {error}.") from error
        return token

    def _check(self, token: bytes, digest: bytes, nonce: int, call: tuple[datetime, datetime]) -> None:
        """Everything that a verifier checks later, and that it answers this very call. Raises `TimestampError`."""
        if len(token) > MAX_TOKEN:
            raise TimestampError(Fault.MALFORMED, f"it has more than {MAX_TOKEN} bytes")
        parts = external_verify.read(token)
        external_verify.verify(parts, digest, self._service.roots, self._service.chain)
        info = parts.info
        if info.nonce != nonce:
            raise TimestampError(Fault.OTHER_REQUEST, "it answers another request")
        if self._service.policy not in {None, info.policy}:
            raise TimestampError(Fault.OTHER_POLICY, f"it was given under {info.policy}")
        margin = info.accuracy + PLAUSIBLE
        if not call[0] - margin <= info.gen_time <= call[1] + margin:
            raise TimestampError(Fault.OTHER_TIME, f"its time is {info.gen_time:%F %T}, ours {call[1]:%F %T} UTC")

    def _post(self, query: bytes) -> bytes:
        """The body of an answer that is one of a timestamp service. Raises `TimestampUnavailable`."""
        until = time.monotonic() + self._patience
        try:
            with self._http.stream("POST", self._service.url, content=query) as answer:
                if answer.status_code != httpx.codes.OK:
                    raise TimestampUnavailable(f"The timestamp service answered {answer.status_code}.")
                kind = answer.headers.get("content-type", "").split(";")[0].strip().lower()
                if kind != _REPLY:
                    raise TimestampUnavailable("The timestamp service answered something else than a timestamp.")
                return _body(answer, until)
        except httpx.HTTPError as error:
            reason = type(error).__name__
            raise TimestampUnavailable(f"The timestamp service does not answer: {reason}.") from error


def _body(answer: Any, until: float) -> bytes:
    body = bytearray()
    for piece in answer.iter_raw():
        body += piece
        if len(body) > MAX_ANSWER:
            raise TimestampUnavailable("The timestamp service answered too much.")
        if time.monotonic() > until:
            raise TimestampUnavailable("The timestamp service answers too slowly.")
    return bytes(body)


def _token(answer: bytes) -> bytes:
    """The token of a TimeStampResp. Raises `RejectedError` on a refusal, DerError when it is none."""
    reader = der.only(answer)
    status = reader.enter(der.SEQUENCE)
    if der.integer_value(status.read(der.INTEGER)) not in _GRANTED:
        messages.read_response(answer)
        raise DerError("a refusal carries a token")
    token = reader.whole(der.SEQUENCE)
    reader.finish()
    return token


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
