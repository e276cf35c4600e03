"""One record of a bundle, bound to the log and to time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from cryptography import x509
from cryptography.x509.oid import NameOID

from emarge.proof.evidence import layout, records
from emarge.proof.evidence.errors import EvidenceError, Fault, RecordError
from emarge.proof.evidence.records import Record
from emarge.proof.evidence.trust import TrustAnchors
from emarge.proof.timestamping.errors import TimestampError
from emarge.proof.timestamping.verify import Timestamp, prove
from emarge.proof.vault.errors import EntryError, ProofError
from emarge.proof.vault.log import entry, merkle
from emarge.proof.vault.log.checkpoint import Checkpoint
from emarge.proof.vault.log.cosignature import Cosigned
from emarge.proof.vault.log.tlog_proof import InclusionProof, parse_proof


@dataclass(frozen=True)
class Certificate:
    """A certificate of a timestamp authority: DER, and the name of its holder."""

    der: bytes
    name: str


def holder(certificate: x509.Certificate) -> str:
    """Organisation and name of a certificate's holder. Raises ValueError when they cannot be read."""
    oids = NameOID.ORGANIZATION_NAME, NameOID.COMMON_NAME
    names = [attribute for oid in oids for attribute in certificate.subject.get_attributes_for_oid(oid)]
    return ", ".join(str(attribute.value) for attribute in names)


@dataclass(frozen=True)
class Proved:
    """A record that stands in the log at ``index`` and whose token is good; ``authority`` gave the token."""

    stem: str
    index: int
    record: Record
    timestamp: Timestamp
    authority: str

    @property
    def file(self) -> str:
        """The name of the record's file in the bundle."""
        return self.stem + layout.RECORD

    @property
    def bound(self) -> timedelta | None:
        """How far the server's clock may have been wrong, None when it did not know."""
        bound = self.record.clock.bound_ms
        return None if bound is None else timedelta(milliseconds=bound)

    @property
    def delay(self) -> timedelta:
        """From the server's time of the act to the certified time."""
        return self.timestamp.gen_time - self.record.at


@dataclass(frozen=True)
class Prover:
    """What every record of one bundle is proved against."""

    anchors: TrustAnchors
    note: bytes
    cosigned: Cosigned
    certificates: Sequence[Certificate]

    @property
    def checkpoint(self) -> Checkpoint:
        return self.cosigned.checkpoint

    def prove(self, files: Mapping[str, bytes], stem: str, index: int | None) -> Proved:
        """Check the record of a stem (form, code, token, inclusion, time). Raises EvidenceError.

        ``index`` is where the record must stand; None takes it from the proof.
        """
        payload, token = files[stem + layout.RECORD], files[stem + layout.TOKEN]
        try:
            record = records.parse(payload)
        except RecordError as error:
            raise EvidenceError(Fault.RECORD_MALFORMED, stem + layout.RECORD, str(error)) from error
        if record.code != self.anchors.code:
            raise EvidenceError(Fault.CODE, stem + layout.RECORD, "the record is of another institution")
        timestamp, authority = self.certified(stem + layout.TOKEN, payload, token)
        proof = self._included(files[stem + layout.PROOF], stem, payload, token, index)
        proved = Proved(stem, proof.index, record, timestamp, authority)
        _check_time(proved)
        return proved

    def certified(self, file: str, payload: bytes, token: bytes) -> tuple[Timestamp, str]:
        """What the token in a file says of a payload, and who says it. Raises EvidenceError."""
        certificates = [certificate.der for certificate in self.certificates]
        try:
            timestamp, signer = prove(token, payload, self.anchors.timestamp_roots, certificates)
        except TimestampError as error:
            raise EvidenceError(Fault.TOKEN, file, str(error)) from error
        names = (one.name for one in self.certificates if one.der == signer)
        return timestamp, next(names, None) or holder(x509.load_der_x509_certificate(signer))

    def _included(self, text: bytes, stem: str, payload: bytes, token: bytes, index: int | None) -> InclusionProof:
        file = stem + layout.PROOF
        try:
            proof = parse_proof(text)
        except ProofError as error:
            raise EvidenceError(Fault.PROOF_MALFORMED, file, str(error)) from error
        if proof.checkpoint != self.note:
            raise EvidenceError(Fault.CHECKPOINT, file, "this proof has another checkpoint than the others")
        if index is not None and proof.index != index:
            raise EvidenceError(Fault.NOT_IN_LOG, file, f"the proof is for the record {proof.index}")
        try:
            leaf = merkle.leaf_hash(entry.encode(payload, token))
            merkle.verify_inclusion(leaf, proof.index, self.checkpoint.size, proof.hashes, self.checkpoint.root)
        except (ProofError, EntryError) as error:
            raise EvidenceError(Fault.NOT_IN_LOG, file, str(error)) from error
        return proof


def _check_time(proved: Proved) -> None:
    """A record cannot be stamped before it was made, given what both clocks promise."""
    if proved.bound is None:
        return
    early = -proved.delay - proved.timestamp.accuracy - proved.bound
    if early > timedelta(0):
        raise EvidenceError(
            Fault.TIME,
            proved.file,
            f"its token is {early.total_seconds():.6f} s earlier than the clocks allow",
        )
