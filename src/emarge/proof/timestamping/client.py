"""Asks the timestamp authority for tokens, many in one round trip (docs/formats/timestamping.md, *HTTP*)."""

import secrets
from collections.abc import Sequence
from types import TracebackType
from typing import Self

import httpx

from emarge.proof.timestamping import messages, tokens
from emarge.proof.timestamping.der import DerError
from emarge.proof.timestamping.errors import TimestampError, TimestampUnavailable
from emarge.proof.timestamping.messages import RejectedError

_TIMEOUT = httpx.Timeout(10, connect=2)
_NONCE_BITS = 64
_ANSWERED = {httpx.codes.OK, httpx.codes.SERVICE_UNAVAILABLE}


class TimestampClient:
    """A kept-alive connection to one authority. May be used by several threads."""

    def __init__(self, url: str, credential: str | None = None) -> None:
        headers = {"Content-Type": messages.BATCH_MEDIA_TYPE}
        if credential is not None:
            headers["Authorization"] = f"Bearer {credential}"
        # The environment's proxies and .netrc have no business between two processes of one installation.
        self._http = httpx.Client(base_url=url, headers=headers, timeout=_TIMEOUT, trust_env=False)

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
        nonces = [secrets.randbits(_NONCE_BITS) for _ in digests]
        requests = [messages.build_request(digest, nonce=nonce) for digest, nonce in zip(digests, nonces, strict=True)]
        responses = self._post(b"".join(requests))
        if len(responses) != len(digests):
            raise TimestampUnavailable("The timestamp authority answered another number of requests.")
        return [
            _checked(response, digest, nonce)
            for response, digest, nonce in zip(responses, digests, nonces, strict=True)
        ]

    def _post(self, body: bytes) -> list[bytes]:
        try:
            answer = self._http.post("/batch", content=body)
        except httpx.HTTPError as error:
            raise TimestampUnavailable(f"The timestamp authority does not answer: {error}.") from error
        if answer.status_code not in _ANSWERED:
            raise TimestampUnavailable(f"The timestamp authority answered {answer.status_code}.")
        try:
            return messages.split(answer.content)
        except DerError as error:
            raise TimestampUnavailable(f"The timestamp authority's answer cannot be read: {error}.") from error

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _checked(response: bytes, digest: bytes, nonce: int) -> bytes:
    """The token of a response, once it answers this very request."""
    try:
        token = messages.read_response(response)
        info = tokens.read_token(token).info
    except RejectedError as error:
        raise TimestampUnavailable(f"The timestamp authority refused: {error}") from error
    except (DerError, TimestampError) as error:
        raise TimestampUnavailable(f"The timestamp authority's answer cannot be read: {error}.") from error
    if info.digest != digest or info.nonce != nonce:
        raise TimestampUnavailable("The timestamp authority answered another request.")
    return token
