"""Checkpoints under a token of an external timestamp service, as they are kept: docs/formats/log.md."""

import hashlib
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from emarge.proof.vault.errors import CorruptVault, DestructionError, VaultRefused
from emarge.proof.vault.storage import files
from emarge.proof.vault.storage.sequencer import Sequencer

FOLDER = "dated"
NOTE, TOKEN = ".checkpoint", ".tst"
_TOKEN_NAME = re.compile(r"([1-9][0-9]{0,18})\.tst", re.ASCII)


@dataclass(frozen=True)
class DatedCheckpoint:
    """The log's note of ``size`` entries, and the token over its SHA-256."""

    size: int
    note: bytes
    token: bytes


class DatedCheckpoints:
    """Those of one log of a vault, which may have none. ``folder`` is the vault's."""

    def __init__(self, folder: Path, log: str) -> None:
        self._vault, self._folder = folder, folder / FOLDER / log

    def sizes(self) -> list[int]:
        """The sizes that were dated, ascending."""
        if not self._folder.is_dir():
            return []
        found = (_TOKEN_NAME.fullmatch(path.name) for path in self._folder.iterdir())
        return sorted(int(match[1]) for match in found if match)

    def read(self, size: int) -> DatedCheckpoint:
        """The one of a size; raises VaultRefused (``unknown_size``) when there is none."""
        try:
            note, token = (self._path(size, suffix).read_bytes() for suffix in (NOTE, TOKEN))
        except FileNotFoundError:
            raise VaultRefused("unknown_size", f"no checkpoint of {size} entries was dated") from None
        return DatedCheckpoint(size, note, token)

    def age(self, size: int) -> float:
        """Seconds since one was written, by the clock of this machine."""
        return time.time() - self._path(size, TOKEN).stat().st_mtime

    def put(self, dated: DatedCheckpoint) -> None:
        """Keep one for ever. Raises DurabilityLost, or CorruptVault when that size is there with other bytes."""
        pair = {self._path(dated.size, NOTE): dated.note, self._path(dated.size, TOKEN): dated.token}
        for path, data in pair.items():
            files.put_all(self._vault, {path: data})

    def _path(self, size: int, suffix: str) -> Path:
        return self._folder / f"{size}{suffix}"


def check(vault: Path, log: str, sequencer: Sequencer, token_digest: Callable[[bytes], bytes] | None) -> None:
    """Compare those of a log with what was sequenced, which is checked elsewhere; raises CorruptVault.

    With ``token_digest`` their tokens too.
    """
    kept = DatedCheckpoints(vault, log)
    for size in kept.sizes():
        try:
            dated = kept.read(size)
        except VaultRefused as error:
            raise CorruptVault(f"the dated checkpoint of {size} entries is missing under its token") from error
        sequenced = sequencer.history(log, size - 1, 1)
        if not sequenced or sequenced[0].checkpoint != dated.note:
            raise CorruptVault(f"the dated checkpoint of {size} entries is not one that was sequenced")
        try:
            covers = token_digest is None or token_digest(dated.token) == hashlib.sha256(dated.note).digest()
        except DestructionError as error:
            raise CorruptVault(f"the token over the checkpoint of {size} entries cannot be read: {error}") from error
        if not covers:
            raise CorruptVault(f"the token over the checkpoint of {size} entries was made over something else")
