"""Which mirror a vault hands its checkpoints to: ``mirror.json`` in its folder (docs/formats/mirror.md)."""

import json
from dataclasses import dataclass
from pathlib import Path

from emarge.proof.vault.errors import CheckpointError, CorruptVault
from emarge.proof.vault.log import cosignature
from emarge.proof.vault.log.checkpoint import NOTE_LINES
from emarge.proof.vault.setup.create import LOCK
from emarge.proof.vault.storage import files

FILE = "mirror.json"
SYNC, DEGRADED = POLICIES = ("sync", "degraded")


@dataclass(frozen=True)
class Mirroring:
    """The mirror's verifier key, and what to do while it does not answer."""

    vkey: str
    policy: str


def read(folder: Path) -> Mirroring | None:
    """The mirror of a vault, None when it has none; CorruptVault when that cannot be read."""
    try:
        values = json.loads((folder / FILE).read_bytes())
        found = Mirroring(values["vkey"], values["policy"])
        cosignature.name_of(found.vkey)
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError, AttributeError, CheckpointError):
        raise CorruptVault(f"{FILE} is unreadable") from None
    if found.policy not in POLICIES:
        raise CorruptVault(f"{FILE} names an unknown policy")
    return found


def configure(folder: Path, mirroring: Mirroring) -> None:
    """Give a vault that is not running its mirror, or another one, or another policy.

    Raises CheckpointError when the key is not a cosigner's, VaultRefused (``in_use``) while the vault runs.
    The lines of a former mirror are taken from the published checkpoints: nobody would know its key.
    """
    cosignature.name_of(mirroring.vkey)
    held = files.lock(folder / LOCK)
    try:
        was = read(folder)
        if was is not None and was.vkey != mirroring.vkey:
            take_lines(folder)
        values = {"policy": mirroring.policy, "vkey": mirroring.vkey}
        files.replace(folder / FILE, json.dumps(values, indent=1).encode() + b"\n")
    finally:
        files.unlock(held)


def take_lines(folder: Path) -> None:
    """Take the lines of all cosigners from the published checkpoints of a vault."""
    for log in sorted((folder / "logs").iterdir()):
        plain = b"".join((log / "checkpoint").read_bytes().splitlines(keepends=True)[:NOTE_LINES])
        files.replace(log / "checkpoint", plain)
