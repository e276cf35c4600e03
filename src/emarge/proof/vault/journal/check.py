"""Compares the journal's files with each other and with the records that sealed them (docs/formats/journal.md)."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from emarge.proof.vault.errors import CheckpointError, CorruptVault
from emarge.proof.vault.journal import journal
from emarge.proof.vault.journal import seals as sealed
from emarge.proof.vault.journal.journal import NOTHING_BEFORE, days_of, read_day
from emarge.proof.vault.journal.seals import Seal
from emarge.proof.vault.setup import logs
from emarge.proof.vault.storage.reader import LogReader


def check_journal(vault: Path, own: logs.Log | None) -> None:
    """Check the journal of a vault whose ``own`` log was checked; raises CorruptVault naming the first fault.

    It may run beside the vault: seals are read before the files, of which the newest may end in the middle of a line.
    """
    seals = {seal.summary.day: seal for seal in seals_of(own)} if own else {}
    folder = vault / journal.FOLDER
    days = days_of(folder)
    _check_seals(seals.values(), days)
    last_sealed, previous = max(seals, default=""), NOTHING_BEFORE
    for day in days:
        chain = read_day(folder, day, previous=previous, open_ended=day == days[-1])
        if day in seals and chain.summary() != seals[day].summary:
            raise CorruptVault(f"the journal of {day} is not the one that was sealed")
        if day not in seals and day < last_sealed:
            raise CorruptVault(f"the journal of {day} has no seal, though a later day has one")
        previous = chain.previous


def seals_of(own: logs.Log) -> Iterator[Seal]:
    """The seals that can be read from the vault's own log, in its order."""
    reader = LogReader(own.folder)
    try:
        size = own.open_published(reader.checkpoint()).checkpoint.size
    except CheckpointError as error:
        raise CorruptVault(f"the checkpoint of the log {own.name} is false: {error}") from error
    for data in reader.entries(range(size), size):
        seal = sealed.read(data)
        if seal:
            yield seal


def _check_seals(seals: Iterable[Seal], days: list[str]) -> None:
    before: tuple[str, str] | None = None
    for seal in seals:
        day = seal.summary.day
        if seal.before != before or (before and day <= before[0]):
            raise CorruptVault(f"the seal of the journal of {day} does not follow from the seal before")
        if day not in days:
            raise CorruptVault(f"the journal of {day} is missing: its seal stands in the vault's own log")
        before = (day, seal.summary.digest)
