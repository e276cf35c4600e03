"""Computes a log again from its entries, one bundle after the other: its memory does not grow with the log."""

import heapq
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256

from emarge.proof.vault.errors import CorruptVault, EntryError, MissingTileError
from emarge.proof.vault.log import entry, tiles
from emarge.proof.vault.log.checkpoint import Checkpoint
from emarge.proof.vault.log.merkle import EMPTY_ROOT, HASH_SIZE, leaf_hash, node_hash, root_hash
from emarge.proof.vault.log.tiles import ENTRIES, WIDTH, Tile, width_at
from emarge.proof.vault.storage.reader import LogReader


@dataclass(frozen=True)
class Point:
    """A checkpoint that the first entries must lead to; ``where`` names it in a fault."""

    where: str
    checkpoint: Checkpoint


@dataclass(frozen=True)
class Progress:
    """How far the check of a log is: entries done, entries in all, bytes of entries read."""

    log: str
    done: int
    total: int
    bytes: int


@dataclass(frozen=True)
class State:
    """What a log said of itself at one moment."""

    published: Checkpoint
    last: Checkpoint
    waiting: list[bytes]
    """The entries between the two, of the staging file."""
    reach: Callable[[], int]
    """How many entries the log has by now: tiles beyond ``last`` may have come since, up to there."""
    opaque: bool = False
    """Whether the entries are of another program, whose form is not looked at."""


def nothing_destroyed(_: range) -> bool:
    """For logs of which nothing was ever destroyed."""
    return False


def unheard(_: Progress) -> None:
    """For checks that nobody watches."""


def derive(
    reader: LogReader,
    state: State,
    points: Iterable[Point] = (),
    *,
    destroyed: Callable[[range], bool] = nothing_destroyed,
    progress: Callable[[Progress], None] = unheard,
) -> None:
    """Compute every hash again and compare; raises CorruptVault naming the first fault.

    ``points`` are more checkpoints of the log, by ascending size, up to the last one. A bundle that is missing is
    a fault unless ``destroyed(range of its entries)`` says that its destruction is certified: then its tile of
    leaf hashes stands for it, and must lead to every later checkpoint like the others.
    """
    both = (Point("the published checkpoint", state.published), Point("the sequenced checkpoint", state.last))
    edge = _Edge(reader, heapq.merge(both, points, key=lambda point: point.checkpoint.size))
    leaves = _published(reader, state, edge, destroyed, progress)
    for data in state.waiting:
        leaves.append(_leaf(data, edge.size + len(leaves), opaque=state.opaque))
        if len(leaves) == WIDTH:
            edge.fill(leaves)
            leaves = []
    edge.reach(leaves)
    _check_files(reader, state, edge.held(leaves))


def _published(
    reader: LogReader,
    state: State,
    edge: "_Edge",
    destroyed: Callable[[range], bool],
    progress: Callable[[Progress], None],
) -> list[bytes]:
    """Take in every bundle, and compare every tile; the leaves of the last bundle, when it is not full."""
    size, read = state.published.size, 0
    for index in range(-(-size // WIDTH)):
        tile = Tile(ENTRIES, index, width_at(ENTRIES, index, size))
        leaves, length = _leaves(reader, tile, destroyed, opaque=state.opaque)
        read += length
        if tile.width < WIDTH:
            edge.reach(leaves)
        else:
            edge.fill(leaves)
            edge.compare_filled()
            leaves = []
        progress(Progress(state.last.origin, index * WIDTH + tile.width, state.last.size, read))
    edge.compare_partial()
    return leaves if size % WIDTH else []


class _Edge:
    """The right edge of the tree: the roots of its perfect subtrees, and each level's last tile above the leaves.

    ``size`` counts the entries of filled bundles; the leaves of the last one are handed over at each call.
    """

    def __init__(self, reader: LogReader, points: Iterator[Point]) -> None:
        self.size = 0
        self._reader = reader
        self._points = points
        self._next = next(points, None)
        self._peaks: list[bytes] = []
        self._levels: list[list[bytes]] = []
        self._filled: dict[Tile, bytes] = {}

    def reach(self, leaves: list[bytes]) -> None:
        """Compare with every checkpoint of no more entries than those of the filled bundles and these."""
        end, rows = self.size + len(leaves), None
        while self._next is not None and self._next.checkpoint.size <= end:
            rows = rows or _rows(leaves)
            self._compare(self._next, rows)
            self._next = next(self._points, None)

    def fill(self, leaves: list[bytes]) -> None:
        """Compare with the checkpoints in a whole bundle, and count it in."""
        rows, number = _rows(leaves), self.size // WIDTH
        while self._next is not None and self._next.checkpoint.size <= self.size + WIDTH:
            self._compare(self._next, rows)
            self._next = next(self._points, None)
        self._filled[Tile(0, number)] = b"".join(leaves)
        self.size += WIDTH
        root = rows[-1][0]
        self._push(1, root)
        while number % 2:
            root, number = node_hash(self._peaks.pop(), root), number // 2
        self._peaks.append(root)

    def compare_filled(self) -> None:
        """Compare the tiles that were filled with those of the log, and let go of them."""
        for tile, data in self._filled.items():
            if tile.level:  # the leaves were compared one by one
                self._compare_tile(tile, data)
        self._filled = {}

    def compare_partial(self) -> None:
        """Compare the last tile of each level above the leaves."""
        for tile, data in self._partial():
            self._compare_tile(tile, data)

    def held(self, leaves: list[bytes]) -> dict[Tile, bytes]:
        """What was filled and never compared, and the tiles that are not full; each under the name of the full one."""
        partial = {tile.full: data for tile, data in self._partial()}
        return self._filled | partial | {Tile(0, self.size // WIDTH): b"".join(leaves)}

    def _partial(self) -> Iterator[tuple[Tile, bytes]]:
        for level, hashes in enumerate(self._levels, start=1):
            if hashes:
                yield Tile(level, self.size >> 8 * (level + 1), len(hashes)), b"".join(hashes)

    def _compare_tile(self, tile: Tile, data: bytes) -> None:
        if self._reader.tile(tile) != data:
            raise CorruptVault(f"{tile.path} does not follow from the entries")

    def _compare(self, point: Point, rows: list[list[bytes]]) -> None:
        size = point.checkpoint.size
        if self._root(rows, size - self.size) != point.checkpoint.root:
            raise CorruptVault(f"the entries do not lead to the root of {point.where} of {size} entries")

    def _root(self, rows: list[list[bytes]], count: int) -> bytes:
        """The root of the filled bundles and ``count`` leaves more: RFC 6962 joins perfect subtrees from the right."""
        hashes, place = list(self._peaks), 0
        for height in reversed(range(len(rows))):
            if count >> height & 1:
                hashes.append(rows[height][place >> height])
                place += 1 << height
        if not hashes:
            return EMPTY_ROOT
        root = hashes.pop()
        while hashes:
            root = node_hash(hashes.pop(), root)
        return root

    def _push(self, level: int, value: bytes) -> None:
        if level > len(self._levels):
            self._levels.append([])
        hashes = self._levels[level - 1]
        hashes.append(value)
        if len(hashes) == WIDTH:
            self._filled[Tile(level, (self.size >> 8 * (level + 1)) - 1)] = b"".join(hashes)
            self._levels[level - 1] = []
            self._push(level + 1, root_hash(hashes))


def _rows(leaves: list[bytes]) -> list[list[bytes]]:
    """The hashes of the perfect subtrees over these leaves: of each height, those that are whole."""
    rows = [leaves]
    while len(rows[-1]) > 1:
        pairs = zip(rows[-1][0::2], rows[-1][1::2], strict=False)
        rows.append([sha256(b"\x01" + left + right).digest() for left, right in pairs])
    return rows


def _leaves(
    reader: LogReader, tile: Tile, destroyed: Callable[[range], bool], *, opaque: bool
) -> tuple[list[bytes], int]:
    """The leaf hashes of a bundle, found to be those of its tile, and how long the bundle is in bytes."""
    hashes = Tile(0, tile.index, tile.width)
    try:
        data = reader.tile(tile)
    except MissingTileError:
        start = tile.index * WIDTH
        if not destroyed(range(start, start + tile.width)):
            raise
        leaves = tiles.decode_hashes(reader.tile(hashes), hashes.path)
        if len(leaves) != tile.width:
            raise CorruptVault(f"{hashes.path} holds {len(leaves)} hashes") from None
        return leaves, 0
    entries = tiles.decode_bundle(data, tile.path)
    if len(entries) != tile.width:
        raise CorruptVault(f"{tile.path} holds {len(entries)} entries")
    leaves = [sha256(b"\x00" + one).digest() for one in entries]
    expected = reader.tile(hashes)
    if b"".join(leaves) != expected:
        for place, leaf in enumerate(leaves):
            if leaf != expected[place * HASH_SIZE :][:HASH_SIZE]:
                raise CorruptVault(f"the entry {tile.index * WIDTH + place} in {tile.path} is not its tile's")
        raise CorruptVault(f"{hashes.path} does not follow from the entries")
    if not opaque:
        for place, one in enumerate(entries, start=tile.index * WIDTH):
            _check_form(one, place)
    return leaves, len(data)


def _leaf(data: bytes, index: int, *, opaque: bool) -> bytes:
    if not opaque:
        _check_form(data, index)
    return leaf_hash(data)


def _check_form(data: bytes, index: int) -> None:
    try:
        entry.check(data)
    except EntryError as error:
        raise CorruptVault(f"the entry {index} is malformed: {error}") from error


def _check_files(reader: LogReader, state: State, held: dict[Tile, bytes]) -> None:
    """A file that no checkpoint asks for must say the same as the others: an older partial tile, a newer one."""
    for name in reader.names():
        tile = tiles.parse_path(name)
        if tile is None:
            raise CorruptVault(f"{name} is no file of a log")
        level = max(tile.level, 0)  # a bundle answers to its tile of leaf hashes
        published = width_at(level, tile.index, state.published.size)
        if tile.width == published:
            continue  # compared already
        if tile.width > width_at(level, tile.index, state.last.size):
            if tile.width <= width_at(level, tile.index, state.reach()):
                continue
            raise CorruptVault(f"{name} does not follow from the entries")
        if tile.width < published:
            expected = reader.tile(Tile(level, tile.index, published))
        else:
            expected = held[Tile(level, tile.index)]
        data = reader.tile(tile)
        if tile.level == ENTRIES:
            data = b"".join(leaf_hash(one) for one in tiles.decode_bundle(data, name))
        if data != expected[: tile.width * HASH_SIZE]:
            raise CorruptVault(f"{name} does not follow from the entries")
