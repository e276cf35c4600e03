"""Derives every log again from its files and compares, trusting nothing that can be computed.

It writes nothing and may run beside the vault: what is published or appended meanwhile is left for next time.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from emarge.proof.vault import entry, logs, tiles
from emarge.proof.vault.checkpoint import Checkpoint
from emarge.proof.vault.credentials import read_configuration
from emarge.proof.vault.errors import CheckpointError, CorruptVault, EntryError, VaultUnavailable
from emarge.proof.vault.files import TEMPORARY
from emarge.proof.vault.merkle import HASH_SIZE, leaf_hash, root_hash
from emarge.proof.vault.reader import LogReader
from emarge.proof.vault.sequencer import Sequencer
from emarge.proof.vault.stored import staged
from emarge.proof.vault.tiles import ENTRIES, WIDTH, Tile

_TRIES = 20
_BESIDE_TILES = {"checkpoint", "staging"}


@dataclass(frozen=True)
class CheckedLog:
    """A log found whole: its entries, its root, and how many entries still wait for their tiles."""

    origin: str
    vkey: str
    size: int
    root: bytes
    staged: int


@dataclass(frozen=True)
class State:
    """What was on disk at one moment: names of tiles, the published and the last checkpoint, staged entries."""

    files: list[str]
    published: Checkpoint
    last: Checkpoint
    waiting: list[bytes]
    opaque: bool = False
    """Whether the entries are of another program, whose form is not looked at."""


def check_vault(folder: Path) -> list[CheckedLog]:
    """Check every log of a vault; raises CorruptVault naming the first fault."""
    name, _ = read_configuration(folder)
    sequencer = Sequencer(folder, read_only=True)
    try:
        known = sequencer.logs()
        for unknown in sorted({path.name for path in (folder / "logs").iterdir()} - set(known)):
            if (folder / "logs" / unknown / "tile").exists():
                raise CorruptVault(f"the log {unknown} holds tiles that the sequencer does not know")
        return [_check_log(logs.load(folder, name, log), sequencer) for log in known]
    finally:
        sequencer.close()


def _check_log(log: logs.Log, sequencer: Sequencer) -> CheckedLog:
    try:
        return _derive(log, sequencer)
    except CorruptVault as error:
        raise CorruptVault(f"{log.name}: {error}") from error


def _derive(log: logs.Log, sequencer: Sequencer) -> CheckedLog:
    state = _look(log, sequencer)
    derive(LogReader(log.folder), state)
    return CheckedLog(log.origin, log.vkey, state.last.size, state.last.root, len(state.waiting))


def derive(reader: LogReader, state: State) -> None:
    """Compute every hash again from the entries, and compare; raises CorruptVault naming the first fault."""
    levels = [list(_leaves(reader, state))]
    while len(levels[-1]) >= WIDTH:
        below = levels[-1]
        full = range(0, len(below) - WIDTH + 1, WIDTH)
        levels.append([root_hash(below[start : start + WIDTH]) for start in full])
    for point, where in ((state.published, "published"), (state.last, "sequenced")):
        if root_hash(levels[0][: point.size]) != point.root:
            raise CorruptVault(f"the entries do not lead to the root of the {where} checkpoint")
    for tile in tiles.tiles_of(state.published.size):
        if tile.level != ENTRIES and reader.tile(tile) != _hashes(levels, tile):
            raise CorruptVault(f"{tile.path} does not follow from the entries")
    for name in state.files:
        _check_file(reader, levels, name)


def _look(log: logs.Log, sequencer: Sequencer) -> State:
    """Names first, the sequencer after: whatever the names show is then covered by the checkpoint."""
    for _ in range(_TRIES):
        note = LogReader(log.folder).checkpoint()
        names = names_of(log.folder)
        waiting = (log.folder / "staging").read_bytes()
        head, count, highest = sequencer.state(log.name)
        if LogReader(log.folder).checkpoint() != note:
            continue  # a publication came between: staging may have been emptied already
        published, last = _published(log, note), _open(log, head.checkpoint)
        if not (head.size == last.size == count == highest + 1):
            raise CorruptVault(f"the sequencer does not hold one record for each of {last.size} entries")
        if published.size > last.size:
            raise CorruptVault("the sequencer is older than the tiles: it was rolled back")
        return State(names, published, last, list(staged(waiting, published.size, last.size)))
    raise VaultUnavailable(f"the log {log.name} is too busy to be checked now")


def _published(log: logs.Log, note: bytes) -> Checkpoint:
    try:
        return log.open_published(note).checkpoint
    except CheckpointError as error:
        raise CorruptVault(f"the checkpoint is false: {error}") from error


def _open(log: logs.Log, note: bytes) -> Checkpoint:
    try:
        return log.open(note)
    except CheckpointError as error:
        raise CorruptVault(f"the sequenced checkpoint is false: {error}") from error


def _leaves(reader: LogReader, state: State) -> Iterator[bytes]:
    """The leaf hash of each entry: of the bundles, then of the staging file."""
    size = state.published.size
    for index in range(-(-size // WIDTH)):
        tile = Tile(ENTRIES, index, tiles.width_at(ENTRIES, index, size))
        entries = tiles.decode_bundle(reader.tile(tile), tile.path)
        if len(entries) != tile.width:
            raise CorruptVault(f"{tile.path} holds {len(entries)} entries")
        expected = reader.tile(Tile(0, index, tile.width))
        for place, data in enumerate(entries):
            leaf = _leaf(data, index * WIDTH + place, state)
            if leaf != expected[place * HASH_SIZE :][:HASH_SIZE]:
                raise CorruptVault(f"the entry {index * WIDTH + place} in {tile.path} is not its tile's")
            yield leaf
    for place, data in enumerate(state.waiting, start=size):
        yield _leaf(data, place, state)


def _leaf(data: bytes, index: int, state: State) -> bytes:
    try:
        if not state.opaque:
            entry.decode(data)
    except EntryError as error:
        raise CorruptVault(f"the entry {index} is malformed: {error}") from error
    return leaf_hash(data)


def names_of(folder: Path) -> list[str]:
    """The tiles of a log's folder, in order."""
    found = []
    for parent, _, names in os.walk(folder):
        relative = Path(parent).relative_to(folder)
        found += [(relative / name).as_posix() for name in names if not name.endswith(TEMPORARY)]
    return sorted(set(found) - _BESIDE_TILES)


def _check_file(reader: LogReader, levels: list[list[bytes]], name: str) -> None:
    """A file that no checkpoint asks for (an older partial tile) must say the same as the others."""
    tile = tiles.parse_path(name)
    if tile is None:
        raise CorruptVault(f"{name} is no file of a log")
    data = reader.tile(tile)
    if tile.level == ENTRIES:
        data = b"".join(leaf_hash(one) for one in tiles.decode_bundle(data, name))
    if len(data) != tile.width * HASH_SIZE or data != _hashes(levels, tile):
        raise CorruptVault(f"{name} does not follow from the entries")


def _hashes(levels: list[list[bytes]], tile: Tile) -> bytes:
    level = max(tile.level, 0)  # a bundle answers to the leaf hashes
    hashes = levels[level] if level < len(levels) else []
    return b"".join(hashes[tile.index * WIDTH :][: tile.width])
