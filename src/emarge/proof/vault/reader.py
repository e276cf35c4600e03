"""Reads a log from its published files: checkpoint, tiles, entries, proofs. It writes nothing."""

from pathlib import Path

from emarge.proof.vault import merkle
from emarge.proof.vault.errors import CorruptVault
from emarge.proof.vault.tiles import ENTRIES, WIDTH, Tile, cut, decode_bundle, decode_hashes, width_at

_TRIES = 3


class LogReader:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def checkpoint(self) -> bytes:
        """The last published signed note."""
        try:
            return (self._folder / "checkpoint").read_bytes()
        except FileNotFoundError:
            raise CorruptVault("the file checkpoint is missing") from None

    def tile(self, tile: Tile) -> bytes:
        """The bytes of a tile, cut from a wider one when that width is no longer on disk.

        Raises CorruptVault, naming the tile, when it is nowhere.
        """
        # A wider partial tile may take the place of another between the look and the read: look again.
        for _ in range(_TRIES):
            for candidate in self._wider(tile):
                try:
                    data = (self._folder / candidate.path).read_bytes()
                except FileNotFoundError:
                    continue
                return data if candidate == tile else cut(tile, data)
        raise CorruptVault(f"{tile.path} is missing")

    def entry(self, index: int, size: int) -> bytes:
        """The entry at ``index``, which a tree of ``size`` entries holds."""
        tile = self._at(ENTRIES, index // WIDTH, size)
        return decode_bundle(self.tile(tile), tile.path)[index % WIDTH]

    def inclusion_proof(self, index: int, size: int) -> list[bytes]:
        """The hashes that prove the entry at ``index`` in the tree of ``size`` entries."""
        return merkle.inclusion_proof(self._nodes(size), index, size)

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
        held: dict[Tile, list[bytes]] = {}

        def node(level: int, index: int) -> bytes:
            height = level % 8
            first = index << height
            tile = self._at(level // 8, first // WIDTH, size)
            if tile not in held:
                held[tile] = decode_hashes(self.tile(tile), tile.path)
            start = first % WIDTH
            return merkle.root_hash(held[tile][start : start + (1 << height)])

        return node

    def _wider(self, tile: Tile) -> list[Tile]:
        """The tile itself, the full one, and the partial ones on disk that are wider."""
        partial = (self._folder / tile.full.path).with_suffix(".p")
        try:
            names = [path.name for path in partial.iterdir()]
        except FileNotFoundError:
            names = []
        widths = sorted(int(name) for name in names if name.isdigit())
        wider = [Tile(tile.level, tile.index, width) for width in widths if width > tile.width]
        return [tile, tile.full, *wider]
