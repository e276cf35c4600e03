"""A small disk of its own, that can be filled and made read-only: a tmpfs, which only root may mount."""

import os
import subprocess
from contextlib import contextmanager, suppress


class Disk:
    """``folder`` is the root of the disk."""

    def __init__(self, folder):
        self.folder = folder
        self._filler = folder / "filler"

    def fill(self, leaving=0):
        """Take all the room but so many bytes."""
        with self._filler.open("wb", buffering=0) as filler:
            with suppress(OSError):
                while filler.write(bytes(4096)):
                    pass
            filler.truncate(max(filler.tell() - leaving, 0))

    def make_room(self):
        self._filler.unlink()

    @contextmanager
    def read_only(self):
        """Nothing may be open for writing."""
        _mount("-o", "remount,ro", self.folder)
        try:
            yield
        finally:
            _mount("-o", "remount,rw", self.folder)


@contextmanager
def small_disk(folder, megabytes=24):
    """The disk, or None where this process may not mount one."""
    folder.mkdir()
    if os.geteuid() != 0 or _mount("-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", folder, check=False):
        yield None
        return
    try:
        yield Disk(folder)
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def _mount(*words, check=True):
    return subprocess.run(["mount", *words], check=check, capture_output=True).returncode
