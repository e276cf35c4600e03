"""The journal against the records that sealed it: each thing that somebody might do to it is named."""

import itertools
import json
from datetime import UTC, datetime, timedelta

import pytest

from emarge.proof.vault.checking.check import check_vault
from emarge.proof.vault.errors import CorruptVault
from emarge.proof.vault.journal.journal import Chain, read_day
from emarge.proof.vault.journal.seals import LABEL, Seal, build, name_of
from emarge.proof.vault.log.deposits import Deposit

FIRST = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
DAYS = ["2026-11-20", "2026-11-21", "2026-11-22", "2026-11-23"]


@pytest.fixture
def journal(folder, opened):
    """Writes four days, seals those of the given numbers, and gives the folder of the files."""

    def write(*sealed):
        vault = opened()
        for number in range(4):
            calls = [{"function": "count", "role": "reader", "status": 200, "calls": 1}] * 3
            vault.journal.append(FIRST + timedelta(days=number), calls)
        writer = vault.open_log("vault")
        before = None
        for number in sealed:
            summary = read_day(folder / "journal", DAYS[number]).summary()
            record = build("vault.example", Seal(summary, before), FIRST)
            writer.write([[Deposit(name_of("vault.example", DAYS[number]), record, (LABEL,), b"", b"")]])
            before = (DAYS[number], summary.digest)
        writer.publish()
        vault.close()
        return folder / "journal"

    return write


def change(path, edit):
    path.write_bytes(b"".join(edit(path.read_bytes().splitlines(keepends=True))))


def rewritten(folder):
    """Everything from the second day on, written anew with a chain that holds: what a careful forger would do."""
    previous = read_day(folder, DAYS[0]).previous
    for day in DAYS[1:]:
        lines = [json.loads(line) for line in (folder / day).read_bytes().splitlines()]
        chain = Chain(day, previous)
        named = [({**line, "role": "writer"}, datetime.fromisoformat(line["at"])) for line in lines]
        (folder / day).write_bytes(b"".join([chain.line(at, line) for line, at in named]))
        previous = chain.previous


def test_a_sealed_journal_is_found_whole_and_a_day_that_waits_for_its_seal_too(folder, journal):
    journal(0, 1)
    assert [checked.size for checked in check_vault(folder)] == [2]


def test_a_newest_line_that_is_being_written_is_no_fault(folder, journal):
    with (journal(0, 1, 2) / DAYS[3]).open("ab") as file:
        file.write(b'{"at":')
    check_vault(folder)


FAULTS = {
    "a sealed file is gone": (lambda kept: (kept / DAYS[0]).unlink(), "2026-11-20 is missing: its seal stands"),
    "a file that waits is gone": (lambda kept: (kept / DAYS[2]).unlink(), "2026-11-23, line 1, does not follow"),
    "a line is gone": (lambda kept: change(kept / DAYS[0], lambda old: old[:1] + old[2:]), "line 2, does not follow"),
    "the last line is gone": (lambda kept: change(kept / DAYS[1], lambda old: old[:-1]), "2026-11-21 is not the one"),
    "a line was changed": (
        lambda kept: change(kept / DAYS[0], lambda old: [old[0], old[1].replace(b"200", b"404"), old[2]]),
        "2026-11-20, line 3, does not follow",
    ),
    "lines changed places": (lambda kept: change(kept / DAYS[0], lambda old: old[::-1]), "line 1, does not follow"),
    "the chain was written anew": (rewritten, "2026-11-21 is not the one that was sealed"),
    "a day was slipped in": (lambda kept: (kept / "2026-11-19").write_bytes(b""), "2026-11-19 has no seal"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_is_named(folder, journal, fault):
    damage, named = FAULTS[fault]
    damage(journal(0, 1))
    with pytest.raises(CorruptVault, match=named):
        check_vault(folder)


@pytest.mark.parametrize("sealed", [order for order in itertools.permutations(range(3)) if order != (0, 1, 2)])
def test_seals_out_of_order_are_named(folder, journal, sealed):
    journal(*sealed)
    with pytest.raises(CorruptVault, match="does not follow from the seal before"):
        check_vault(folder)


def test_a_missing_seal_is_named(folder, journal):
    journal(0, 2)
    with pytest.raises(CorruptVault, match="2026-11-21 has no seal, though a later day has one"):
        check_vault(folder)


def test_a_vault_without_a_journal_is_as_whole_as_before(folder):
    assert check_vault(folder) == []
