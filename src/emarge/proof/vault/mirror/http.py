"""The mirror's own process and its HTTP interface: docs/formats/mirror.md."""

import asyncio
import re
import zlib
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path

from emarge.proof.vault.asgi import Fatal, Receive, Scope, answer, read_body
from emarge.proof.vault.destruction.destroyer import unreadable
from emarge.proof.vault.destruction.plans import TokenTime
from emarge.proof.vault.errors import VaultRefused
from emarge.proof.vault.log.tiles import parse_path, width_at
from emarge.proof.vault.mirror import cosigner_http, wire
from emarge.proof.vault.mirror.cosigner import folder_name
from emarge.proof.vault.mirror.cosigner_http import Reply
from emarge.proof.vault.mirror.mirror import Mirror, NotNextError

_WRITES = ("/add-log", "/add-checkpoint", "/add-entries", "/add-destruction", "/add-destroyed")
_READ = re.compile(r"/([0-9a-f]{64})/(checkpoint|tile/.{1,80})", re.ASCII)
_PUBLISH_AFTER = 0.5  # seconds without a write


def serve(folder: Path, *, port: int, token_time: TokenTime = unreadable) -> None:
    """Serve a mirror until SIGTERM or SIGINT; raises what opening raised, or what made it stop.

    ``token_time`` reads the time of a token, without which the mirror forgets no entry.
    """
    mirror = Mirror(folder, token_time)
    try:
        asyncio.run(answer(lambda fatal: Application(mirror, fatal), port))
    finally:
        mirror.close()


class Application(cosigner_http.Application):
    """Answers requests on an opened mirror."""

    def __init__(self, mirror: Mirror, fatal: Fatal) -> None:
        super().__init__(mirror, fatal)
        self._mirror = mirror
        self._written = False
        self._publishing = asyncio.get_running_loop().create_task(self._publish())

    async def stop(self) -> None:
        """Write the tiles of what is mirrored, take nothing more."""
        self._publishing.cancel()
        if not self._mirror.in_doubt:
            await self._in_thread(self._mirror.publish)
        await super().stop()

    def _wanted(self, path: str) -> tuple[str, str] | None:
        if path in _WRITES:
            return "POST", "vault"
        return ("GET", "reader") if _READ.fullmatch(path) else None

    async def _answer(self, scope: Scope, receive: Receive) -> Reply:
        path = scope["path"]
        if read := _READ.fullmatch(path):
            return await self._in_thread(self._read, read[1], read[2])
        body = _plain(scope, await read_body(scope, receive, wire.MAX_BODY))
        self._written = True
        return await self._in_thread(self._write, path, body)

    def _write(self, path: str, body: bytes) -> Reply:
        now = datetime.now(UTC)
        if path == "/add-log":
            self._mirror.add_log(body.decode("utf-8", "replace"))
            return Reply(self._mirror.identity.vkey.encode())
        if path == "/add-checkpoint":
            try:
                self._mirror.add_checkpoint(body, now)
            except NotNextError as refusal:
                return Reply(b"%d\n" % refusal.info.pending, wire.SIZE, HTTPStatus.CONFLICT)
            return Reply(b"")
        add = self._mirror.add_destroyed if path == "/add-destroyed" else self._mirror.add_entries
        try:
            if path == "/add-destruction":
                self._mirror.add_destruction(body, now)
                return Reply(b"")
            answer = add(body, now)
        except NotNextError as refusal:
            return Reply(wire.dump_info(refusal.info), wire.INFO, HTTPStatus.CONFLICT)
        if isinstance(answer, bytes):
            return Reply(answer)
        return Reply(wire.dump_info(answer), wire.INFO, HTTPStatus.ACCEPTED)

    def _read(self, origin_hash: str, what: str) -> Reply:
        self._mirror.publish()
        for origin, log in self._mirror.logs.items():
            if folder_name(origin) == origin_hash and log.state.note is not None:
                if what == "checkpoint":
                    return Reply(log.stored.reader.checkpoint())
                tile = parse_path(what)
                if tile is None or tile.width > width_at(tile.level, tile.index, log.stored.published):
                    raise VaultRefused("unknown_tile", "there is no such tile")
                if log.destructions.has_bundle(tile):
                    raise VaultRefused("destroyed", "the entries of this bundle were destroyed")
                return Reply(log.stored.reader.tile(tile), "application/octet-stream")
        raise VaultRefused("unknown_log", "there is no such log here")

    async def _publish(self) -> None:
        while True:
            self._written = False
            await asyncio.sleep(_PUBLISH_AFTER)
            if not self._written:
                await self._in_thread(self._mirror.publish)


def _plain(scope: Scope, body: bytes) -> bytes:
    """The body without the gzip that C2SP has a mirror accept, in bounded memory."""
    encodings = [value for name, value in scope["headers"] if name == b"content-encoding"]
    if not encodings or encodings == [b"identity"]:
        return body
    if encodings != [b"gzip"]:
        raise VaultRefused("bad_request", "a body is plain or gzip")
    unpacked = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    try:
        plain = unpacked.decompress(body, wire.MAX_BODY)
    except zlib.error:
        raise VaultRefused("bad_request", "the body is not gzip") from None
    if unpacked.unconsumed_tail:
        raise VaultRefused("too_large", f"a body is at most {wire.MAX_BODY} bytes long")
    if not unpacked.eof or unpacked.unused_data:
        raise VaultRefused("bad_request", "the body is not one gzip stream")
    return plain
