"""Speaks to a mirror: docs/formats/mirror.md."""

from http import HTTPStatus

from emarge.proof.link import Answer, Link, LinkError
from emarge.proof.vault.errors import VaultRefused, VaultUnavailable
from emarge.proof.vault.mirror import wire
from emarge.proof.vault.mirror.wire import Info, Upload

_TIMEOUT = 5.0  # seconds
_CONNECT = 2.0  # seconds


class SecondHistoryError(Exception):
    """The mirror holds another history of the log than this one. The text says what it answered."""


class MirrorClient:
    """The vault's credential on one mirror, over kept connections.

    Every call raises VaultUnavailable when the mirror cannot answer now, and VaultRefused when it will not.
    """

    def __init__(self, url: str, credential: str) -> None:
        headers = {"Authorization": f"Bearer {credential}"}
        self._link = Link(url, headers, connect=_CONNECT, timeout=_TIMEOUT)

    def close(self) -> None:
        self._link.close()

    def add_log(self, vkey: str) -> str:
        """Have a log mirrored; the mirror's verifier key."""
        answer = self._post("/add-log", vkey.encode())
        if answer.status == HTTPStatus.OK:
            return _text(answer)
        raise _refusal(answer)

    def add_checkpoint(self, old_size: int, proof: list[bytes], note: bytes) -> int | None:
        """Make a checkpoint pending; None when it is, else the size of the one that is pending instead.

        Raises SecondHistoryError when the mirror says that it does not extend that one.
        """
        answer = self._post("/add-checkpoint", wire.dump_checkpoint(old_size, proof, note))
        if answer.status == HTTPStatus.OK:
            return None
        if answer.status == HTTPStatus.UNPROCESSABLE_ENTITY:
            raise SecondHistoryError("the mirror holds another history: this one does not extend it")
        if answer.status != HTTPStatus.CONFLICT:
            raise _refusal(answer)
        return wire.number(_text(answer).removesuffix("\n"))

    def add_entries(self, upload: Upload) -> bytes | Info:
        """Send entries; the cosignature lines when the mirror has all, else where it stands.

        Raises SecondHistoryError when they do not lead to the pending checkpoint.
        """
        return _standing(self._post("/add-entries", wire.dump_entries(upload)))

    def add_destroyed(self, certificate: bytes, upload: Upload) -> bytes | Info:
        """Send hashes in the place of entries that were destroyed; answers as ``add_entries``."""
        return _standing(self._post("/add-destroyed", wire.dump_destroyed(certificate, upload)))

    def add_destruction(self, certificate: bytes) -> None:
        """Show a destruction certificate: the mirror has forgotten the same entries when this returns.

        Raises VaultUnavailable while it does not hold every hash yet.
        """
        answer = self._post("/add-destruction", certificate)
        if answer.status == HTTPStatus.CONFLICT:
            raise VaultUnavailable("the mirror does not hold what was destroyed yet")
        if answer.status != HTTPStatus.OK:
            raise _refusal(answer)

    def _post(self, path: str, body: bytes) -> Answer:
        try:
            answer = self._link.post(path, body)
        except LinkError as error:
            raise VaultUnavailable(f"the mirror does not answer: {error}") from error
        if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise VaultUnavailable(f"the mirror answers {answer.status}")
        return answer


def _text(answer: Answer) -> str:
    return answer.body.decode("utf-8", "replace")


def _standing(answer: Answer) -> bytes | Info:
    if answer.status == HTTPStatus.OK:
        return answer.body
    if answer.status == HTTPStatus.UNPROCESSABLE_ENTITY:
        raise SecondHistoryError("the entries on this disk are not those that the log signed")
    if answer.status in {HTTPStatus.ACCEPTED, HTTPStatus.CONFLICT}:
        return wire.load_info(answer.body)
    raise _refusal(answer)


def _refusal(answer: Answer) -> VaultRefused:
    return VaultRefused("mirror_refused", f"the mirror answers {answer.status}: {_text(answer)[:200]}")
