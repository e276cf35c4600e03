"""Retention, legal holds and destruction over HTTP: docs/formats/vault-http.md. Who may call them: routes.py."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeVar

from emarge.proof.vault.destruction import wire
from emarge.proof.vault.destruction.destroyer import Destroyer
from emarge.proof.vault.errors import CorruptVault, DurabilityLost, VaultRefused
from emarge.proof.vault.service.serving import Answer, Request, Serving
from emarge.proof.vault.storage.retention import read_hold, read_reference

T = TypeVar("T")


async def retention(serving: Serving, request: Request) -> Answer:
    return Answer(wire.dump_retention(_destroyer(serving, request).retention))


async def raise_retention(serving: Serving, request: Request) -> Answer:
    values = wire.load_object(request.body)
    if values.keys() != {"days"} or type(values["days"]) is not int:
        raise VaultRefused("bad_request", "the body is a number of days")
    destroyer = _destroyer(serving, request)
    await _in_thread(serving, destroyer.raise_period, values["days"])
    return await retention(serving, request)


async def place_hold(serving: Serving, request: Request) -> Answer:
    hold = read_hold(wire.load_object(request.body), datetime.now(UTC))
    await _in_thread(serving, _destroyer(serving, request).place_hold, hold)
    return await retention(serving, request)


async def release_hold(serving: Serving, request: Request) -> Answer:
    values = wire.load_object(request.body)
    if values.keys() != {"reference"}:
        raise VaultRefused("bad_request", "the body is a reference")
    reference = read_reference(values["reference"])
    await _in_thread(serving, _destroyer(serving, request).release_hold, request.parts["id"], reference)
    return await retention(serving, request)


async def destroy(serving: Serving, request: Request) -> Answer:
    order = wire.load_order(request.body)
    destroyer = _destroyer(serving, request)
    collector = serving.collector(request.log)
    size = await collector.settled()
    done = await _in_thread(serving, destroyer.destroy, order, size)
    request.touch(done.plan.records)
    if collector.follower:
        collector.follower.wake()
    return Answer(wire.dump_certificate(done))


async def destructions(serving: Serving, request: Request) -> Answer:
    found = _destroyer(serving, request).destructions
    follower = serving.collector(request.log).follower
    return Answer(wire.dump_destructions(found, follower.forgotten if follower else None))


def _destroyer(serving: Serving, request: Request) -> Destroyer:
    serving.collector(request.log)
    return serving.vault.destroyers[request.log]


async def _in_thread(serving: Serving, work: Callable[..., T], *values: object) -> T:
    """Run in a thread; what leaves the log in doubt stops the vault."""
    try:
        return await asyncio.to_thread(work, *values)
    except (DurabilityLost, CorruptVault) as error:
        serving.fatal(error)
        raise
