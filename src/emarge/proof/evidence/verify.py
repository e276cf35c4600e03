"""How a stranger checks a bundle (docs/formats/bundle.md, *Checks*): base install, no network, no clock."""

import hashlib
from collections.abc import Mapping
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from emarge.proof.evidence import bundle, contents, crosscheck, dated, layout, manifest, trust
from emarge.proof.evidence.errors import (
    BundleError,
    CommitmentError,
    ContentError,
    EvidenceError,
    Fault,
    ManifestError,
    TrustError,
)
from emarge.proof.evidence.layout import Layout
from emarge.proof.evidence.manifest import Manifest
from emarge.proof.evidence.proved import Certificate, Proved, Prover, holder
from emarge.proof.evidence.records import Record
from emarge.proof.evidence.trust import TrustAnchors
from emarge.proof.evidence.verdict import Caution, Mirror, Person, RecordVerdict, Verdict, Warn, Witness
from emarge.proof.timestamping.certificates import UNREADABLE
from emarge.proof.vault.errors import CheckpointError, ProofError
from emarge.proof.vault.log.cosignature import Cosignature, open_cosigned
from emarge.proof.vault.log.tlog_proof import parse_proof

ERASED = "erasure.done"
_SIGNING = ("sign_in.opened", "teacher.signed", "sign_in.signed")


def verify_bundle(
    data: bytes, fingerprint: str, *, require_mirror: bool = False, require_witness: bool = False
) -> Verdict:
    """Check every byte of a bundle against the fingerprint of the trust anchors (64 lower-case hex digits).

    ``require_mirror`` refuses it unless the anchors name mirrors, and each of them cosigned its checkpoint;
    ``require_witness`` does the same with witnesses.
    Returns what the bundle says; raises EvidenceError naming the first fault and the file where it is.
    """
    try:
        files = bundle.read(data)
    except BundleError as error:
        raise EvidenceError(Fault.CONTAINER, error.file, str(error)) from error
    names = layout.read(files)
    anchors = _anchors(files[layout.TRUST], fingerprint)
    listed = _manifest(files, anchors)
    prover = _prover(files, names, anchors)
    if require_mirror:
        _require(prover, anchors.cosigners, "mirror", Fault.NOT_MIRRORED)
    if require_witness:
        _require(prover, anchors.witnesses, "witness", Fault.NOT_WITNESSED)
    found = [prover.prove(files, layout.record_stem(index), index) for index in names.records]
    opened = _opened(files, names, found)
    produced = prover.prove(files, layout.PRODUCED, None)
    _check_production(produced, files, listed, last=found[-1].index)
    told = dated.verify(files, names.dated, prover, [*found, produced])
    cautions = crosscheck.check([*found, produced], listed.request)
    cautions += _unopened([one for one in found if one.record.commitment and one.index not in opened], found)
    mirrors, witnesses = (_who(prover, named) for named in (anchors.cosigners, anchors.witnesses))
    if len(mirrors) < len(anchors.cosigners):
        cautions.append(Caution(Warn.NOT_MIRRORED))
    if len(witnesses) < len(anchors.witnesses):
        cautions.append(Caution(Warn.NOT_WITNESSED))
    return Verdict(
        code=anchors.code,
        fingerprint=fingerprint,
        log=prover.checkpoint.origin,
        size=prover.checkpoint.size,
        root=prover.checkpoint.root.hex(),
        mirrors=tuple(Mirror(one.name, one.at) for one in mirrors),
        witnesses=tuple(Witness(one.name, one.at) for one in witnesses),
        dated=told,
        request=listed.request,
        produced_index=produced.index,
        produced_at=produced.timestamp.gen_time,
        records=_verdicts(found, opened, anchors.origin),
        warnings=tuple(cautions),
    )


def _anchors(data: bytes, fingerprint: str) -> TrustAnchors:
    found = hashlib.sha256(data).hexdigest()
    if found != fingerprint:
        raise EvidenceError(Fault.TRUST_FINGERPRINT, layout.TRUST, f"its fingerprint is {found}")
    try:
        return trust.parse(data)
    except TrustError as error:
        raise EvidenceError(Fault.TRUST_MALFORMED, layout.TRUST, str(error)) from error


def _manifest(files: Mapping[str, bytes], anchors: TrustAnchors) -> Manifest:
    """The manifest, with every listed file present and unchanged, and no other."""
    try:
        found = manifest.parse(files[layout.MANIFEST])
    except ManifestError as error:
        raise EvidenceError(Fault.MANIFEST_MALFORMED, layout.MANIFEST, str(error)) from error
    if found.code != anchors.code:
        raise EvidenceError(Fault.CODE, layout.MANIFEST, "the manifest is of another institution")
    present = {name for name in files if layout.is_listed(name)}
    for name in sorted(found.files.keys() - present):
        raise EvidenceError(Fault.FILE_MISSING, name, "the manifest lists it")
    for name in sorted(present - found.files.keys()):
        raise EvidenceError(Fault.FILE_UNEXPECTED, name, "the manifest does not list it")
    for name in sorted(present):
        if manifest.digest(files[name]) != found.files[name]:
            raise EvidenceError(Fault.FILE_CHANGED, name, "its SHA-256 is not that of the manifest")
    return found


def _prover(files: Mapping[str, bytes], names: Layout, anchors: TrustAnchors) -> Prover:
    file = layout.PRODUCED + layout.PROOF
    try:
        note = parse_proof(files[file]).checkpoint
        cosigned = open_cosigned(note, anchors.vkey, anchors.lines)
    except ProofError as error:
        raise EvidenceError(Fault.PROOF_MALFORMED, file, str(error)) from error
    except CheckpointError as error:
        raise EvidenceError(Fault.CHECKPOINT, file, str(error)) from error
    certificates = [_certificate(name, files[name]) for name in names.certificates]
    return Prover(anchors, note, cosigned, certificates)


def _who(prover: Prover, named: tuple[str, ...]) -> list[Cosignature]:
    """The cosignatures under the checkpoint of those whose keys are named."""
    return [one for one in prover.cosigned.cosignatures if one.vkey in named]


def _require(prover: Prover, named: tuple[str, ...], kind: str, fault: Fault) -> None:
    if not named:
        raise EvidenceError(fault, layout.TRUST, f"the trust anchors name no {kind}")
    found = {one.vkey for one in _who(prover, named)}
    for vkey in named:
        if vkey not in found:
            file = layout.PRODUCED + layout.PROOF
            raise EvidenceError(fault, file, f"{vkey.partition('+')[0]} did not cosign the checkpoint")


def _certificate(file: str, data: bytes) -> Certificate:
    try:
        certificate = x509.load_pem_x509_certificate(data)
        # Parsed on first use: whatever cannot be must be refused here, not where the tokens are checked.
        certificate.public_key(), certificate.extensions, certificate.signature_hash_algorithm
        written, der = certificate.public_bytes(Encoding.PEM), certificate.public_bytes(Encoding.DER)
        name = holder(certificate)
    except UNREADABLE as error:
        raise EvidenceError(Fault.CERTIFICATE, file, "it cannot be read") from error
    if written != data:
        raise EvidenceError(Fault.CERTIFICATE, file, "it is more, or otherwise written, than one certificate")
    return Certificate(der, name)


def _check_production(produced: Proved, files: Mapping[str, bytes], listed: Manifest, *, last: int) -> None:
    """The log itself says that this bundle, and no other, was produced for this request."""
    record = produced.record
    if record.event != "audit_trail.produced":
        raise EvidenceError(Fault.PRODUCTION, produced.file, f"it tells another event: {record.event}")
    if produced.index <= last:
        raise EvidenceError(Fault.PRODUCTION, produced.file, "it does not come after the records in the log")
    if record.details["manifest"] != manifest.digest(files[layout.MANIFEST]):
        raise EvidenceError(
            Fault.MANIFEST_NOT_RECORDED, layout.MANIFEST, "the production record names another manifest"
        )
    if record.details["request"] != listed.request.id:
        raise EvidenceError(Fault.PRODUCTION, produced.file, "it answers another request")


def _opened(files: Mapping[str, bytes], names: Layout, found: list[Proved]) -> dict[int, dict[str, Any]]:
    """The opened contents by index of their record."""
    by_index = {one.index: one.record for one in found}
    opened = {}
    for index in names.contents:
        stem, record = layout.content_stem(index), by_index[index]
        if record.commitment is None:
            raise EvidenceError(Fault.COMMITMENT, stem + layout.SEALED, "its record committed to no content")
        try:
            content = contents.open_content(files[stem + layout.SEALED], files[stem + layout.KEY], record.commitment)
            _check_content(content, record)
        except CommitmentError as error:
            raise EvidenceError(Fault.COMMITMENT, stem + layout.SEALED, str(error)) from error
        except ContentError as error:
            raise EvidenceError(Fault.CONTENT, stem + layout.SEALED, str(error)) from error
        opened[index] = content
    return opened


def _check_content(content: Mapping[str, Any], record: Record) -> None:
    """A content speaks of its own record (docs/formats/contents.md). Raises ContentError."""
    if content.get("event") != record.event or content.get("record") != record.id:
        raise ContentError("it was sealed for another record")
    named = _named(content)
    if len(named) != len(content.get("people", ())):
        raise ContentError("it names somebody twice")
    roster = record.details.get("roster")
    known = {record.actor.person, record.student, *record.teachers}
    known |= {line.get("student") for line in roster} if isinstance(roster, list) else set()
    if not named.keys() <= known:
        raise ContentError("it names somebody who is not in its record")
    if record.event in _SIGNING:
        if record.actor.person not in named:
            raise ContentError("it does not name who signed")
        if record.method == "drawn" and not content.get("drawing"):
            raise ContentError("the drawn signature is not there")


def _named(content: Mapping[str, Any]) -> dict[str, str]:
    """The names that a content gives, by pseudonym. Raises ContentError."""
    people = content.get("people", [])
    if not isinstance(people, list):
        raise ContentError("its people are not a list")
    names = {}
    for person in people:
        pseudonym = person.get("pseudonym") if isinstance(person, dict) else None
        name = person.get("name") if isinstance(person, dict) else None
        if not isinstance(pseudonym, str) or not isinstance(name, str):
            raise ContentError("one of its people has no pseudonym or no name")
        names[pseudonym] = name
    return names


def _unopened(closed: list[Proved], found: list[Proved]) -> list[Caution]:
    """Which contents are not there: erased, as a record of the bundle says, or simply not in it."""
    erased = {name for one in found if one.record.event == ERASED for name in _persons(one.record)}
    gone = tuple(one.index for one in closed if erased & {one.record.actor.person, *_persons(one.record)})
    left = tuple(one.index for one in closed if one.index not in gone)
    return [Caution(warn, indexes) for warn, indexes in ((Warn.ERASED, gone), (Warn.NOT_OPENED, left)) if indexes]


def _persons(record: Record) -> set[str]:
    return {name for name in (record.student, *record.teachers) if name}


def _verdicts(found: list[Proved], opened: Mapping[int, Mapping[str, Any]], log: str) -> tuple[RecordVerdict, ...]:
    names = {pseudonym: name for content in opened.values() for pseudonym, name in _named(content).items()}
    titles = {one.record.meeting: title for one in found if isinstance(title := _title(opened.get(one.index, {})), str)}
    return tuple(_verdict(one, opened.get(one.index), names, titles.get(one.record.meeting), log) for one in found)


def _title(content: Mapping[str, Any]) -> object:
    meeting = content.get("meeting")
    return meeting.get("title") if isinstance(meeting, dict) else None


def _verdict(
    one: Proved, content: Mapping[str, Any] | None, names: Mapping[str, str], title: str | None, log: str
) -> RecordVerdict:
    record = one.record
    # A name changes in a life: what the record's own content says goes first.
    names = names if content is None else {**names, **_named(content)}

    def person(pseudonym: str) -> Person:
        return Person(pseudonym, names.get(pseudonym))

    return RecordVerdict(
        index=one.index,
        id=record.id,
        event=record.event,
        role=record.actor.role,
        actor=person(record.actor.person) if record.actor.person else None,
        student=person(record.student) if record.student else None,
        teachers=tuple(person(teacher) for teacher in record.teachers),
        meeting=record.meeting,
        meeting_title=title,
        method=record.method,
        presence=record.details["presence"] if record.event == "roll_call.marked" else None,
        at=record.at,
        bound=one.bound,
        certified_at=one.timestamp.gen_time,
        accuracy=one.timestamp.accuracy,
        delay=one.delay,
        opened=content is not None,
        log=log,
        authority=one.authority,
    )
