"""Makes a vault, on purpose: nothing else ever does, so a wrong path can never begin a second history."""

import hashlib
import json
import secrets
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from emarge.proof.vault.errors import VaultRefused
from emarge.proof.vault.log import checkpoint
from emarge.proof.vault.storage import contents, files, sequencer, store

if TYPE_CHECKING:
    from emarge.proof.vault.storage.s3 import Place

FIRST_ROLES = ("opener", "writer", "reader")
ROLES = (*FIRST_ROLES, "destroyer", "controller", "auditor")
"""Each has a credential of its own. A vault made when there were three has those alone until it is given more."""
CONFIGURATION = "vault.json"
LOCK = "lock"


def create_vault(folder: Path, *, name: str, postgresql: str = "", place: "Place | None" = None) -> dict[str, str]:
    """Make an empty vault and give its credentials by role, which exist nowhere else.

    ``name`` begins the origin of each log; ``postgresql`` is the address of the database that sequences, when it is
    not a file; ``place`` is where filled tiles go, when it is not this folder. Raises VaultRefused when something is
    there already or that database or place will not do, and CheckpointError when the name is not fit to be a key name.
    A crash leaves no vault: it gets its name last.
    """
    checkpoint.check_origin(name)
    if folder.exists():
        raise VaultRefused("exists", f"{folder.name} exists already: a vault is never made over another")
    draft = folder.with_name(folder.name + ".new")
    if draft.exists():
        shutil.rmtree(draft)
    for part in ("logs", "signing"):
        files.make_folder(draft / part)
    if place is not None:
        from emarge.proof.vault.storage import s3

        s3.claim(place)
        files.put_all(draft, {draft / store.CONFIGURATION: place.dump()})
    sequencer.create(draft, postgresql)
    contents.create(draft)
    credentials = {role: secrets.token_urlsafe(32) for role in ROLES}
    hashes = {role: credential_hash(credential) for role, credential in credentials.items()}
    configuration = json.dumps({"name": name, "credentials": hashes}, indent=1).encode() + b"\n"
    files.put_all(draft, {draft / CONFIGURATION: configuration, draft / LOCK: b""})
    files.rename(draft, folder)
    return credentials


def credential_hash(credential: str) -> str:
    """What the vault keeps of a credential: it has 256 bits of chance, a plain hash hides it."""
    return hashlib.sha256(credential.encode()).hexdigest()
