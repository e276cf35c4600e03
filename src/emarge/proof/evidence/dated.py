"""Checkpoints of the log that an external service dated, as a bundle carries them (docs/formats/bundle.md)."""

import base64
from collections.abc import Mapping, Sequence

from emarge.proof.evidence import layout
from emarge.proof.evidence.errors import EvidenceError, Fault
from emarge.proof.evidence.proved import Proved, Prover
from emarge.proof.evidence.verdict import Dated
from emarge.proof.vault.errors import CheckpointError, ProofError
from emarge.proof.vault.log import merkle
from emarge.proof.vault.log.checkpoint import decode_base64, open_checkpoint

MOST = 100
"""Dated checkpoints in one bundle."""
_MAX_HASHES = 2 * 63  # of a consistency proof between two sizes below 2^63


def choose(sizes: Sequence[int], indexes: Sequence[int]) -> list[int]:
    """Of the sizes that were dated (ascending), those that a bundle of records takes, at most `MOST`.

    The first one that holds each record; where these are too many, as many evenly, the last among them.
    """
    first = {next((size for size in sizes if size > index), None) for index in indexes}
    wanted = sorted(size for size in first if size is not None)
    step = -(-len(wanted) // MOST) or 1
    return wanted[::-1][::step][::-1]


def format_growth(hashes: Sequence[bytes]) -> bytes:
    """The one text form of a consistency proof."""
    return b"".join(base64.b64encode(value) + b"\n" for value in hashes)


def verify(
    files: Mapping[str, bytes], sizes: Sequence[int], prover: Prover, found: Sequence[Proved]
) -> tuple[Dated, ...]:
    """Check the dated checkpoints of these sizes. ``found`` are all records, that of the production last.

    Raises EvidenceError.
    """
    return tuple(_verify(files, size, prover, found) for size in sizes)


def _verify(files: Mapping[str, bytes], size: int, prover: Prover, found: Sequence[Proved]) -> Dated:
    stem = layout.dated_stem(size)
    note = files[stem + layout.NOTE]
    try:
        checkpoint = open_checkpoint(note, prover.anchors.vkey)
    except CheckpointError as error:
        raise EvidenceError(Fault.CHECKPOINT, stem + layout.NOTE, str(error)) from error
    if checkpoint.size != size or size > found[-1].index:
        raise EvidenceError(Fault.CHECKPOINT, stem + layout.NOTE, f"it is of {checkpoint.size} entries")
    try:
        hashes = _read_growth(files[stem + layout.GROWTH])
        head = prover.checkpoint
        merkle.verify_consistency(size, head.size, hashes, checkpoint.root, head.root)
    except ProofError as error:
        raise EvidenceError(Fault.PROOF_MALFORMED, stem + layout.GROWTH, str(error)) from error
    timestamp, authority = prover.certified(stem + layout.TOKEN, note, files[stem + layout.TOKEN])
    latest = timestamp.gen_time + timestamp.accuracy
    for one in found:
        if one.index < size and one.timestamp.gen_time - one.timestamp.accuracy > latest:
            raise EvidenceError(Fault.TIME_ORDER, one.file, "it is certified after a date of the log that holds it")
    return Dated(size, timestamp.gen_time, timestamp.accuracy, authority)


def _read_growth(data: bytes) -> list[bytes]:
    try:
        hashes = [decode_base64(line, merkle.HASH_SIZE) for line in data.decode("ascii").splitlines()]
    except (UnicodeDecodeError, CheckpointError) as error:
        raise ProofError("a line of the proof is not a hash in base64") from error
    if len(hashes) > _MAX_HASHES or format_growth(hashes) != data:
        raise ProofError("the proof is not written in its one form")
    return hashes
