"""A log as it lies on disk: staging file, tiles, published checkpoint (docs/formats/durable-writes.md).

The vault's writer and the mirror keep their logs in it; which checkpoint is the last, each decides elsewhere.
"""

import struct
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

from emarge.proof.vault.errors import CorruptVault
from emarge.proof.vault.log import merkle
from emarge.proof.vault.log.checkpoint import Checkpoint
from emarge.proof.vault.log.tiles import WIDTH, Tile, decode_hashes
from emarge.proof.vault.log.tree import Tree
from emarge.proof.vault.storage import files
from emarge.proof.vault.storage.reader import LogReader
from emarge.proof.vault.storage.store import store_of

_FRAME = struct.Struct(">QH")


class StoredLog:
    """The files of one log and the right edge of its tree. Not for two threads at once.

    ``published`` is the size of the checkpoint that can be read from the files. Whatever a method raises
    but CorruptVault of ``recover`` is fatal: what is on disk is in doubt.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self.folder = folder
        self.reader = LogReader(folder)
        self._store = store_of(folder)
        self.tree = Tree()
        self.published = 0
        self._name = name
        self._unpublished: list[bytes] = []
        self._partial: set[Tile] = set()
        self._staging = files.Staging(folder / "staging")

    @property
    def size(self) -> int:
        return self.tree.size

    def recover(self, published: Checkpoint, last: Checkpoint) -> None:
        """Take up the log where its tiles end, and the staged entries up to its last checkpoint.

        Raises CorruptVault when the files do not lead to both.
        """
        tree = Tree.restore(published.size, *self.reader.right_edge(published.size))
        if tree.root() != published.root:
            raise CorruptVault(f"the last tiles of the log {self._name} do not lead to its checkpoint")
        self.tree, self.published = tree, published.size
        self._partial = {tile for tile in tree.tiles() if tile.width < WIDTH}
        self._unpublished = list(staged(self._staging.read(), published.size, last.size))
        for data in self._unpublished:
            tree.append(data)
        if tree.root() != last.root:
            raise CorruptVault(f"the staging file of the log {self._name} does not lead to its last checkpoint")

    def stage(self, entries: Sequence[bytes]) -> None:
        """Make the entries that come next durable, outside tiles."""
        self._staging.append(b"".join(_frames(entries, self.size)))

    def append(self, entry: bytes) -> bytes:
        """Add an entry to the tree in memory and give its leaf hash."""
        leaf = self.tree.append(entry)
        self._unpublished.append(entry)
        return leaf

    def append_destroyed(self, leaves: list[bytes]) -> None:
        """Add a whole bundle whose entries were destroyed, where one begins. ``put_full_tiles`` must follow."""
        self.tree.append_destroyed(leaves)

    def put_tiles(self) -> None:
        """Make every tile of the tree durable, before its checkpoint is decided."""
        self._put(self.tree.tiles())

    def put_full_tiles(self) -> None:
        """Make the filled tiles durable and forget them and their entries: for a long way to the next checkpoint.

        ``entry`` and ``entries`` then give what is published only.
        """
        self._put({tile: data for tile, data in self.tree.tiles().items() if tile.width == WIDTH})
        self.tree.forget()
        self._unpublished = []

    def publish(self, note: bytes) -> None:
        """Write the tiles, then the checkpoint of the whole tree; empty the staging file."""
        tiles = self.tree.tiles()
        self._put(tiles)
        self.replace_checkpoint(note)
        self._staging.shorten(0)
        partial = {tile for tile in tiles if tile.width < WIDTH}
        for tile in self._partial - partial:
            self._store.remove(tile)
        self._partial = partial
        self.tree.forget()
        self._unpublished = []
        self.published = self.size

    def drop_staged(self) -> None:
        """Empty the staging file of entries that no checkpoint covers."""
        self._staging.shorten(0)

    def replace_checkpoint(self, note: bytes) -> None:
        """Put a note in the place of the published one."""
        self._store.replace_checkpoint(note)

    def entry(self, index: int) -> bytes:
        """An entry, from the tiles or from memory."""
        if index < self.published:
            return self.reader.entry(index, self.published)
        return self._unpublished[index - self.published]

    def entries(self, start: int, end: int) -> list[bytes]:
        """The entries ``[start, end)``, of which each bundle is read once."""
        middle = min(end, max(start, self.published))
        recent = self._unpublished[middle - self.published : end - self.published] if middle < end else []
        return [*self.reader.entries(range(start, middle), self.published), *recent]

    def nodes(self) -> merkle.Node:
        """The hashes of perfect subtrees of the tree as it stands: what proofs are made of."""

        @cache
        def hashes(tile: Tile) -> list[bytes]:
            held = self.tree.hashes(tile)
            return decode_hashes(self.reader.tile(tile), tile.path) if held is None else held

        @cache
        def node(level: int, index: int) -> bytes:
            if level % 8:
                return merkle.node_hash(node(level - 1, 2 * index), node(level - 1, 2 * index + 1))
            return hashes(Tile(level // 8, index // WIDTH))[index % WIDTH]

        return node

    def root_at(self, size: int) -> bytes:
        """The root of the first ``size`` entries."""
        return merkle.range_hash(self.nodes(), 0, size) if size else merkle.EMPTY_ROOT

    def close(self) -> None:
        self._staging.close()

    def _put(self, tiles: Mapping[Tile, bytes]) -> None:
        self._store.put_all(tiles)


def staged(data: bytes, start: int, end: int) -> Iterator[bytes]:
    """The entries ``[start, end)`` of a staging file; CorruptVault when one is missing.

    What stands before was published, what stands after was never sequenced: neither is looked at.
    """
    position, expected = 0, start
    while expected < end:
        body = position + _FRAME.size
        if body > len(data):
            raise CorruptVault(f"the entry {expected} is neither in a tile nor in the staging file")
        index, length = _FRAME.unpack_from(data, position)
        position = body + length
        if position > len(data):
            raise CorruptVault(f"the entry {expected} is neither in a tile nor in the staging file")
        if index == expected:
            yield data[body:position]
            expected += 1
        elif index >= start:
            raise CorruptVault(f"the staging file holds the entry {index} where {expected} should stand")


def _frames(entries: Sequence[bytes], start: int) -> Iterator[bytes]:
    for index, data in enumerate(entries, start=start):
        yield _FRAME.pack(index, len(data)) + data
