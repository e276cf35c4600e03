"""The time proof of one record: what the vault holds of it, checked when somebody looks."""

import hashlib
import ssl
from dataclasses import dataclass, replace
from enum import StrEnum

from emarge.audit import trust, vault
from emarge.audit.models import OutboxEvent
from emarge.audit.vault import VaultRefused, VaultUnavailable
from emarge.proof.evidence import records
from emarge.proof.evidence.records import Record
from emarge.proof.timestamping import messages
from emarge.proof.timestamping.errors import TimestampError
from emarge.proof.timestamping.tokens import DEMO_POLICY
from emarge.proof.timestamping.verify import Timestamp, read_token, verify_token
from emarge.proof.vault.errors import CheckpointError, EntryError, ProofError
from emarge.proof.vault.log import merkle
from emarge.proof.vault.log.cosignature import Cosigned, open_cosigned
from emarge.proof.vault.log.entry import decode
from emarge.proof.vault.service.client import VaultClient

_PATIENCE = 5.0
"""Seconds that a page waits for the vault."""


class Checked(StrEnum):
    """How a check ended. NOT_MADE: what it needs was not there."""

    GOOD = "good"
    FALSE = "false"
    NOT_MADE = "not_made"


@dataclass(frozen=True)
class TimeProof:
    """What is known of one record. ``answered``: whether the vault gave it just now; ``refused``: why it would not.

    ``token_check`` is the signature over the record's bytes under the trusted root; ``log_check`` the proof that
    the entry stands in the log under the checkpoint ``cosigned``, and that what the application sent is what the
    vault holds. ``mirrors`` vouch for that checkpoint now; ``mirror`` is what was said when the record was sealed.
    """

    row: OutboxEvent
    record: Record
    mirror: str
    token: bytes | None = None
    timestamp: Timestamp | None = None
    cosigned: Cosigned | None = None
    answered: bool = False
    refused: str = ""
    token_check: Checked = Checked.NOT_MADE
    log_check: Checked = Checked.NOT_MADE
    mirrors: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """SHA-256 of the record's bytes, which the token is made for."""
        return hashlib.sha256(bytes(self.row.record)).hexdigest()

    @property
    def demo(self) -> bool:
        """Whether the time comes from a system clock declared trusted."""
        return self.timestamp is not None and self.timestamp.policy == DEMO_POLICY

    @property
    def response(self) -> bytes:
        """The token as a TimeStampResp, the form that ``openssl ts -verify`` reads. Raises ValueError without one."""
        if self.token is None:
            raise ValueError("the record has no token yet")
        return messages.granted(self.token)


def prove(row: OutboxEvent) -> TimeProof:
    """Ask the vault for a record's entry and check it, now. Never raises: what cannot be checked is not made."""
    proof = TimeProof(row, records.parse(bytes(row.record)), (row.receipt or {}).get("mirror", ""))
    if row.index is None:
        return proof
    try:
        with vault.client("reader", timeout=_PATIENCE) as reader:
            data = reader.entries(row.log, [row.index])[row.index]
            token = decode(data).stamp
            proof = replace(proof, answered=True, token=token, timestamp=read_token(token))
            return _in_log(replace(proof, token_check=_token_check(row, token)), reader, data, row.index)
    except VaultUnavailable:
        return proof
    except (VaultRefused, EntryError, TimestampError) as error:
        return replace(proof, answered=True, refused=str(error))


def _token_check(row: OutboxEvent, token: bytes) -> Checked:
    try:
        roots = [ssl.PEM_cert_to_DER_cert(block.decode("ascii")) for block in trust.roots()]
        certificates = [ssl.PEM_cert_to_DER_cert(block.decode("ascii")) for block in trust.chain()]
    except (VaultUnavailable, ValueError):
        return Checked.NOT_MADE
    try:
        verify_token(token, bytes(row.record), roots, certificates)
    except TimestampError:
        return Checked.FALSE
    return Checked.GOOD


def _in_log(proof: TimeProof, reader: VaultClient, data: bytes, index: int) -> TimeProof:
    """Whether the entry stands in the log under its checkpoint of now, whose mirrors vouch for all it holds."""
    log = proof.row.log
    try:
        if decode(data).payload != bytes(proof.row.record):
            return replace(proof, log_check=Checked.FALSE)
        cosigned = open_cosigned(reader.checkpoint(log), reader.vkey(log), reader.cosigners(log))
        checkpoint = cosigned.checkpoint
        [hashes] = reader.proofs(log, [index], checkpoint.size).values()
        merkle.verify_inclusion(merkle.leaf_hash(data), index, checkpoint.size, hashes, checkpoint.root)
    except (CheckpointError, ProofError):
        return replace(proof, log_check=Checked.FALSE)
    mirrors = tuple(one.name for one in cosigned.cosignatures)
    return replace(proof, log_check=Checked.GOOD, cosigned=cosigned, mirrors=mirrors)
