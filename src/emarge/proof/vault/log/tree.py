"""The right edge of a growing tree: all that is needed to append, and to write the tiles that it fills."""

from emarge.proof.vault.log.merkle import leaf_hash, root_hash
from emarge.proof.vault.log.tiles import ENTRIES, WIDTH, Tile, decode_hashes, encode_bundle


class Tree:
    """Holds, for each level, the hashes of its last tile, and the entries of the last bundle."""

    def __init__(self) -> None:
        self.size = 0
        self._bundle: list[bytes] = []
        self._levels: list[list[bytes]] = [[]]
        self._filled: dict[Tile, bytes] = {}

    @classmethod
    def restore(cls, size: int, bundle: list[bytes], levels: list[list[bytes]]) -> "Tree":
        """The tree of ``size`` entries, from the partial bundle and the partial tiles of its right edge."""
        tree = cls()
        tree.size, tree._bundle, tree._levels = size, bundle, levels or [[]]
        return tree

    def append(self, entry: bytes) -> bytes:
        """Add an entry at the end and give its leaf hash."""
        leaf = leaf_hash(entry)
        self._bundle.append(entry)
        if len(self._bundle) == WIDTH:
            self._filled[Tile(ENTRIES, self.size // WIDTH)] = encode_bundle(self._bundle)
            self._bundle = []
        self._push(0, leaf)
        self.size += 1
        return leaf

    def append_destroyed(self, leaves: list[bytes]) -> None:
        """Add a whole bundle of which only the leaf hashes are left; the tree must end where a bundle begins."""
        for leaf in leaves:
            self._push(0, leaf)
            self.size += 1

    def root(self) -> bytes:
        """Root over all entries: each level's last tile, ended by what the levels below hold."""
        below: list[bytes] = []
        for hashes in self._levels:
            if hashes or below:
                below = [root_hash([*hashes, *below])]
        return root_hash(below)

    def tiles(self) -> dict[Tile, bytes]:
        """The tiles filled since ``forget``, then the partial ones as they stand now."""
        partial: dict[Tile, bytes] = {}
        if self._bundle:
            bundle = encode_bundle(self._bundle)
            partial[Tile(ENTRIES, self.size // WIDTH, len(self._bundle))] = bundle
        for level, hashes in enumerate(self._levels):
            if hashes:
                index = self.size >> 8 * (level + 1)
                partial[Tile(level, index, len(hashes))] = b"".join(hashes)
        return self._filled | partial

    def hashes(self, tile: Tile) -> list[bytes] | None:
        """What is in memory of a tile of hashes: of the right edge, or filled since ``forget``."""
        if tile.level < len(self._levels) and tile.index == self.size >> 8 * (tile.level + 1):
            return self._levels[tile.level]
        filled = self._filled.get(tile.full)
        return None if filled is None else decode_hashes(filled, tile.path)

    def forget(self) -> None:
        """Let go of the filled tiles: they are on disk."""
        self._filled = {}

    def _push(self, level: int, value: bytes) -> None:
        if level == len(self._levels):
            self._levels.append([])
        hashes = self._levels[level]
        hashes.append(value)
        if len(hashes) == WIDTH:
            index = self.size >> 8 * (level + 1)
            self._filled[Tile(level, index)] = b"".join(hashes)
            self._levels[level] = []
            self._push(level + 1, root_hash(hashes))
