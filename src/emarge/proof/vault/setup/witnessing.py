"""Which witnesses a vault hands its checkpoints to: ``witnesses.json`` in its folder (docs/formats/witness.md)."""

import json
from pathlib import Path

from emarge.proof.vault.errors import CheckpointError, CorruptVault, VaultRefused
from emarge.proof.vault.log import cosignature
from emarge.proof.vault.setup import mirroring
from emarge.proof.vault.setup.create import LOCK
from emarge.proof.vault.storage import files

FILE = "witnesses.json"


def read(folder: Path) -> tuple[str, ...]:
    """The verifier keys of the witnesses of a vault, in their order; CorruptVault when that cannot be read."""
    try:
        vkeys = json.loads((folder / FILE).read_bytes())["witnesses"]
        names = [cosignature.name_of(vkey) for vkey in vkeys]
    except FileNotFoundError:
        return ()
    except (ValueError, KeyError, TypeError, AttributeError, CheckpointError):
        raise CorruptVault(f"{FILE} is unreadable") from None
    if len(set(names)) != len(names):
        raise CorruptVault(f"{FILE} names a witness twice")
    return tuple(vkeys)


def add(folder: Path, vkey: str) -> None:
    """Give a vault that is not running one more witness; the same one again changes nothing.

    Raises CheckpointError when the key is not a cosigner's, VaultRefused while the vault runs (``in_use``), and
    when another key of that name is there already (``same_name``).
    """
    name = cosignature.name_of(vkey)
    held = files.lock(folder / LOCK)
    try:
        there, mirror = read(folder), mirroring.read(folder)
        if vkey in there:
            return
        taken = {cosignature.name_of(one) for one in (*there, *((mirror.vkey,) if mirror else ()))}
        if name in taken:
            raise VaultRefused("same_name", f"this vault has another cosigner of the name {name}")
        _write(folder, (*there, vkey))
    finally:
        files.unlock(held)


def remove(folder: Path, name: str) -> None:
    """Take a witness away from a vault that is not running; VaultRefused when there is none of that name.

    The lines of all cosigners are taken from the published checkpoints: those who stay give new ones.
    """
    held = files.lock(folder / LOCK)
    try:
        there = read(folder)
        left = tuple(vkey for vkey in there if cosignature.name_of(vkey) != name)
        if left == there:
            raise VaultRefused("no_witness", f"this vault has no witness of the name {name}")
        mirroring.take_lines(folder)
        _write(folder, left)
    finally:
        files.unlock(held)


def _write(folder: Path, vkeys: tuple[str, ...]) -> None:
    values = {"witnesses": list(vkeys)}
    files.replace(folder / FILE, json.dumps(values, indent=1).encode() + b"\n")
