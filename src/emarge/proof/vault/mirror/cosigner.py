"""What a mirror and a witness have in common: key, credentials, and how the checkpoint of a log is judged.

docs/formats/mirror.md, docs/formats/witness.md.
"""

import hashlib
import hmac
import json
import secrets
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from emarge.proof.vault.errors import CheckpointError, CorruptVault, ProofError, VaultRefused
from emarge.proof.vault.log import checkpoint, cosignature, merkle
from emarge.proof.vault.log.checkpoint import Checkpoint
from emarge.proof.vault.log.merkle import EMPTY_ROOT
from emarge.proof.vault.setup.create import LOCK, credential_hash
from emarge.proof.vault.storage import files

ROLES = ("vault", "reader")
KEY = "signing.pem"


@dataclass(frozen=True)
class Identity:
    """The name, the key and the hashes of the credentials of one cosigner."""

    name: str
    key: Ed25519PrivateKey
    credentials: dict[str, str]

    @property
    def vkey(self) -> str:
        return cosignature.vkey(self.name, self.key.public_key())

    def role(self, credential: str) -> str | None:
        """The role of a credential, or None. Takes the same time for each credential of the same length."""
        digest, found = credential_hash(credential), None
        for role, known in self.credentials.items():
            if hmac.compare_digest(digest, known):
                found = role
        return found


def create(folder: Path, *, kind: str, name: str, fill: Callable[[Path], None]) -> dict[str, str]:
    """Make an empty cosigner and give its credentials by role, which exist nowhere else; ``fill`` makes its files.

    ``kind`` is ``mirror`` or ``witness``. Raises VaultRefused when something is there already, and CheckpointError
    when the name cannot be a key's.
    """
    checkpoint.check_origin(name)
    if folder.exists():
        raise VaultRefused("exists", f"{folder.name} exists already: a {kind} is never made over another")
    draft = folder.with_name(folder.name + ".new")
    if draft.exists():
        shutil.rmtree(draft)
    fill(draft)
    credentials = {role: secrets.token_urlsafe(32) for role in ROLES}
    hashes = {role: credential_hash(credential) for role, credential in credentials.items()}
    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    configuration = json.dumps({"name": name, "credentials": hashes}, indent=1).encode() + b"\n"
    files.put_all(draft, {draft / f"{kind}.json": configuration, draft / KEY: pem, draft / LOCK: b""})
    files.rename(draft, folder)
    return credentials


def identity(folder: Path, kind: str) -> Identity:
    """Who a cosigner is; VaultRefused when there is none, CorruptVault when that is unreadable."""
    path = folder / f"{kind}.json"
    if not path.exists():
        raise VaultRefused(f"no_{kind}", f"there is no {kind} in {folder.name}: one is only made on purpose")
    try:
        values = json.loads(path.read_bytes())
        name, credentials = checkpoint.check_origin(values["name"]), values["credentials"]
        key = load_pem_private_key((folder / KEY).read_bytes(), password=None)
    except (OSError, ValueError, KeyError, TypeError, CheckpointError):
        raise CorruptVault(f"{path.name} or {KEY} is missing or unreadable") from None
    if not isinstance(key, Ed25519PrivateKey) or sorted(credentials) != sorted(ROLES):
        raise CorruptVault(f"{path.name} and {KEY} are not those of a {kind}")
    return Identity(name, key, credentials)


def folder_name(origin: str) -> str:
    """How a cosigner names a log on disk and over HTTP."""
    return hashlib.sha256(origin.encode()).hexdigest()


def origin_of(note: bytes) -> str:
    """The origin that a note speaks of, before anything of it is believed."""
    return note.partition(b"\n")[0].decode("utf-8", "replace")


def signed(note: bytes, vkey: str) -> tuple[Checkpoint, bytes]:
    """The checkpoint that the log signed in a note, and the note without the lines of others; or VaultRefused."""
    lines = note.splitlines(keepends=True) if len(note) <= checkpoint.MAX_NOTE else []
    text = b"".join(lines[: checkpoint.NOTE_LINES - 1])
    for line in lines[checkpoint.NOTE_LINES - 1 :]:
        try:
            return checkpoint.open_checkpoint(text + line, vkey), text + line
        except CheckpointError:
            continue
    raise VaultRefused("bad_signature", "no line of the checkpoint is a signature of its log")


def check_growth(old: Checkpoint, new: Checkpoint, proof: list[bytes]) -> None:
    """That a tree extends another one; raises ProofError otherwise."""
    if old.size:
        merkle.verify_consistency(old.size, new.size, proof, old.root, new.root)
    elif proof or (new.size == 0 and new.root != EMPTY_ROOT):
        raise ProofError("there is nothing to prove from an empty tree")
