"""Speaks to a witness, ours or any other of C2SP ``tlog-witness``: docs/formats/witness.md."""

from http import HTTPStatus

import httpx

from emarge.proof.vault.errors import VaultRefused, VaultUnavailable
from emarge.proof.vault.mirror import wire
from emarge.proof.vault.mirror.client import SecondHistoryError

PATIENCE = 2.0  # seconds, for each step of a request


class WitnessClient:
    """One witness, over a kept connection; ``credential`` is None for a witness that asks for none.

    Every call raises VaultUnavailable when the witness cannot answer now, and VaultRefused when it will not.
    """

    def __init__(self, url: str, credential: str | None) -> None:
        headers = {} if credential is None else {"authorization": f"Bearer {credential}"}
        self._http = httpx.Client(base_url=url, headers=headers, timeout=PATIENCE, trust_env=False)

    def close(self) -> None:
        self._http.close()

    def add_checkpoint(self, log_vkey: str, old_size: int, proof: list[bytes], note: bytes) -> bytes | int:
        """Have a checkpoint cosigned: its lines, or the size of the one that was cosigned last instead.

        A witness that does not know the log yet is told its key. Raises SecondHistoryError when the witness says
        that the checkpoint does not extend what it has cosigned.
        """
        body = wire.dump_checkpoint(old_size, proof, note)
        answer = self._post("/add-checkpoint", body)
        if answer.status_code == HTTPStatus.NOT_FOUND and self._post("/add-log", log_vkey.encode()).is_success:
            answer = self._post("/add-checkpoint", body)
        if answer.is_success:
            return answer.content
        if answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY:
            raise SecondHistoryError("it has cosigned another history: this one does not extend it")
        if answer.status_code == HTTPStatus.CONFLICT:
            return wire.number(answer.text.removesuffix("\n"))
        raise VaultRefused("witness_refused", f"it answers {answer.status_code}: {answer.text[:200]}")

    def _post(self, path: str, body: bytes) -> httpx.Response:
        try:
            answer = self._http.post(path, content=body)
        except httpx.HTTPError as error:
            raise VaultUnavailable(f"it does not answer: {type(error).__name__}") from error
        if answer.is_server_error:
            raise VaultUnavailable(f"it answers {answer.status_code}")
        return answer
