"""Reads a log from its published files: checkpoint, tiles, entries, proofs. It writes nothing."""

from collections.abc import Iterable, Iterator
from functools import cache
from itertools import groupby
from pathlib import Path

from emarge.proof.vault.errors import MissingTileError
from emarge.proof.vault.log import merkle
from emarge.proof.vault.log.tiles import ENTRIES, WIDTH, Tile, cut, decode_bundle, decode_hashes, width_at
from emarge.proof.vault.storage.store import store_of

_TRIES = 3


class LogReader:
    def __init__(self, folder: Path) -> None:
        self._store = store_of(folder)

    def checkpoint(self) -> bytes:
        """The last published signed note."""
        return self._store.checkpoint()

    def kept(self) -> bytes | None:
        """The last checkpoint in the bucket of a log that has one."""
        return self._store.kept()

    def names(self) -> Iterator[str]:
        """The paths of the tiles that are there, and of whatever else stands where only they should."""
        return self._store.names()

    def tile(self, tile: Tile) -> bytes:
        """The bytes of a tile, cut from a wider one when that width is no longer on disk.

        Raises MissingTileError, naming the tile, when it is nowhere.
        """
        # A wider partial tile may take the place of another between the look and the read: look again.
        for _ in range(_TRIES):
            for candidate in self._wider(tile):
                if (data := self._store.read(candidate)) is not None:
                    return data if candidate == tile else cut(tile, data)
        raise MissingTileError(f"{tile.path} is missing")

    def entry(self, index: int, size: int) -> bytes:
        """The entry at ``index``, which a tree of ``size`` entries holds."""
        return next(self.entries([index], size))

    def entries(self, indexes: Iterable[int], size: int) -> Iterator[bytes]:
        """The entries at ascending indexes, of a tree of ``size``; each bundle is read once."""
        for number, group in groupby(indexes, lambda index: index // WIDTH):
            tile = self._at(ENTRIES, number, size)
            bundle = decode_bundle(self.tile(tile), tile.path)
            for index in group:
                yield bundle[index % WIDTH]

    def leaf(self, index: int, size: int) -> bytes:
        """The leaf hash at ``index``, of a tree of ``size`` entries; it outlives the entry."""
        tile = self._at(0, index // WIDTH, size)
        return decode_hashes(self.tile(tile), tile.path)[index % WIDTH]

    def inclusion_proof(self, index: int, size: int) -> list[bytes]:
        """The hashes that prove the entry at ``index`` in the tree of ``size`` entries."""
        return next(self.inclusion_proofs([index], size))

    def inclusion_proofs(self, indexes: Iterable[int], size: int) -> Iterator[list[bytes]]:
        """The proof of each entry in the tree of ``size`` entries; what they share is computed once."""
        node = self._nodes(size)
        for index in indexes:
            yield merkle.inclusion_proof(node, index, size)

    def consistency_proof(self, old_size: int, size: int) -> list[bytes]:
        """The hashes that prove that the tree of ``size`` entries extends that of ``old_size``."""
        return merkle.consistency_proof(self._nodes(size), old_size, size)

    def right_edge(self, size: int) -> tuple[list[bytes], list[list[bytes]]]:
        """The partial bundle and each level's partial tile, of the tree of ``size`` entries."""
        bundle: list[bytes] = []
        levels: list[list[bytes]] = []
        if size % WIDTH:
            tile = self._at(ENTRIES, size // WIDTH, size)
            bundle = decode_bundle(self.tile(tile), tile.path)
        level = 0
        while size >> 8 * level:
            width = (size >> 8 * level) % WIDTH
            tile = Tile(level, size >> 8 * (level + 1), width)
            levels.append(decode_hashes(self.tile(tile), tile.path) if width else [])
            level += 1
        return bundle, levels

    def _at(self, level: int, index: int, size: int) -> Tile:
        return Tile(level, index, width_at(level, index, size))

    def _nodes(self, size: int) -> merkle.Node:
        @cache
        def hashes(tile: Tile) -> list[bytes]:
            return decode_hashes(self.tile(tile), tile.path)

        @cache
        def node(level: int, index: int) -> bytes:
            if level % 8:
                return merkle.node_hash(node(level - 1, 2 * index), node(level - 1, 2 * index + 1))
            return hashes(self._at(level // 8, index // WIDTH, size))[index % WIDTH]

        return node

    def _wider(self, tile: Tile) -> Iterator[Tile]:
        """The tile itself, the full one, and the partial ones on disk that are wider."""
        yield tile
        if tile.width < WIDTH:
            yield tile.full
            yield from self._store.wider(tile)
