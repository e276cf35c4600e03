"""Requests gathered into batches: what is stamped side by side, what waits, and what each is answered."""

import asyncio
import threading

import pytest

from emarge.proof.vault.errors import StampUnavailable, VaultRefused, VaultUnavailable
from emarge.proof.vault.writing.collector import BATCH, Collector


class Stamps:
    """Stamps that a test holds up, refuses, and counts."""

    def __init__(self):
        self.batches, self.most_at_once, self._now = [], 0, 0
        self.refusals = 0
        self.open = threading.Event()
        self.open.set()

    def __call__(self, digests):
        self._now += 1
        self.most_at_once = max(self.most_at_once, self._now)
        self.batches.append(len(digests))
        assert self.open.wait(10)
        self._now -= 1
        if self.refusals:
            self.refusals -= 1
            raise StampUnavailable("told so by the test")
        return [b"token of " + digest for digest in digests]


@pytest.fixture
def stamps():
    return Stamps()


@pytest.fixture
def at_work(opened, stamps):
    """Run a coroutine function on a collector at work."""

    def run(work):
        async def main():
            collector = Collector(opened(stamps).open_log("school"))
            running = asyncio.create_task(collector.run())
            try:
                return await asyncio.wait_for(work(collector), 20)
            finally:
                stamps.open.set()
                collector.stop()
                await running

        return asyncio.run(main())

    return run


async def until(condition):
    while not condition():  # noqa: ASYNC110 - the condition is of another thread
        await asyncio.sleep(0.005)


def test_requests_of_one_moment_are_one_batch(at_work, stamps, deposit):
    async def work(collector):
        return await asyncio.gather(*(collector.deposit([deposit(b"%d" % number)]) for number in range(50)))

    receipts = at_work(work)
    assert [receipt.index for [receipt] in receipts] == list(range(50))
    assert {receipt.size for [receipt] in receipts} == {50}
    assert stamps.batches == [50]


def test_what_comes_while_a_batch_is_stamped_is_the_next_one(at_work, stamps, deposit):
    async def work(collector):
        stamps.open.clear()
        first = asyncio.ensure_future(collector.deposit([deposit(b"first")]))
        await until(lambda: len(stamps.batches) == 1)
        second = asyncio.ensure_future(collector.deposit([deposit(b"second")]))
        await until(lambda: len(stamps.batches) == 2)
        rest = [asyncio.ensure_future(collector.deposit([deposit(b"%d" % number)])) for number in range(BATCH + 1)]
        await asyncio.sleep(0.05)
        assert stamps.batches == [1, 1]
        stamps.open.set()
        return [receipts[0] for receipts in await asyncio.gather(first, second, *rest)]

    receipts = at_work(work)
    assert [receipt.index for receipt in receipts] == list(range(BATCH + 3))
    assert (stamps.batches, stamps.most_at_once) == ([1, 1, BATCH, 1], 2)


def test_a_record_that_is_under_way_is_waited_for(at_work, stamps, deposit):
    """The same record again gets the receipt of the first, another under its uuid is refused: neither is stamped."""
    one = deposit(b"one", name="00000000-0000-4000-8000-000000000001")
    other = deposit(b"other", name=one.uuid)

    async def work(collector):
        stamps.open.clear()
        first = asyncio.ensure_future(collector.deposit([one]))
        await until(lambda: stamps.batches)
        again = asyncio.ensure_future(collector.deposit([one]))
        reused = asyncio.ensure_future(collector.deposit([other]))
        free = asyncio.ensure_future(collector.deposit([deposit(b"free")]))
        await until(lambda: len(stamps.batches) == 2)
        stamps.open.set()
        return await asyncio.gather(first, again, free, reused, return_exceptions=True)

    first, again, free, reused = at_work(work)
    assert (first, [receipt.index for receipt in free]) == (again, [1])
    assert isinstance(reused, VaultRefused)
    assert reused.code == "uuid_reused"
    assert sum(stamps.batches) == 2


def test_a_batch_without_tokens_fails_alone(at_work, stamps, deposit):
    async def work(collector):
        stamps.open.clear()
        stamps.refusals = 1
        first = asyncio.ensure_future(collector.deposit([deposit(b"first", content=b"sealed")]))
        await until(lambda: len(stamps.batches) == 1)
        stamps.open.set()
        with pytest.raises(StampUnavailable):
            await first
        return await collector.deposit([deposit(b"second")])

    [receipt] = at_work(work)
    assert receipt.index == 0


def test_what_was_taken_is_finished_when_the_vault_stops(at_work, stamps, deposit):
    async def work(collector):
        stamps.open.clear()
        taken = asyncio.ensure_future(collector.deposit([deposit(b"taken")]))
        await until(lambda: stamps.batches)
        collector.stop()
        with pytest.raises(VaultUnavailable, match="stopping"):
            await collector.deposit([deposit(b"too late")])
        stamps.open.set()
        return await taken

    assert [receipt.index for receipt in at_work(work)] == [0]


def test_a_reader_is_told_when_all_is_published_and_nothing_turns_idly(at_work, deposit):
    async def work(collector):
        assert await collector.settled() == 0
        await collector.deposit([deposit(b"one")])
        assert await collector.settled() == 1
        turns = 0
        loop = asyncio.get_running_loop()
        run_once = loop._run_once

        def counted():
            nonlocal turns
            turns += 1
            run_once()

        loop._run_once = counted
        await asyncio.sleep(0.2)
        del loop._run_once
        return turns

    assert at_work(work) < 50
