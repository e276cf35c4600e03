"""Sealed personal content, and the commitment that ties it to its record (docs/formats/contents.md)."""

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from emarge.proof.evidence.canonical import canonical, parse_canonical
from emarge.proof.evidence.errors import CanonicalError, CommitmentError, ContentError

KEY_SIZE = 32
NONCE_SIZE = 12
TAG_SIZE = 16
MAX_SEALED = 1024 * 1024  # what the vault takes
MAX_CONTENT = MAX_SEALED - NONCE_SIZE - TAG_SIZE


@dataclass(frozen=True)
class Sealed:
    """A sealed content, its 32-byte key (kept apart), and the hex commitment that its record carries."""

    ciphertext: bytes
    key: bytes
    commitment: str


def seal(content: Mapping[str, object]) -> Sealed:
    """Seal a content under a fresh key. Raises ContentError when it has no canonical form or is too long."""
    try:
        plain = canonical(dict(content))
    except CanonicalError as error:
        raise ContentError(str(error)) from error
    if len(plain) > MAX_CONTENT:
        raise ContentError(f"a content is at most {MAX_CONTENT} bytes long, this one has {len(plain)}")
    drawn = secrets.token_bytes(KEY_SIZE + NONCE_SIZE)
    key, nonce = drawn[:KEY_SIZE], drawn[KEY_SIZE:]
    ciphertext = nonce + AESGCM(key).encrypt(nonce, plain, None)
    return Sealed(ciphertext, key, commit(key, ciphertext))


def commit(key: bytes, ciphertext: bytes) -> str:
    """The commitment to one ciphertext under one key, 64 hex digits."""
    return hmac.digest(key, ciphertext, hashlib.sha256).hex()


def open_content(ciphertext: bytes, key: bytes, commitment: str) -> dict[str, Any]:
    """The content behind a commitment.

    Raises CommitmentError when key or ciphertext are others, ContentError when they hold no content.
    """
    if len(key) != KEY_SIZE:
        raise CommitmentError(f"the key is not {KEY_SIZE} bytes long")
    if not hmac.compare_digest(commit(key, ciphertext), commitment):
        raise CommitmentError("content and key are not those that the record committed to")
    if not NONCE_SIZE + TAG_SIZE < len(ciphertext) <= MAX_SEALED:
        raise ContentError("the sealed content has an impossible length")
    try:
        content = parse_canonical(AESGCM(key).decrypt(ciphertext[:NONCE_SIZE], ciphertext[NONCE_SIZE:], None))
    except InvalidTag as error:
        raise ContentError("the content does not open under its key") from error
    except CanonicalError as error:
        raise ContentError(str(error)) from error
    if not isinstance(content, dict):
        raise ContentError("a content is an object")
    return content
