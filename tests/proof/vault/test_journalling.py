"""What shares a line or a write, counted and not timed: deposits must not pay for the journal."""

import asyncio
from datetime import UTC, datetime

import pytest

from emarge.proof.vault.errors import DurabilityLost, VaultUnavailable
from emarge.proof.vault.journal.journalling import Call, Journalling

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
DEPOSIT = Call("deposit", "writer", "school", 200, "")
READ = Call("read", "reader", "school", 200, "")


class Counted:
    """A journal that only remembers what it was asked to write, one list a write."""

    def __init__(self, fails=False):
        self.writes, self.fails = [], fails

    def turn(self, _):
        return False

    def append(self, _, lines):
        if self.fails:
            raise DurabilityLost("told so by the test")
        self.writes.append(lines)


def run(work, journal):
    async def main():
        journalling = Journalling(journal, lambda: NOW)
        running = asyncio.get_running_loop().create_task(journalling.run())
        try:
            return await work(journalling)
        finally:
            journalling.stop()
            await asyncio.wait([running])

    return asyncio.run(main())


def test_a_thousand_deposits_make_one_line_and_one_write():
    async def work(journalling):
        for index in range(1000):
            journalling.share(DEPOSIT, [index])

    journal = Counted()
    run(work, journal)
    [[line]] = journal.writes
    assert line == DEPOSIT.fields() | {"calls": 1000, "records": 1000, "ranges": [[0, 999]]}


def test_those_that_wait_share_a_write_and_keep_their_lines():
    async def work(journalling):
        return await asyncio.gather(*(journalling.write(READ, [index]) for index in range(200)))

    journal = Counted()
    names = run(work, journal)
    assert len(set(names)) == 200
    assert len(journal.writes) <= 2
    assert [line["request"] for lines in journal.writes for line in lines] == names


def test_each_outcome_has_its_own_shared_line():
    async def work(journalling):
        journalling.share(DEPOSIT, [1])
        journalling.share(Call("deposit", "writer", "school", 409, "uuid_reused"), [])
        journalling.share(DEPOSIT, [2])

    journal = Counted()
    run(work, journal)
    assert [(line["status"], line["calls"]) for lines in journal.writes for line in lines] == [(200, 2), (409, 1)]


def test_a_failed_write_lets_no_answer_leave():
    async def work(journalling):
        for _ in range(2):
            with pytest.raises(VaultUnavailable):
                await journalling.write(READ, [1])

    run(work, Counted(fails=True))
