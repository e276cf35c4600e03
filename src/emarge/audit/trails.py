"""Audit trails: a funder's request answered from the vault alone (row M7.5, docs/formats/bundle.md)."""

import hashlib
import unicodedata
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction

from emarge.audit import trust, vault
from emarge.audit.actions import Actor, pseudonyms, record
from emarge.audit.queries import NAMING_A_STUDENT
from emarge.audit.relay import flush
from emarge.proof.evidence import contents, dated, records, seal
from emarge.proof.evidence.records import Record
from emarge.proof.evidence.seal import Gathered, Request
from emarge.proof.timestamping.tokens import DEMO_POLICY
from emarge.proof.timestamping.verify import Timestamp, read_token
from emarge.proof.vault.log.cosignature import open_cosigned
from emarge.proof.vault.log.entry import decode
from emarge.proof.vault.service.client import SealedContent, VaultClient

MAX_RECORDS = 12_000
"""Five files each, in a container of at most 65,534."""
PRODUCED, ALIAS, ERASED = "audit_trail.produced", "student.alias", "erasure.done"
OF_A_MEETING = {
    "roll_call.opened",
    "roll_call.started",
    "roll_call.ended",
    "sign_in.opened",
    "teacher.signed",
    "meeting.validated",
}
"""The events that tell of the meeting as a whole: their contents name no student."""


@dataclass(frozen=True)
class OpenedRecord:
    """A record as the vault gives it, with its content when it is asked for and not destroyed."""

    index: int
    record: Record
    digest: str
    """Hex SHA-256 of the record's bytes: the imprint of its token."""
    timestamp: Timestamp
    content: Mapping[str, Any] | None
    gathered: Gathered

    @property
    def demo(self) -> bool:
        """Whether its time comes from a system clock declared trusted: for demonstrations only."""
        return self.timestamp.policy == DEMO_POLICY


@dataclass(frozen=True)
class Trail:
    """A bundle that verifies under ``fingerprint``, and the number of records in it."""

    bundle: bytes
    fingerprint: str
    records: int


class NothingFoundError(Exception):
    """The vault holds no record of a class meeting for what was asked."""


class TrailTooLargeError(Exception):
    """More records than one bundle takes: a shorter period is to be asked."""


Sheet = Callable[[list[OpenedRecord]], bytes]


def produce(
    request: Request,
    *,
    base: UUID,
    log: str,
    code: str,
    people: Collection[UUID] | None,
    by: Actor,
    at: datetime,
    sheet: Sheet,
    content: Mapping[str, Any] | None = None,
    named: Mapping[UUID, Mapping[str, Any]] | None = None,
) -> Trail:
    """Answer a request: gather, draw the sheet, have the production recorded, prove everything at once.

    ``people``: one student, as the uuids that the bases of several years know them by; only their own contents are
    opened and those that speak of the meeting and its teachers: the other students of a roster stay pseudonyms.
    None is everybody. ``content`` and who is ``named`` are sealed in the record ``audit_trail.produced``. Called
    outside a transaction, for that record is committed on the way: when something fails afterwards, the same call
    again is harmless.
    Raises VaultUnavailable, VaultRefused, NothingFoundError, TrailTooLargeError.
    """
    flush(log)
    request = _normalised(request)
    anchors = trust.anchors(log, code)
    with vault.client("reader") as reader:
        found = _Gathering(reader, log).collect(request, None if people is None else _names_of(people))
        drafted = seal.draft(
            anchors=anchors,
            request=request,
            gathered=[one.gathered for one in found],
            sheet=sheet(found),
            certificates=trust.chain(),
            dated=reader.dated(log, dated.choose(reader.dated_sizes(log), [one.index for one in found])),
        )
        with transaction.atomic():
            row = record(
                PRODUCED,
                base=base,
                log=log,
                code=code,
                at=at,
                actor=by,
                details={"request": request.id, "manifest": drafted.digest},
                content=content,
                people=named,
                subject=UUID(request.id),
            )
        flush(log)
        row.refresh_from_db()
        return Trail(_prove(reader, log, drafted, row.index), anchors.fingerprint, len(found))


def history(log: str, people: Collection[UUID], first_on: date, last_on: date) -> list[OpenedRecord]:
    """What the vault holds of one student in a period, whichever base wrote it, in the order of the log.

    Delivers first what waits. Raises VaultUnavailable, VaultRefused, TrailTooLargeError.
    """
    flush(log)
    with vault.client("reader") as reader:
        return _Gathering(reader, log).of_people(_names_of(people), first_on, last_on)


def _names_of(people: Collection[UUID]) -> frozenset[str]:
    return frozenset(pseudonyms(people).values())


def _prove(reader: VaultClient, log: str, drafted: seal.Draft, produced: int | None) -> bytes:
    """The bundle, every record proved against the one checkpoint that the log has now."""
    if produced is None:
        raise RuntimeError("the production record was delivered without a receipt")
    note = reader.checkpoint(log)
    size = open_cosigned(note, drafted.anchors.vkey, drafted.anchors.lines).checkpoint.size
    return seal.assemble(
        drafted,
        produced=Gathered(produced, reader.entries(log, [produced])[produced]),
        hashes=reader.proofs(log, (*drafted.indexes, produced), size),
        checkpoint=note,
        growth=reader.growth(log, drafted.dated, size),
    )


def _normalised(request: Request) -> Request:
    """The request with its texts in NFC, as manifests ask."""
    return replace(
        request,
        who=unicodedata.normalize("NFC", request.who),
        reference=unicodedata.normalize("NFC", request.reference),
        reason=unicodedata.normalize("NFC", request.reason),
    )


def _days(first_on: date, last_on: date) -> Iterable[date]:
    for number in range((last_on - first_on).days + 1):
        yield first_on + timedelta(days=number)


class _Gathering:
    """Finds, by labels, the records that answer a request, and opens what may be opened."""

    def __init__(self, reader: VaultClient, log: str) -> None:
        self._reader = reader
        self._log = log
        self._read: dict[int, OpenedRecord] = {}

    def collect(self, request: Request, names: frozenset[str] | None) -> list[OpenedRecord]:
        """The meetings of the period, who is who, and the request itself, in the order of the log; then why a content
        of them is no longer there, where it was erased.
        """
        period = self._period(request.period_from, request.period_to)
        wanted = self._of_all(period) if names is None else self._of_one(period, names)
        if not wanted:
            raise NothingFoundError(request.id)
        wanted |= self._identities(wanted, names)
        requested = self._records(self._find(f"request:{request.id}"))
        wanted |= {index for index, found in requested.items() if found.event != PRODUCED}
        if len(wanted) > MAX_RECORDS:
            raise TrailTooLargeError(str(len(wanted)))
        found = self._open(wanted, names)
        return sorted(found + self._open(self._why_unopened(found, names) - wanted, names), key=lambda one: one.index)

    def of_people(self, names: frozenset[str], first_on: date, last_on: date) -> list[OpenedRecord]:
        """Everything about one student in a period, and who they were said to be at any time."""
        period = self._period(first_on, last_on)
        wanted = self._of_one(period, names) | (period & self._about(names)) | self._naming(names)
        if len(wanted) > MAX_RECORDS:
            raise TrailTooLargeError(str(len(wanted)))
        return self._open(wanted, names)

    def _period(self, first_on: date, last_on: date) -> set[int]:
        return {index for day in _days(first_on, last_on) for index in self._find(f"day:{day.isoformat()}")}

    def _about(self, names: Iterable[str]) -> set[int]:
        return {index for name in names for index in self._find(f"student:{name}")}

    def _naming(self, names: Iterable[str]) -> set[int]:
        """Every record that says who one of these students is, or that links an old identity to a new one."""
        return {index for event in NAMING_A_STUDENT for index in self._find(f"event:{event}")} & self._about(names)

    def _find(self, label: str) -> list[int]:
        return self._reader.find(self._log, label)

    def _of_all(self, period: set[int]) -> set[int]:
        """Everything that happened in the class meetings of the period."""
        if len(period) > MAX_RECORDS:
            raise TrailTooLargeError(str(len(period)))
        return {index for index, found in self._records(period).items() if found.meeting}

    def _of_one(self, period: set[int], names: frozenset[str]) -> set[int]:
        """What a student did or was told in the period, and the meetings whose roster they stand in."""
        about = self._records(period & self._about(names))
        own = {index for index, found in about.items() if found.meeting}
        meetings = {about[index].meeting for index in own}
        for ended in self._records(period & set(self._find("event:roll_call.ended"))).values():
            if any(line["student"] in names for line in ended.details["roster"]):
                meetings.add(ended.meeting)
        around = self._records({index for meeting in meetings for index in self._find(f"meeting:{meeting}")})
        return own | {index for index, found in around.items() if found.event in OF_A_MEETING}

    def _identities(self, wanted: Iterable[int], names: frozenset[str] | None) -> set[int]:
        """The last record that says who each student is: nothing else names one who did nothing but be there.

        Of one student, their own only, with the aliases that link them; of everybody, those who were expected to sign.
        """
        if names is not None:
            people, naming = set(names), self._naming(names)
        else:
            rosters = [found.details.get("roster", []) for found in self._records(wanted).values()]
            people = {line["student"] for roster in rosters for line in roster if line["expected"]}
            naming = {index for event in NAMING_A_STUDENT for index in self._find(f"event:{event}")}
        records = self._records(naming)
        last = {found.student: index for index, found in records.items() if found.student in people}
        aliases = {index for index, found in records.items() if names is not None and found.event == ALIAS}
        return set(last.values()) | aliases

    def _why_unopened(self, found: Iterable[OpenedRecord], names: frozenset[str] | None) -> set[int]:
        """The records that say that people were erased, of whom contents are gone that would have been opened."""
        gone = {
            person
            for one in found
            if one.record.commitment and one.content is None and _may_open(one.record, names)
            for person in (one.record.student, one.record.actor.person, *one.record.teachers)
        }
        erased = self._records(self._find(f"event:{ERASED}")) if gone else {}
        return {index for index, record in erased.items() if gone & {record.student, *record.teachers} - {None}}

    def _records(self, indexes: Iterable[int]) -> dict[int, Record]:
        """These records in the order of the log; each is read from the vault once."""
        wanted = sorted(indexes)
        unread = [index for index in wanted if index not in self._read]
        for index, data in self._reader.entries(self._log, unread).items():
            self._read[index] = _unopened(index, data)
        return {index: self._read[index].record for index in wanted}

    def _open(self, indexes: Collection[int], names: frozenset[str] | None) -> list[OpenedRecord]:
        """These records, with the contents that may be opened and whose key was not destroyed."""
        self._records(indexes)
        found = [self._read[index] for index in sorted(indexes)]
        sealed = self._reader.contents(
            self._log,
            [one.index for one in found if one.record.commitment and _may_open(one.record, names)],
        )
        return [_opened(one, sealed[one.index]) if one.index in sealed else one for one in found]


def _may_open(record: Record, names: frozenset[str] | None) -> bool:
    """Whether a content may be opened: of one student, their own and those that name no student."""
    return names is None or record.student is None or record.student in names


def _unopened(index: int, data: bytes) -> OpenedRecord:
    """The record of an entry, without its content."""
    found = decode(data)
    return OpenedRecord(
        index=index,
        record=records.parse(found.payload),
        digest=hashlib.sha256(found.payload).hexdigest(),
        timestamp=read_token(found.stamp),
        content=None,
        gathered=Gathered(index, data),
    )


def _opened(one: OpenedRecord, sealed: SealedContent) -> OpenedRecord:
    content = contents.open_content(sealed.ciphertext, sealed.key, one.record.commitment or "")
    return replace(one, content=content, gathered=replace(one.gathered, ciphertext=sealed.ciphertext, key=sealed.key))
