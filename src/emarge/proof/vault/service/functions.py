"""The functions of the vault on the records of a log: docs/formats/vault-http.md. Who may call them: routes.py."""

import asyncio

import orjson

from emarge.proof.vault.errors import VaultRefused
from emarge.proof.vault.log.tiles import ENTRIES, WIDTH, parse_path, width_at
from emarge.proof.vault.service import metadata, wire
from emarge.proof.vault.service.serving import BYTES, TEXT, Answer, Request, Serving
from emarge.proof.vault.storage.reader import LogReader

_MAX_LIST = 1000


async def open_log(serving: Serving, request: Request) -> Answer:
    collector = await serving.open(request.log)
    return Answer(collector.writer.log.vkey.encode(), TEXT)


async def deposit(serving: Serving, request: Request) -> Answer:
    collector = serving.collector(request.log)
    receipts = await collector.deposit(wire.load_deposits(request.body))
    request.touch(receipt.index for receipt in receipts)
    return Answer(wire.dump_receipts(receipts))


async def checkpoint(serving: Serving, request: Request) -> Answer:
    reader, size = await serving.reader(request.log)
    witnesses = serving.collector(request.log).witnesses
    note = await witnesses.checkpoint(size) if witnesses else None
    if note is None:
        note = await asyncio.to_thread(reader.checkpoint)
    return Answer(note, TEXT)


async def vkey(serving: Serving, request: Request) -> Answer:
    return Answer(serving.collector(request.log).writer.log.vkey.encode(), TEXT)


async def cosigners(serving: Serving, request: Request) -> Answer:
    log = serving.collector(request.log).writer.log
    witnesses = {"witnesses": log.witnesses} if log.witnesses else {}
    return Answer(orjson.dumps({"cosigners": log.mirrors} | witnesses))


async def count(serving: Serving, request: Request) -> Answer:
    _, size = await serving.reader(request.log)
    return Answer(orjson.dumps({"count": size}))


async def find(serving: Serving, request: Request) -> Answer:
    collector, label = serving.collector(request.log), request.one("label")
    found = await asyncio.to_thread(serving.vault.sequencer.find, collector.writer.log.name, label)
    await collector.settled()
    request.touch(found)
    return Answer(orjson.dumps({"indexes": found}))


async def list_records(serving: Serving, request: Request) -> Answer:
    """Uuids and indexes, by range or label, a page at a time."""
    _, size = await serving.reader(request.log)
    start, end = request.number("from", 0), min(request.number("to", size), size)
    label = request.one("label", "") or None
    most = _MAX_LIST + 1
    rows = await asyncio.to_thread(serving.vault.sequencer.listed, request.log, start, end, most, label)
    page = rows[:_MAX_LIST]
    request.touch(index for index, _ in page)
    records = [{"index": index, "uuid": uuid} for index, uuid in page]
    return Answer(orjson.dumps({"records": records, "next": rows[-1][0] if len(rows) == most else None}))


async def read(serving: Serving, request: Request) -> Answer:
    reading = wire.load_reading(request.body)
    reader, published = await serving.reader(request.log)
    size = published if reading.size is None else reading.size
    if size > published or reading.indexes[-1] >= size:
        raise VaultRefused("unknown_index", f"the log has {published} entries")
    request.touch(reading.indexes)
    return Answer(await asyncio.to_thread(_gather, serving, reader, request.log, reading, size))


def _gather(serving: Serving, reader: LogReader, log: str, reading: wire.Reading, size: int) -> bytes:
    if reading.want == "entries":
        for index in reading.indexes:
            serving.vault.destroyers[log].destructions.require(index)
        return wire.dump_entries(reader.entries(reading.indexes, size))
    if reading.want == "contents":
        return wire.dump_contents(serving.vault.content(log, index) for index in reading.indexes)
    return wire.dump_proofs(reader.inclusion_proofs(reading.indexes, size))


async def read_metadata(serving: Serving, request: Request) -> Answer:
    indexes = wire.load_indexes(request.body)
    reader, size = await serving.reader(request.log)
    if indexes[-1] >= size:
        raise VaultRefused("unknown_index", f"the log has {size} entries")
    request.touch(indexes)
    facts = await asyncio.to_thread(metadata.of_records, serving.vault, reader, request.log, indexes, size)
    return Answer(orjson.dumps({"metadata": facts}))


async def tile(serving: Serving, request: Request) -> Answer:
    reader, size = await serving.reader(request.log)
    wanted = parse_path(request.parts["tile"])
    if wanted is None or wanted.width > width_at(wanted.level, wanted.index, size):
        raise VaultRefused("unknown_tile", "there is no such tile")
    if wanted.level == ENTRIES:
        request.touch(range(wanted.index * WIDTH, wanted.index * WIDTH + wanted.width))
    if serving.vault.destroyers[request.log].destructions.has_bundle(wanted):
        raise VaultRefused("destroyed", "the entries of this bundle were destroyed")
    return Answer(await asyncio.to_thread(reader.tile, wanted), BYTES)
