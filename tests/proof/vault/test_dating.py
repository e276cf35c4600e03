"""Checkpoints dated from outside: kept for ever, at most every so often, and never in the way of a deposit."""

import asyncio
import hashlib
import logging
import os

import pytest
from tests.proof.vault.conftest import stamp

from emarge.proof.vault.checking.check import check_vault
from emarge.proof.vault.errors import CorruptVault, DestructionError, StampUnavailable, VaultRefused
from emarge.proof.vault.log.checkpoint import open_checkpoint
from emarge.proof.vault.log.merkle import verify_consistency
from emarge.proof.vault.service import wire
from emarge.proof.vault.service.client import VaultClient
from emarge.proof.vault.setup import logs
from emarge.proof.vault.storage.dated import DatedCheckpoint, DatedCheckpoints
from emarge.proof.vault.writing import dating
from emarge.proof.vault.writing.collector import Collector
from emarge.proof.vault.writing.dating import Dating


@pytest.fixture
def kept(folder):
    return DatedCheckpoints(folder, "school")


def collected(writer, kept, service, work):
    """Run a collector with a service that dates while ``work`` goes on, then stop it."""

    async def session():
        collector = Collector(writer)
        collector.be_dated(service, kept)
        running = asyncio.create_task(collector.run())
        try:
            await work(collector)
        finally:
            collector.stop()
            await running

    asyncio.run(session())


async def until(condition):
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - what is waited for is a file, or a state without an event
            await asyncio.sleep(0.01)


def test_what_is_published_is_dated(writer, kept, deposit, folder):
    async def work(collector):
        assert collector.dater.state == "current"
        await collector.deposit([deposit(), deposit()])
        await until(lambda: kept.sizes() and collector.dater.state == "current")

    collected(writer, kept, Dating(stamp, 3600), work)
    [size] = kept.sizes()
    found = kept.read(size)
    assert open_checkpoint(found.note, writer.log.vkey).size == size == 2
    assert found.token == b"token of " + hashlib.sha256(found.note).digest()
    assert check_vault(folder, token_digest=lambda token: token[len(b"token of ") :])


def test_not_more_often_than_asked_even_after_a_restart(writer, kept, deposit):
    async def work(collector):
        await collector.deposit([deposit()])
        await until(kept.sizes)
        for _ in range(3):
            await collector.deposit([deposit()])
            await collector.settled()
        assert collector.dater.state == "due"

    for _ in range(2):
        collected(writer, kept, Dating(stamp, 3600), work)
    assert kept.sizes() == [1]
    os.utime(kept._path(1, ".tst"), (0, 0))

    async def later(collector):
        await until(lambda: len(kept.sizes()) == 2)

    collected(writer, kept, Dating(stamp, 3600), later)
    assert kept.sizes() == [1, 8]


def test_the_newest_is_dated_when_the_time_has_come(writer, kept, deposit):
    async def work(collector):
        await collector.deposit([deposit()])
        await until(kept.sizes)
        for _ in range(3):
            await collector.deposit([deposit()])
            await collector.settled()
        await until(lambda: len(kept.sizes()) == 2)

    collected(writer, kept, Dating(stamp, 0.5), work)
    assert kept.sizes() == [1, 4]


def test_deposits_go_on_while_it_fails_and_it_is_asked_again(writer, kept, deposit, monkeypatch, caplog):
    monkeypatch.setattr(dating, "_FIRST_WAIT", 0.02)
    caplog.set_level(logging.WARNING, "emarge.vault")
    asked = []

    def failing(digests):
        asked.append(digests)
        if len(asked) < 4:
            raise StampUnavailable("busy")
        return stamp(digests)

    async def work(collector):
        await collector.deposit([deposit()])
        await until(lambda: collector.dater.state == "unavailable")
        assert len(await collector.deposit([deposit()])) == 1
        await until(lambda: kept.sizes() and collector.dater.state != "unavailable")

    collected(writer, kept, Dating(failing, 3600), work)
    assert caplog.messages == [
        "NOBODY OUTSIDE DATES THE LOG school: busy",
        "the log school is dated from outside again",
    ]


def test_an_empty_log_is_not_dated(writer, kept):
    async def work(collector):
        await collector.settled()
        await asyncio.sleep(0.1)

    collected(writer, kept, Dating(stamp, 0.01), work)
    assert kept.sizes() == []


def test_a_note_without_its_token_counts_for_nothing_and_may_be_dated_again(kept, folder):
    good = DatedCheckpoint(7, b"note", b"token")
    path = folder / "dated" / "school" / "7.tst"
    kept.put(good)
    path.unlink()
    assert kept.sizes() == []
    with pytest.raises(VaultRefused, match="7 entries"):
        kept.read(7)
    kept.put(DatedCheckpoint(7, b"note", b"another token"))
    assert kept.read(7).token == b"another token"
    with pytest.raises(CorruptVault, match="other bytes"):
        kept.put(good)


def test_a_check_names_what_was_altered(writer, kept, deposit, folder):
    writer.write([[deposit()]])
    writer.publish()
    published = writer.published_checkpoint()
    digest = hashlib.sha256(published.note).digest()
    kept.put(DatedCheckpoint(1, published.note, digest))
    assert check_vault(folder, token_digest=bytes)

    def unreadable(_):
        raise DestructionError("no token")

    for read, complaint in ((lambda _: b"", "made over something else"), (unreadable, "no token")):
        with pytest.raises(CorruptVault, match=complaint):
            check_vault(folder, token_digest=read)
    path = folder / "dated" / "school" / "1.checkpoint"
    path.write_bytes(published.note.replace(b"\n1\n", b"\n2\n"))
    with pytest.raises(CorruptVault, match="not one that was sequenced"):
        check_vault(folder)
    path.unlink()
    with pytest.raises(CorruptVault, match="missing under its token"):
        check_vault(folder)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "bad_request"),
        (b"[]", "bad_request"),
        (b'{"sizes": []}', "bad_request"),
        (b'{"sizes": [2, 1]}', "bad_request"),
        (b'{"sizes": [1], "size": null}', "bad_request"),
        (b'{"sizes": [1], "size": "2"}', "bad_request"),
        (b'{"sizes": [1], "more": 2}', "bad_request"),
        (b'{"sizes": [0]}', "unknown_size"),
        (wire.dump_sizes([*range(1, 102)]), "too_large"),
    ],
)
def test_bodies_that_name_no_sizes(body, code):
    with pytest.raises(VaultRefused) as refused:
        wire.load_sizes(body)
    assert refused.value.code == code


@pytest.mark.processes
def test_over_http_only_what_was_dated_is_given_and_only_to_those_who_may(process, credentials, folder, deposit):
    process.start()
    with VaultClient(process.url, credentials["opener"]) as opener:
        opener.open_log("school")
    with VaultClient(process.url, credentials["writer"]) as writer:
        receipts = [writer.deposit("school", [deposit()])[0] for _ in range(3)]
        for call in (writer.dated_sizes, lambda log: writer.dated(log, [1]), lambda log: writer.growth(log, [1], 2)):
            with pytest.raises(VaultRefused, match="does not open this path"):
                call("school")
    first = DatedCheckpoint(1, receipts[0].checkpoint, b"token")
    DatedCheckpoints(folder, "school").put(first)
    vkey = logs.load(folder, "vault.example", "school").vkey
    old, new = (open_checkpoint(one.checkpoint, vkey).root for one in (receipts[0], receipts[2]))
    for role in ("reader", "controller", "auditor"):
        with VaultClient(process.url, credentials[role]) as reader:
            assert reader.dated_sizes("school") == [1]
            assert reader.dated("school", [1]) == [first]
            assert reader.dated("school", []) == []
            verify_consistency(1, 3, reader.growth("school", [1], 3)[1], old, new)
            for call in (lambda: reader.dated("school", [2]), lambda: reader.growth("school", [1], 4)):
                with pytest.raises(VaultRefused) as refused:
                    call()
                assert refused.value.code == "unknown_size"
            with pytest.raises(VaultRefused, match="has 3 entries"):
                reader.growth("school", [3], 3)
