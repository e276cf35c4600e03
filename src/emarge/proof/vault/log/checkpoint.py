"""Signed checkpoints: C2SP ``tlog-checkpoint`` in a C2SP ``signed-note``, one Ed25519 line, no extension.

See docs/formats/log.md. Reading is strict: a note is accepted only when it is, byte for byte, the one that
its fields and its signature give back.
"""

import base64
import binascii
import hashlib
import struct
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from emarge.proof.vault.errors import CheckpointError
from emarge.proof.vault.log.merkle import HASH_SIZE

MAX_NOTE = 4096
MAX_SIZE = 2**63 - 1
ED25519 = b"\x01"
NOTE_LINES = 5
_KEY_SIZE = 32
_SIGNATURE_SIZE = 64
_LONGEST_NUMBER = 19
_VKEY_PARTS = 3


@dataclass(frozen=True)
class Checkpoint:
    """A tree head: the log's identity, its number of leaves, the root over them."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """The text that is signed (three lines, each ended by a newline)."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode('ascii')}\n"


def check_origin(origin: str) -> str:
    """Give back an origin fit to be a note's key name (no space, no plus sign), or raise CheckpointError."""
    if not origin or "+" in origin or not origin.isprintable() or any(c.isspace() for c in origin):
        raise CheckpointError("an origin is made of visible characters, without space or plus sign")
    return origin


def vkey(origin: str, public_key: Ed25519PublicKey, kind: bytes = ED25519) -> str:
    """The verifier key text of C2SP signed-note: ``<origin>+<key id>+<base64 of type and key>``."""
    key = kind + public_key.public_bytes_raw()
    return f"{check_origin(origin)}+{key_id(origin, key).hex()}+{base64.b64encode(key).decode('ascii')}"


def sign(checkpoint: Checkpoint, key: Ed25519PrivateKey) -> bytes:
    """The signed note of a checkpoint, under the key name that is its origin."""
    check_origin(checkpoint.origin)
    if not 0 <= checkpoint.size <= MAX_SIZE or len(checkpoint.root) != HASH_SIZE:
        raise CheckpointError("a checkpoint has a size from 0 to 2^63-1 and a root of 32 bytes")
    known = key_id(checkpoint.origin, ED25519 + key.public_key().public_bytes_raw())
    return _note(checkpoint, known, key.sign(checkpoint.text.encode()))


def open_checkpoint(note: bytes, vkey: str) -> Checkpoint:
    """The checkpoint in a note signed by the key of ``vkey``; raises CheckpointError on anything else.

    A line of another key, a repeated line or any other spelling of the same fields is refused, so that
    no byte of the note is free.
    """
    origin, known, public_key = parse_vkey(vkey)
    checkpoint, signature = _parse_note(note)
    if checkpoint.origin != origin:
        raise CheckpointError("the checkpoint is of another log")
    if note != _note(checkpoint, known, signature):
        raise CheckpointError("the checkpoint is not written in the one form that its log signs")
    try:
        public_key.verify(signature, checkpoint.text.encode())
    except InvalidSignature:
        raise CheckpointError("the signature of the checkpoint is false") from None
    return checkpoint


def signature_line(name: str, known: bytes, signature: bytes) -> bytes:
    """A signature line of C2SP signed-note: key name, then key id and signature in base64."""
    return f"— {name} {base64.b64encode(known + signature).decode('ascii')}\n".encode()


def key_id(name: str, key: bytes) -> bytes:
    """The key id of C2SP signed-note; ``key`` is the type and the public key."""
    return hashlib.sha256(name.encode() + b"\n" + key).digest()[:4]


def parse_vkey(text: str, kind: bytes = ED25519) -> tuple[str, bytes, Ed25519PublicKey]:
    """Name, key id and key of a verifier key text of a kind; raises CheckpointError."""
    parts = text.split("+", maxsplit=2)
    if len(parts) != _VKEY_PARTS:
        raise CheckpointError("the verifier key is not <origin>+<key id>+<key>")
    origin, _, encoded = parts
    key = decode_base64(encoded, 1 + _KEY_SIZE)
    if key[:1] != kind:
        raise CheckpointError("the verifier key is not an Ed25519 key")
    public_key = Ed25519PublicKey.from_public_bytes(key[1:])
    if text != vkey(origin, public_key, kind):
        raise CheckpointError("the verifier key is not canonical")
    return origin, key_id(origin, key), public_key


def _note(checkpoint: Checkpoint, known: bytes, signature: bytes) -> bytes:
    return checkpoint.text.encode() + b"\n" + signature_line(checkpoint.origin, known, signature)


def _parse_note(note: bytes) -> tuple[Checkpoint, bytes]:
    try:
        lines = note.decode("utf-8").split("\n") if len(note) <= MAX_NOTE else []
    except UnicodeDecodeError:
        lines = []
    if len(lines) != NOTE_LINES + 1:
        raise CheckpointError("the checkpoint is not three lines, an empty line and one signature")
    origin, size, root, _, signature, _ = lines
    if not (size.isascii() and size.isdigit() and len(size) <= _LONGEST_NUMBER):
        raise CheckpointError("the size of the checkpoint is not a number")
    blob = decode_base64(signature.rpartition(" ")[2], struct.calcsize(">I") + _SIGNATURE_SIZE)
    return Checkpoint(origin, int(size), decode_base64(root, HASH_SIZE)), blob[4:]


def decode_base64(text: str, length: int) -> bytes:
    """Bytes of a known length in canonical base64; raises CheckpointError."""
    try:
        data = binascii.a2b_base64(text.encode("ascii"), strict_mode=True)
    except (binascii.Error, UnicodeEncodeError):
        raise CheckpointError("a field of the checkpoint is not base64") from None
    if len(data) != length:
        raise CheckpointError(f"a field of the checkpoint is not {length} bytes long")
    return data
