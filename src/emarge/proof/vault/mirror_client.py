"""Speaks to a mirror: docs/formats/mirror.md."""

from http import HTTPStatus

import httpx

from emarge.proof.vault import mirror_wire
from emarge.proof.vault.errors import VaultRefused, VaultUnavailable
from emarge.proof.vault.mirror_wire import Info, Upload

_TIMEOUT = 5.0  # seconds
_CONNECT = 2.0  # seconds


class SecondHistoryError(Exception):
    """The mirror holds another history of the log than this one. The text says what it answered."""


class MirrorClient:
    """The vault's credential on one mirror, over kept connections.

    Every call raises VaultUnavailable when the mirror cannot answer now, and VaultRefused when it will not.
    """

    def __init__(self, url: str, credential: str) -> None:
        self._http = httpx.Client(
            base_url=url,
            headers={"authorization": f"Bearer {credential}"},
            timeout=httpx.Timeout(_TIMEOUT, connect=_CONNECT),
            trust_env=False,
        )

    def close(self) -> None:
        self._http.close()

    def add_log(self, vkey: str) -> str:
        """Have a log mirrored; the mirror's verifier key."""
        answer = self._post("/add-log", vkey.encode())
        if answer.is_success:
            return answer.text
        raise _refusal(answer)

    def add_checkpoint(self, old_size: int, proof: list[bytes], note: bytes) -> int | None:
        """Make a checkpoint pending; None when it is, else the size of the one that is pending instead.

        Raises SecondHistoryError when the mirror says that it does not extend that one.
        """
        answer = self._post("/add-checkpoint", mirror_wire.dump_checkpoint(old_size, proof, note))
        if answer.is_success:
            return None
        if answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY:
            raise SecondHistoryError("the mirror holds another history: this one does not extend it")
        if answer.status_code != HTTPStatus.CONFLICT:
            raise _refusal(answer)
        return mirror_wire.number(answer.text.removesuffix("\n"))

    def add_entries(self, upload: Upload) -> bytes | Info:
        """Send entries; the cosignature lines when the mirror has all, else where it stands.

        Raises SecondHistoryError when they do not lead to the pending checkpoint.
        """
        answer = self._post("/add-entries", mirror_wire.dump_entries(upload))
        if answer.status_code == HTTPStatus.OK:
            return answer.content
        if answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY:
            raise SecondHistoryError("the entries on this disk are not those that the log signed")
        if answer.status_code in {HTTPStatus.ACCEPTED, HTTPStatus.CONFLICT}:
            return mirror_wire.load_info(answer.content)
        raise _refusal(answer)

    def _post(self, path: str, body: bytes) -> httpx.Response:
        try:
            answer = self._http.post(path, content=body)
        except httpx.HTTPError as error:
            raise VaultUnavailable(f"the mirror does not answer: {type(error).__name__}") from error
        if answer.is_server_error:
            raise VaultUnavailable(f"the mirror answers {answer.status_code}")
        return answer


def _refusal(answer: httpx.Response) -> VaultRefused:
    return VaultRefused("mirror_refused", f"the mirror answers {answer.status_code}: {answer.text[:200]}")
