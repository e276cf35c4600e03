"""The functions of the vault about dated checkpoints: docs/formats/vault-http.md."""

import asyncio
from collections.abc import Callable, Sequence

import orjson

from emarge.proof.vault.errors import VaultRefused
from emarge.proof.vault.service import wire
from emarge.proof.vault.service.serving import Answer, Request, Serving
from emarge.proof.vault.storage.dated import DatedCheckpoint
from emarge.proof.vault.storage.reader import LogReader


async def sizes(serving: Serving, request: Request) -> Answer:
    await serving.reader(request.log)
    return Answer(orjson.dumps({"sizes": await asyncio.to_thread(serving.vault.dated(request.log).sizes)}))


async def read(serving: Serving, request: Request) -> Answer:
    wanted, size = wire.load_sizes(request.body)
    reader, published = await serving.reader(request.log)
    if size is None:
        kept = serving.vault.dated(request.log)
        return Answer(wire.dump_dated(await asyncio.to_thread(_all, kept.read, wanted)))
    if size > published or wanted[-1] >= size:
        raise VaultRefused("unknown_size", f"the log has {published} entries")
    return Answer(wire.dump_proofs(await asyncio.to_thread(_growth, reader, wanted, size)))


def _all(read_one: Callable[[int], DatedCheckpoint], wanted: Sequence[int]) -> list[DatedCheckpoint]:
    return [read_one(size) for size in wanted]


def _growth(reader: LogReader, wanted: Sequence[int], size: int) -> list[list[bytes]]:
    return [reader.consistency_proof(old, size) for old in wanted]
