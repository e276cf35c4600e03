"""Cosignatures of a mirror: C2SP ``tlog-cosignature``, version ``cosignature/v1``, Ed25519 (docs/formats/mirror.md)."""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from emarge.proof.vault.errors import CheckpointError
from emarge.proof.vault.log import checkpoint
from emarge.proof.vault.log.checkpoint import Checkpoint

_KIND = b"\x04"
_KEY_ID = 4
_TIME = struct.Struct(">Q")
_SIGNATURE = 64
_DASH = "— "
_LAST_TIME = int(datetime.max.replace(tzinfo=UTC).timestamp())


@dataclass(frozen=True)
class Cosignature:
    """A mirror's word: ``at`` this second, no larger tree of the log was known to ``name``."""

    name: str
    vkey: str
    at: datetime


@dataclass(frozen=True)
class Cosigned:
    """A checkpoint and those of the known cosigners who vouch for it."""

    checkpoint: Checkpoint
    note: bytes
    cosignatures: tuple[Cosignature, ...]


def vkey(name: str, public_key: Ed25519PublicKey) -> str:
    """The verifier key text of a cosigner."""
    return checkpoint.vkey(name, public_key, _KIND)


def name_of(vkey: str) -> str:
    """The name in a cosigner's verifier key text; raises CheckpointError when it is not one."""
    return checkpoint.parse_vkey(vkey, _KIND)[0]


def cosign(text: str, name: str, key: Ed25519PrivateKey, at: datetime) -> bytes:
    """The cosignature line for the text of a checkpoint, at an aware instant, cut to the second."""
    known = checkpoint.key_id(name, _KIND + key.public_key().public_bytes_raw())
    seconds = int(at.timestamp())
    signature = key.sign(_message(text, seconds))
    return checkpoint.signature_line(name, known, _TIME.pack(seconds) + signature)


def open_line(line: bytes, text: str, vkey: str) -> Cosignature:
    """The cosignature in a line, over the text of a checkpoint, by the key of ``vkey``; raises CheckpointError."""
    name, known, public_key = checkpoint.parse_vkey(vkey, _KIND)
    try:
        encoded = line.decode("utf-8").removesuffix("\n").rpartition(" ")[2]
    except UnicodeDecodeError:
        raise CheckpointError("a cosignature is not text") from None
    blob = checkpoint.decode_base64(encoded, _KEY_ID + _TIME.size + _SIGNATURE)[_KEY_ID:]
    if line != checkpoint.signature_line(name, known, blob):
        raise CheckpointError(f"a cosignature is not written in the one form that {name} signs")
    [seconds] = _TIME.unpack(blob[: _TIME.size])
    if seconds > _LAST_TIME:
        raise CheckpointError("the time of a cosignature is no time")
    try:
        public_key.verify(blob[_TIME.size :], _message(text, seconds))
    except InvalidSignature:
        raise CheckpointError(f"the cosignature of {name} is false") from None
    return Cosignature(name, vkey, datetime.fromtimestamp(seconds, UTC))


def open_cosigned(note: bytes, vkey: str, cosigners: Sequence[str]) -> Cosigned:
    """A checkpoint signed by the log of ``vkey``, and the cosignatures below it; raises CheckpointError.

    ``cosigners`` are the verifier keys that may stand there, in this order, each at most once. Any other
    line, order or spelling is refused, so that no byte of the note is free.
    """
    lines = note.splitlines(keepends=True) if len(note) <= checkpoint.MAX_NOTE else []
    plain = b"".join(lines[: checkpoint.NOTE_LINES])
    found = checkpoint.open_checkpoint(plain, vkey)
    known = iter(cosigners)
    opened = [_next(line, found.text, known) for line in lines[checkpoint.NOTE_LINES :]]
    return Cosigned(found, plain, tuple(opened))


def _next(line: bytes, text: str, known: Iterator[str]) -> Cosignature:
    for vkey in known:
        if line.startswith(f"{_DASH}{name_of(vkey)} ".encode()):
            return open_line(line, text, vkey)
    raise CheckpointError("a line under the checkpoint is of no known cosigner, or not in its place")


def _message(text: str, seconds: int) -> bytes:
    return f"cosignature/v1\ntime {seconds}\n{text}".encode()
