"""A log of a vault: its name, its key, its folder, and how it begins."""

import re
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from emarge.proof.vault.errors import CorruptVault, VaultRefused
from emarge.proof.vault.log import checkpoint, cosignature
from emarge.proof.vault.log.merkle import EMPTY_ROOT
from emarge.proof.vault.setup import mirroring, witnessing
from emarge.proof.vault.storage import files, store
from emarge.proof.vault.storage.sequencer import Sequencer

_NAME = re.compile(r"[a-z0-9]([a-z0-9._-]{0,62}[a-z0-9])?", re.ASCII)


@dataclass(frozen=True)
class Log:
    """Where a log stands and who signs for it."""

    name: str
    origin: str
    folder: Path
    key: Ed25519PrivateKey
    mirrors: tuple[str, ...] = ()
    witnesses: tuple[str, ...] = ()

    @property
    def vkey(self) -> str:
        return checkpoint.vkey(self.origin, self.key.public_key())

    @property
    def cosigners(self) -> tuple[str, ...]:
        """Verifier keys whose lines may stand under a published checkpoint, in the order of these lines."""
        return *self.mirrors, *self.witnesses

    def sign(self, size: int, root: bytes) -> bytes:
        """The signed note of this log at a size."""
        return checkpoint.sign(checkpoint.Checkpoint(self.origin, size, root), self.key)

    def open(self, note: bytes) -> checkpoint.Checkpoint:
        """A checkpoint of this log; raises CheckpointError when it never signed it."""
        return checkpoint.open_checkpoint(note, self.vkey)

    def open_published(self, note: bytes) -> cosignature.Cosigned:
        """A published checkpoint and the lines of its cosigners; raises CheckpointError."""
        return cosignature.open_cosigned(note, self.vkey, self.cosigners)


def check_name(name: str) -> str:
    """Give back a log's name, or raise VaultRefused."""
    if not _NAME.fullmatch(name):
        raise VaultRefused("bad_log", "a log is named by 1 to 64 characters a-z 0-9 . _ - between letters or digits")
    return name


def load(vault: Path, vault_name: str, name: str) -> Log:
    """A log that the sequencer knows; CorruptVault when its key is missing."""
    path = _key_path(vault, name)
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError):
        raise CorruptVault(f"the signing key of the log {name} is missing or unreadable") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise CorruptVault(f"the signing key of the log {name} is not an Ed25519 key")
    mirror = mirroring.read(vault)
    mirrors = (mirror.vkey,) if mirror else ()
    return Log(name, f"{vault_name}/{name}", vault / "logs" / name, key, mirrors, witnessing.read(vault))


def begin(vault: Path, vault_name: str, name: str, sequencer: Sequencer) -> Log:
    """Make a log, or finish making it: key, folder, and last the sequencer's row.

    Raises VaultRefused when its folder already holds tiles: that log lived under another sequencer, and a
    second history would begin here.
    """
    check_name(name)
    folder = vault / "logs" / name
    if (folder / "tile").exists():
        raise VaultRefused("tiles_without_sequencer", f"the log {name} holds tiles that the sequencer does not know")
    if not _key_path(vault, name).exists():
        new = Ed25519PrivateKey.generate()
        pem = new.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        files.put_all(vault, {_key_path(vault, name): pem})
    if (vault / store.CONFIGURATION).exists():
        _begin_in_bucket(vault, folder)
    log = load(vault, vault_name, name)
    empty = log.sign(0, EMPTY_ROOT)
    files.put_all(vault, {folder / "staging": b"", folder / "checkpoint": empty})
    sequencer.add(name, empty)
    return log


def _begin_in_bucket(vault: Path, folder: Path) -> None:
    from emarge.proof.vault.storage import s3

    place = s3.load(vault).under(f"logs/{folder.name}")
    if next(s3.Bucket(place).names(), None) is not None:
        raise VaultRefused("tiles_without_sequencer", f"the store holds a log {folder.name} that is not known here")
    files.put_all(vault, {folder / store.CONFIGURATION: place.dump()})


def _key_path(vault: Path, name: str) -> Path:
    return vault / "signing" / f"{name}.pem"
