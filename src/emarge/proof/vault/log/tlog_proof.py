"""The text of an inclusion proof: C2SP ``tlog-proof@v1``, without ``extra``. See docs/formats/log.md."""

import base64
import binascii
from dataclasses import dataclass

from emarge.proof.vault.errors import ProofError
from emarge.proof.vault.log.merkle import HASH_SIZE

MAX_PROOF = 16_384
_HEADER = b"c2sp.org/tlog-proof@v1\n"
_INDEX = b"index "
_LONGEST_NUMBER = 19


@dataclass(frozen=True)
class InclusionProof:
    """Index of an entry, hashes from its sibling up to the root's child, and the checkpoint's signed note."""

    index: int
    hashes: tuple[bytes, ...]
    checkpoint: bytes


def format_proof(proof: InclusionProof) -> bytes:
    """The one text form of a proof."""
    hashes = b"".join(base64.b64encode(value) + b"\n" for value in proof.hashes)
    return _HEADER + _INDEX + b"%d\n" % proof.index + hashes + b"\n" + proof.checkpoint


def parse_proof(data: bytes) -> InclusionProof:
    """Read that form strictly; raises ProofError. The hashes and the checkpoint are yet to be verified."""
    if len(data) > MAX_PROOF:
        raise ProofError("the proof is too long")
    head, separator, checkpoint = data.partition(b"\n\n")
    if not separator or not checkpoint:
        raise ProofError("the proof holds no checkpoint")
    lines = head.split(b"\n")
    if lines[0] + b"\n" != _HEADER or len(lines) == 1 or not lines[1].startswith(_INDEX):
        raise ProofError("the proof is not a tlog-proof@v1 with an index and without extra")
    index = lines[1].removeprefix(_INDEX)
    if not index.isdigit() or len(index) > _LONGEST_NUMBER:
        raise ProofError("the index of the proof is not a number")
    proof = InclusionProof(int(index), tuple(_hash(line) for line in lines[2:]), checkpoint)
    if format_proof(proof) != data:
        raise ProofError("the proof is not written in its one form")
    return proof


def _hash(line: bytes) -> bytes:
    try:
        value = binascii.a2b_base64(line, strict_mode=True)
    except binascii.Error:
        raise ProofError("a hash of the proof is not base64") from None
    if len(value) != HASH_SIZE:
        raise ProofError("a hash of the proof is not 32 bytes long")
    return value
