"""Asks the timestamp authority for tokens, many in one round trip (docs/formats/timestamping.md, *HTTP*)."""

import hashlib
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from types import TracebackType
from typing import Self

from emarge.proof.link import Link, LinkError
from emarge.proof.timestamping import messages, tokens
from emarge.proof.timestamping.der import DerError
from emarge.proof.timestamping.errors import TimestampError, TimestampUnavailable
from emarge.proof.timestamping.messages import RejectedError
from emarge.proof.timestamping.tokens import Token, TokenFrame, TstInfo, TstInfoWriter

_TIMEOUT, _CONNECT = 10.0, 2.0  # seconds
_NONCE_BITS = 62
_ANSWERED = {HTTPStatus.OK, HTTPStatus.SERVICE_UNAVAILABLE}


class TimestampClient:
    """Kept connections to one authority. May be used by several threads."""

    def __init__(self, url: str, credential: str | None = None) -> None:
        headers = {"Content-Type": messages.BATCH_MEDIA_TYPE}
        if credential is not None:
            headers["Authorization"] = f"Bearer {credential}"
        self._latest = datetime.min.replace(tzinfo=UTC)
        self._link = Link(url, headers, connect=_CONNECT, timeout=_TIMEOUT)

    def stamp(self, digests: Sequence[bytes]) -> list[bytes]:
        """One token per SHA-256 digest, in order: all or none.

        Status, digest and nonce of each are checked; the signature is, later, with the record. Raises
        `TimestampUnavailable`: no token counts, the caller asks again later.
        """
        collected: list[bytes] = []
        for start in range(0, len(digests), messages.BATCH_LIMIT):
            collected += self._stamp_batch(digests[start : start + messages.BATCH_LIMIT])
        return collected

    def _stamp_batch(self, digests: Sequence[bytes]) -> list[bytes]:
        # Under one more bit, each takes eight octets: the requests of a batch have one length.
        nonces = [1 << _NONCE_BITS | secrets.randbits(_NONCE_BITS) for _ in digests]
        requests = [messages.build_request(digest, nonce=nonce) for digest, nonce in zip(digests, nonces, strict=True)]
        floor = self._latest
        responses = self._post(b"".join(requests))
        if len(responses) != len(digests):
            raise TimestampUnavailable("The timestamp authority answered another number of requests.")
        first, found = _checked(responses[0], digests[0], nonces[0])
        self._follow(found.info, floor)
        expected = _Expected(len(responses[0]), found)
        return [first] + [
            expected.token(number, *answered) or _checked(*answered)[0]
            for number, answered in enumerate(zip(responses[1:], digests[1:], nonces[1:], strict=True), start=1)
        ]

    def _follow(self, info: TstInfo, floor: datetime) -> None:
        """Refuse a time surely earlier than ``floor``, what was surely past when the batch was asked for.

        The folder of an authority cannot know that it was put back from an old copy; whoever holds its tokens does.
        """
        if info.gen_time + info.accuracy < floor:
            raise TimestampUnavailable("The timestamp authority's time went back: was it restored from an old copy?")
        self._latest = max(self._latest, info.gen_time - info.accuracy)

    def _post(self, body: bytes) -> list[bytes]:
        try:
            answer = self._link.post("/batch", body)
        except LinkError as error:
            raise TimestampUnavailable(f"The timestamp authority does not answer: {error}.") from error
        if answer.status not in _ANSWERED:
            raise TimestampUnavailable(f"The timestamp authority answered {answer.status}.")
        try:
            return messages.split(answer.body)
        except DerError as error:
            raise TimestampUnavailable(f"The timestamp authority's answer cannot be read: {error}.") from error

    def close(self) -> None:
        """Close the connections."""
        self._link.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Expected:
    """What the other tokens of a batch look like, the first one being known: all but the signature is foreseen.

    A token that differs may be good all the same, and is then read element by element.
    """

    def __init__(self, length: int, first: Token) -> None:
        """``length`` is that of the first response."""
        info = first.info
        self._serial = info.serial
        self._writer = TstInfoWriter(info.policy, info.gen_time, info.accuracy)
        self._frame = TokenFrame(first.sid, tokens.signing_certificate(first.certificate_digest))
        self._unsigned = length - len(first.signature)

    def token(self, number: int, response: bytes, digest: bytes, nonce: int) -> bytes | None:
        """The token in the response with this number, None when it is not the one that is expected."""
        signature = response[self._unsigned :]
        info = self._writer.write(messages.imprint_of(digest), self._serial + number, nonce)
        token = self._frame.token(info, hashlib.sha256(info).digest(), signature)
        if response != messages.granted(token):
            return None
        try:
            tokens.read_s(signature)
        except DerError:
            return None
        return token


def _checked(response: bytes, digest: bytes, nonce: int) -> tuple[bytes, Token]:
    """The token of a response, once it answers this very request, and its parts."""
    try:
        token = messages.read_response(response)
        found = tokens.read_token(token)
    except RejectedError as error:
        raise TimestampUnavailable(f"The timestamp authority refused: {error}") from error
    except (DerError, TimestampError) as error:
        raise TimestampUnavailable(f"The timestamp authority's answer cannot be read: {error}.") from error
    if found.info.digest != digest or found.info.nonce != nonce:
        raise TimestampUnavailable("The timestamp authority answered another request.")
    return token, found
