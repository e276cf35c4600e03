"""The witness's own process and its HTTP interface: docs/formats/witness.md."""

import asyncio
import re
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path

from emarge.proof.vault.asgi import Fatal, Receive, Scope, answer, read_body
from emarge.proof.vault.errors import VaultRefused
from emarge.proof.vault.mirror import cosigner, cosigner_http, wire
from emarge.proof.vault.mirror.cosigner_http import Reply
from emarge.proof.vault.witness.witness import NotNextError, Witness

MAX_BODY = 64 * 1024
_WRITES = ("/add-log", "/add-checkpoint")
_READ = re.compile(r"/([0-9a-f]{64})/checkpoint", re.ASCII)


def serve(folder: Path, *, port: int) -> None:
    """Serve a witness until SIGTERM or SIGINT; raises what opening raised, or what made it stop."""
    witness = Witness(folder)
    try:
        asyncio.run(answer(lambda fatal: Application(witness, fatal), port))
    finally:
        witness.close()


class Application(cosigner_http.Application):
    """Answers requests on an opened witness."""

    def __init__(self, witness: Witness, fatal: Fatal) -> None:
        super().__init__(witness, fatal)
        self._witness = witness

    def _wanted(self, path: str) -> tuple[str, str] | None:
        if path in _WRITES:
            return "POST", "vault"
        return ("GET", "reader") if _READ.fullmatch(path) else None

    async def _answer(self, scope: Scope, receive: Receive) -> Reply:
        path = scope["path"]
        if read := _READ.fullmatch(path):
            return await self._in_thread(self._read, read[1])
        body = await read_body(scope, receive, MAX_BODY)
        return await self._in_thread(self._write, path, body)

    def _write(self, path: str, body: bytes) -> Reply:
        if path == "/add-log":
            self._witness.add_log(body.decode("utf-8", "replace"))
            return Reply(self._witness.identity.vkey.encode())
        try:
            return Reply(self._witness.add_checkpoint(body, datetime.now(UTC)))
        except NotNextError as refusal:
            return Reply(b"%d\n" % refusal.size, wire.SIZE, HTTPStatus.CONFLICT)

    def _read(self, origin_hash: str) -> Reply:
        for origin, log in self._witness.logs.items():
            if cosigner.folder_name(origin) == origin_hash and log.note:
                return Reply(log.note + log.line)
        raise VaultRefused("unknown_log", "there is no such log here")
