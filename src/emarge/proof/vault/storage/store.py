"""Where the tiles of a log stand: in its folder, or, once a bundle is full, in a bucket that keeps them locked.

The staging file and the keys never leave the vault's own disk (docs/formats/durable-writes.md).
"""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from emarge.proof.vault.errors import CorruptVault
from emarge.proof.vault.log.tiles import Tile
from emarge.proof.vault.storage import files

CONFIGURATION = "store.json"
CHECKPOINT = "checkpoint"
_BESIDE_TILES = {CHECKPOINT, "staging", CONFIGURATION}


def store_of(folder: Path) -> "FileStore":
    """The store of the log in a folder: a bucket when ``store.json`` there names one."""
    if not (folder / CONFIGURATION).exists():
        return FileStore(folder)
    from emarge.proof.vault.storage import s3

    return s3.LockedStore(folder, s3.load(folder))


class FileStore:
    """Tiles and checkpoint as files. Reading is for any thread, writing for one at a time."""

    locks = False
    """Whether nobody, not even the vault, can remove what is full before its time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def read(self, tile: Tile) -> bytes | None:
        """The bytes under exactly this name, None when there are none."""
        try:
            return (self.folder / tile.path).read_bytes()
        except FileNotFoundError:
            return None

    def wider(self, tile: Tile) -> list[Tile]:
        """The partial tiles that hold more than this one does."""
        try:
            names = [path.name for path in (self.folder / tile.full.path).with_suffix(".p").iterdir()]
        except FileNotFoundError:
            names = []
        widths = sorted(int(name) for name in names if name.isdigit())
        return [Tile(tile.level, tile.index, width) for width in widths if width > tile.width]

    def names(self) -> Iterator[str]:
        """The paths of the tiles that are there, and of whatever else stands where only they should."""
        for parent, folders, names in os.walk(self.folder):
            folders.sort()
            relative = Path(parent).relative_to(self.folder)
            for name in sorted(names):
                path = (relative / name).as_posix()
                if path not in _BESIDE_TILES and not name.endswith(files.TEMPORARY):
                    yield path

    def put_all(self, tiles: Mapping[Tile, bytes]) -> None:
        """Make each tile durable unless it is there with the same bytes; CorruptVault when it holds others."""
        files.put_all(self.folder, {self.folder / tile.path: data for tile, data in tiles.items()})

    def remove(self, tile: Tile) -> None:
        """Remove a partial tile whose hashes a wider one holds."""
        files.remove(self.folder / tile.path)

    def checkpoint(self) -> bytes:
        """The last published signed note."""
        try:
            return (self.folder / CHECKPOINT).read_bytes()
        except FileNotFoundError:
            raise CorruptVault("the file checkpoint is missing") from None

    def replace_checkpoint(self, note: bytes) -> None:
        """Put a note in the place of the published one."""
        files.replace(self.folder / CHECKPOINT, note)

    def kept(self) -> bytes | None:
        """The last checkpoint that is kept beside the published one, None when there is none: see the bucket."""
        return None
