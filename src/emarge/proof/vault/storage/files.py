"""The only module that writes durably. Its system calls, in order (docs/formats/durable-writes.md):

- put a file: open(tmp) write… fsync close rename(tmp, path);
  then open fsync close of each folder up to the root
- put a file that is there: read it and compare; then the same fsync of the folders
- replace a file: as put, the rename replaces
- destroy files: unlink each; then open fsync close of each of their folders
- a file that SQLite cut: open fdatasync close
- make a folder: mkdir; then open fsync close of the folder above
- append to staging: write… fdatasync
- shorten staging: ftruncate fdatasync
- begin a file to append to: open(O_CREAT); then open fsync close of its folder
- append to it: write… fdatasync; shorten it: ftruncate fdatasync
- lock: open flock

A failed call raises DurabilityLost, which is fatal: after a failed fsync nobody knows what is on disk, and a
second fsync may well succeed on pages that the kernel has thrown away.
"""

import fcntl
import os
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

from emarge.proof.vault.errors import CorruptVault, DurabilityLost, VaultRefused

TEMPORARY = ".tmp"
_FEW = 4  # files
_SIDE_BY_SIDE = 8
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


def put_all(root: Path, files: Mapping[Path, bytes]) -> None:
    """Make each file durable unless it is there with the same bytes; CorruptVault when it holds others."""
    missing: dict[Path, bytes] = {}
    for path, data in files.items():
        make_folder(path.parent)
        if not path.exists():
            missing[path] = data
        elif path.read_bytes() != data:
            raise CorruptVault(f"{path.relative_to(root)} is already there with other bytes")
    if len(missing) <= _FEW:
        for path, data in missing.items():
            _write(path, data)
    else:
        # The disk makes many files durable in the time of a few.
        with ThreadPoolExecutor(_SIDE_BY_SIDE) as threads:
            list(threads.map(_write, missing.keys(), missing.values()))
    _sync_folders(root, files)


def replace(path: Path, data: bytes) -> None:
    """Make the file durable in place of what it held."""
    _write(path, data)
    sync_folder(path.parent)


def make_folder(path: Path) -> None:
    """Make a folder and those above it that are missing, durably, for the owner alone."""
    if path.is_dir():
        return
    make_folder(path.parent)
    with _fatal(path):
        path.mkdir(mode=0o700, exist_ok=True)
    sync_folder(path.parent)


def rename(source: Path, target: Path) -> None:
    """Give a folder its final name, durably."""
    with _fatal(target):
        source.rename(target)
    sync_folder(target.parent)


def remove(path: Path) -> None:
    """Unlink a file that nothing needs any more, and its folder if empty; their return would be harmless."""
    with suppress(FileNotFoundError):
        path.unlink()
    with suppress(OSError):
        path.parent.rmdir()


def destroy(paths: Iterable[Path]) -> None:
    """Unlink files durably; one that is not there is gone already."""
    folders = set()
    for path in paths:
        with _fatal(path):
            path.unlink(missing_ok=True)
        folders.add(path.parent)
    for folder in sorted(folders):
        sync_folder(folder)


def sync_file(path: Path) -> None:
    """Make durable what another library wrote to a file, or cut from it."""
    with _fatal(path):
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        try:
            os.fdatasync(descriptor)
        finally:
            os.close(descriptor)


def sync_folder(path: Path) -> None:
    """Make the names in a folder durable."""
    with _fatal(path):
        descriptor = os.open(path, _FOLDER)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def lock(path: Path) -> int:
    """Hold the lock file until the process ends or the descriptor is closed; VaultRefused when taken."""
    descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise VaultRefused("in_use", "another process writes to this vault") from None
    return descriptor


def unlock(descriptor: int) -> None:
    """Let go of a lock."""
    os.close(descriptor)


class Staging:
    """The file where sequenced entries wait for their tiles. It must already exist."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)

    def append(self, data: bytes) -> None:
        """Add bytes at the end, durably."""
        with _fatal(self._path):
            _write_whole(self._descriptor, data)
            os.fdatasync(self._descriptor)

    def shorten(self, length: int) -> None:
        """Keep the first ``length`` bytes, durably."""
        with _fatal(self._path):
            os.ftruncate(self._descriptor, length)
            os.fdatasync(self._descriptor)

    def read(self) -> bytes:
        return self._path.read_bytes()

    def close(self) -> None:
        os.close(self._descriptor)


class Appending:
    """A file that only grows, made when it is not there."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with _fatal(path):
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        sync_folder(path.parent)

    def append(self, data: bytes) -> None:
        """Add bytes at the end, durably."""
        with _fatal(self._path):
            _write_whole(self._descriptor, data)
            os.fdatasync(self._descriptor)

    def shorten(self, length: int) -> None:
        """Keep the first ``length`` bytes, durably; nothing happens when there are no more."""
        with _fatal(self._path):
            if os.fstat(self._descriptor).st_size > length:
                os.ftruncate(self._descriptor, length)
                os.fdatasync(self._descriptor)

    def close(self) -> None:
        os.close(self._descriptor)


def _write(path: Path, data: bytes) -> None:
    temporary = path.with_name(path.name + TEMPORARY)
    with _fatal(path):
        descriptor = os.open(temporary, os.O_CREAT | os.O_TRUNC | os.O_WRONLY | os.O_CLOEXEC, 0o600)
        try:
            _write_whole(descriptor, data)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        temporary.rename(path)


def _write_whole(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _sync_folders(root: Path, files: Mapping[Path, bytes]) -> None:
    # The folders above and those of files found there too: a process killed before its fsync left them so.
    folders = {folder for path in files for folder in path.parents if folder.is_relative_to(root)}
    for folder in sorted(folders, reverse=True):
        sync_folder(folder)


@contextmanager
def _fatal(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise DurabilityLost(f"writing {path.name} failed: {error.strerror}") from error
