"""What goes into the vault and what comes back; limits as in docs/formats/vault-http.md."""

import re
from dataclasses import dataclass

from emarge.proof.vault.errors import VaultRefused

MAX_PAYLOAD = 49_152
MAX_LABELS = 16
MAX_CONTENT = 1024 * 1024
CONTENT_KEY = 32
HELD, LOCAL_ONLY = "held", "local_only"
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
_LABEL = re.compile(r"[!-~]{1,128}", re.ASCII)


def is_uuid(text: object) -> bool:
    """Whether this is a uuid in canonical lower case."""
    return isinstance(text, str) and _UUID.fullmatch(text) is not None


def is_label(text: object) -> bool:
    """Whether this can be a word to find records by."""
    return isinstance(text, str) and _LABEL.fullmatch(text) is not None


@dataclass(frozen=True)
class Deposit:
    """A record to log: its bytes, words to find it by, its sealed content and key (both empty when none)."""

    uuid: str
    payload: bytes
    labels: tuple[str, ...]
    content: bytes
    content_key: bytes

    def check(self) -> None:
        """Raise VaultRefused when a part is malformed or too large."""
        if not is_uuid(self.uuid):
            raise VaultRefused("bad_deposit", "a uuid is written in canonical lower case")
        if not self.payload:
            raise VaultRefused("bad_deposit", "a record is empty")
        if len(self.payload) > MAX_PAYLOAD or len(self.content) > MAX_CONTENT:
            raise VaultRefused("too_large", "a record or its content is too large")
        if len(self.labels) > MAX_LABELS or not all(is_label(label) for label in self.labels):
            raise VaultRefused("bad_deposit", "labels are up to 16 words of 1 to 128 visible ASCII characters")
        if len(self.content_key) != (CONTENT_KEY if self.content else 0):
            raise VaultRefused("bad_deposit", "a content comes with a key of 32 bytes")


@dataclass(frozen=True)
class Receipt:
    """A record's place: ``leaf`` (hex) hashes its entry, ``checkpoint`` is the first that holds it.

    ``mirror`` is HELD or LOCAL_ONLY when it was answered, empty when no mirror is configured.
    """

    uuid: str
    index: int
    leaf: str
    stamp: bytes
    size: int
    checkpoint: bytes
    mirror: str = ""


@dataclass(frozen=True)
class SealedContent:
    """Personal content as it was deposited, and its key."""

    ciphertext: bytes
    key: bytes
