"""Derives every log again from its files and compares, trusting nothing that can be computed.

It writes nothing and may run beside the vault: what is published or appended meanwhile is left for next time.
"""

import heapq
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from emarge.proof.vault.checking.derivation import Point, Progress, State, derive, unheard
from emarge.proof.vault.destruction.check import Certified, TokenDigest, verify_in_vault
from emarge.proof.vault.errors import CheckpointError, CorruptVault, VaultUnavailable
from emarge.proof.vault.journal.check import check_journal
from emarge.proof.vault.journal.journal import OWN_LOG
from emarge.proof.vault.log.checkpoint import Checkpoint
from emarge.proof.vault.setup import logs
from emarge.proof.vault.setup.credentials import read_configuration
from emarge.proof.vault.storage import dated
from emarge.proof.vault.storage.contents import Contents
from emarge.proof.vault.storage.reader import LogReader
from emarge.proof.vault.storage.sequencer import Sequencer, Span
from emarge.proof.vault.storage.stored import staged

_TRIES = 20
_PAGE = 1000  # checkpoints of the sequencer that are read at once


@dataclass(frozen=True)
class CheckedLog:
    """A log found whole: its entries, its root, and how many entries still wait for their tiles."""

    origin: str
    vkey: str
    size: int
    root: bytes
    staged: int


def check_vault(
    folder: Path, progress: Callable[[Progress], None] = unheard, token_digest: TokenDigest | None = None
) -> list[CheckedLog]:
    """Check every log of a vault, then its journal; raises CorruptVault naming the first fault.

    With ``token_digest`` the tokens of destruction certificates and of dated checkpoints are compared with them.
    """
    name, _ = read_configuration(folder)
    sequencer = Sequencer(folder, read_only=True)
    try:
        known = sequencer.logs()
        for unknown in sorted({path.name for path in (folder / "logs").iterdir()} - set(known)):
            if (folder / "logs" / unknown / "tile").exists():
                raise CorruptVault(f"the log {unknown} holds tiles that the sequencer does not know")
        checked = [check_log(logs.load(folder, name, log), sequencer, progress, token_digest) for log in known]
        check_journal(folder, logs.load(folder, name, OWN_LOG) if OWN_LOG in known else None)
        return checked
    finally:
        sequencer.close()


def check_log(
    log: logs.Log,
    sequencer: Sequencer,
    progress: Callable[[Progress], None] = unheard,
    token_digest: TokenDigest | None = None,
) -> CheckedLog:
    """Check one log; raises CorruptVault naming the first fault."""
    vault = log.folder.parents[1]
    try:
        certified = Certified(vault, log.name, log.vkey)
        state = _look(log, sequencer)
        history = heapq.merge(_history(log, sequencer, state.last.size), _kept(log, state), key=_size)
        derive(LogReader(log.folder), state, history, destroyed=certified, progress=progress)
        certified.verify(state.published.size, token_digest)
        dated.check(vault, log.name, sequencer, token_digest)
        with closing(Contents(vault, read_only=True)) as contents:
            verify_in_vault(certified, log.name, sequencer, contents)
    except CorruptVault as error:
        raise CorruptVault(f"{log.name}: {error}") from error
    return CheckedLog(log.origin, log.vkey, state.last.size, state.last.root, len(state.waiting))


def _look(log: logs.Log, sequencer: Sequencer) -> State:
    """What the log says of itself: the staging file first, so that nothing it lost meanwhile is missed."""
    for _ in range(_TRIES):
        note = LogReader(log.folder).checkpoint()
        waiting = (log.folder / "staging").read_bytes()
        head, count, highest = sequencer.state(log.name)
        if LogReader(log.folder).checkpoint() != note:
            continue  # a publication came between: staging may have been emptied already
        published, last = _published(log, note), _open(log, head.checkpoint)
        if not (head.size == last.size == count == highest + 1):
            raise CorruptVault(f"the sequencer does not hold one record for each of {last.size} entries")
        if published.size > last.size:
            raise CorruptVault("the sequencer is older than the tiles: it was rolled back")
        entries = list(staged(waiting, published.size, last.size))
        return State(published, last, entries, partial(_size_now, sequencer, log.name))
    raise VaultUnavailable(f"the log {log.name} is too busy to be checked now")


def _size_now(sequencer: Sequencer, log: str) -> int:
    head = sequencer.head(log)
    return head.size if head else 0


def _published(log: logs.Log, note: bytes, where: str = "the checkpoint") -> Checkpoint:
    try:
        return log.open_published(note).checkpoint
    except CheckpointError as error:
        raise CorruptVault(f"{where} is false: {error}") from error


def _open(log: logs.Log, note: bytes) -> Checkpoint:
    try:
        return log.open(note)
    except CheckpointError as error:
        raise CorruptVault(f"the sequenced checkpoint is false: {error}") from error


def _kept(log: logs.Log, state: State) -> list[Point]:
    """The last checkpoint in the bucket of a log that has one, unless it came since."""
    note = LogReader(log.folder).kept()
    if note is None:
        return []
    where = "the checkpoint in the store"
    kept = _published(log, note, where)
    return [Point(where, kept)] if kept.size <= state.last.size else []


def _size(point: Point) -> int:
    return point.checkpoint.size


def _history(log: logs.Log, sequencer: Sequencer, size: int) -> Iterator[Point]:
    """Every checkpoint that was ever sequenced, once its records are found to stand where it says."""
    before = -1
    while before < size:
        page = sequencer.history(log.name, before, _PAGE)
        if not page:
            raise CorruptVault(f"the sequencer has no checkpoint of {size} entries in its history")
        for span in page:
            if span.size > size:
                return
            checkpoint = _open(log, span.checkpoint)
            if checkpoint.size != span.size or not _is_whole(span, max(before, 0)):
                raise CorruptVault(f"the sequencer does not hold the records of its checkpoint of {span.size} entries")
            before = span.size
            yield Point("a sequenced checkpoint", checkpoint)


def _is_whole(span: Span, start: int) -> bool:
    """Whether a checkpoint is the first one of all the records since the one before, and of no other."""
    if span.size == start:
        return span.records == 0
    return (span.records, span.start, span.end) == (span.size - start, start, span.size)
