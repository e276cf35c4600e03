"""Assemble a bundle (docs/formats/bundle.md), in two steps around the record that says it was produced.

``draft`` lays down every file that the manifest lists; the caller has ``Draft.digest`` recorded in the log as
``audit_trail.produced``; ``assemble`` adds the proofs against one checkpoint that covers them all.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from emarge.proof.evidence import bundle, layout, manifest
from emarge.proof.evidence.dated import format_growth
from emarge.proof.evidence.manifest import Request
from emarge.proof.evidence.readme import README
from emarge.proof.evidence.trust import TrustAnchors
from emarge.proof.evidence.verify import verify_bundle
from emarge.proof.vault.log.entry import decode
from emarge.proof.vault.log.tlog_proof import InclusionProof, format_proof
from emarge.proof.vault.storage.dated import DatedCheckpoint

__all__ = ["Draft", "Gathered", "Request", "assemble", "contents_of", "draft"]


@dataclass(frozen=True)
class Gathered:
    """A record as the vault gives it: index, entry, and sealed content with its key when asked for."""

    index: int
    entry: bytes
    ciphertext: bytes = b""
    key: bytes = b""


@dataclass(frozen=True)
class Draft:
    """The listed files and the manifest, ready for the production record."""

    anchors: TrustAnchors
    files: Mapping[str, bytes]
    indexes: tuple[int, ...]
    dated: tuple[int, ...] = ()

    @property
    def digest(self) -> str:
        """SHA-256 of the manifest, hex: what the production record carries as ``manifest``."""
        return manifest.digest(self.files[layout.MANIFEST])


def draft(
    *,
    anchors: TrustAnchors,
    request: Request,
    gathered: Sequence[Gathered],
    sheet: bytes,
    certificates: Sequence[bytes],
    dated: Sequence[DatedCheckpoint] = (),
) -> Draft:
    """Everything but the proofs. ``certificates``: PEM, one each, below the roots; ``sheet``: the PDF.

    ``dated``: checkpoints of the log that an external service dated.
    Raises ManifestError, TrustError, EntryError, or ValueError (a certificate) for what cannot be written.
    """
    files = {layout.README: README.encode(), layout.TRUST: anchors.to_bytes(), layout.SHEET: sheet}
    for pem in certificates:
        certificate = x509.load_pem_x509_certificate(pem)
        name = hashlib.sha256(certificate.public_bytes(Encoding.DER)).hexdigest()[:16]
        files[f"certificates/{name}.pem"] = certificate.public_bytes(Encoding.PEM)
    for one in gathered:
        found = decode(one.entry)
        stem = layout.record_stem(one.index)
        files[stem + layout.RECORD], files[stem + layout.TOKEN] = found.payload, found.stamp
        if one.ciphertext:
            stem = layout.content_stem(one.index)
            files[stem + layout.SEALED], files[stem + layout.KEY] = one.ciphertext, one.key
    for checkpoint in dated:
        stem = layout.dated_stem(checkpoint.size)
        files[stem + layout.NOTE], files[stem + layout.TOKEN] = checkpoint.note, checkpoint.token
    files[layout.MANIFEST] = manifest.write(anchors.code, request, files)
    sizes = tuple(sorted(checkpoint.size for checkpoint in dated))
    return Draft(anchors, files, tuple(sorted(one.index for one in gathered)), sizes)


def assemble(
    drafted: Draft,
    *,
    produced: Gathered,
    hashes: Mapping[int, Sequence[bytes]],
    checkpoint: bytes,
    growth: Mapping[int, Sequence[bytes]] | None = None,
) -> bytes:
    """The bundle: ``hashes`` are the inclusion proofs, by index, of every record, the production's too.

    ``growth`` are the consistency proofs, by size, of the dated checkpoints. All are against ``checkpoint``, a signed
    note. The bundle is verified before it is given back: raises
    EvidenceError when it would not convince a stranger, BundleError when it is too large.
    """
    files = dict(drafted.files)
    stems = {index: layout.record_stem(index) for index in drafted.indexes}
    for index, stem in {**stems, produced.index: layout.PRODUCED}.items():
        files[stem + layout.PROOF] = format_proof(InclusionProof(index, tuple(hashes[index]), checkpoint))
    for size in drafted.dated:
        files[layout.dated_stem(size) + layout.GROWTH] = format_growth((growth or {})[size])
    found = decode(produced.entry)
    files[layout.PRODUCED + layout.RECORD] = found.payload
    files[layout.PRODUCED + layout.TOKEN] = found.stamp
    data = bundle.write(files)
    verify_bundle(data, drafted.anchors.fingerprint)
    return data


def contents_of(data: bytes) -> set[int]:
    """The indexes of the records whose contents a bundle opens. Raises BundleError or EvidenceError."""
    return set(layout.read(bundle.read(data)).contents)
