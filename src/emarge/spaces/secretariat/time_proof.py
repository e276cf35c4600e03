"""The time proof of any record: who, what, when, how it is vouched for, and how to check it oneself (row M6.5)."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET

from emarge.accounts.models import Right, User
from emarge.attendance.models import RollCall
from emarge.audit import authority, proofs, trust
from emarge.audit.authority import Round
from emarge.audit.models import OutboxEvent
from emarge.audit.proofs import TimeProof
from emarge.audit.queries import clock_before, people_behind
from emarge.audit.vault import VaultUnavailable
from emarge.hosting.models import Base
from emarge.inspections.sheet_texts import CLOCKS, EVENTS, ROLES
from emarge.institutions.models import Student, Teacher
from emarge.spaces.access import require_right
from emarge.spaces.secretariat import times_texts as texts
from emarge.spaces.secretariat.page import show
from emarge.spaces.secretariat.times import told_change

_NEAR = timedelta(minutes=6)
_ABOUT_A_STUDENT = "student."


@require_GET
def time_proof(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """The page of one record of this base; its token is verified each time that the page is opened."""
    require_right(request, Right.SUPERVISE)
    proof = proofs.prove(_row_or_404(request, uuid))
    return show(request, "time_proof.html", "supervision", _told(request, proof))


@require_GET
def time_proof_file(request: HttpRequest, uuid: UUID, name: str) -> HttpResponse:
    """One of the files with which anybody checks the token: the data, the token, the certificates."""
    require_right(request, Right.SUPERVISE)
    found = _file(_row_or_404(request, uuid), name)
    if found is None:
        raise Http404
    content, media_type = found
    response = HttpResponse(content, content_type=media_type)
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _row_or_404(request: HttpRequest, uuid: UUID) -> OutboxEvent:
    """A record of the base that the request is for: another base's do not exist here."""
    row: OutboxEvent = get_object_or_404(OutboxEvent, uuid=uuid, base=_base(request).uuid)
    return row


def _base(request: HttpRequest) -> Base:
    base: Base = request.base  # type: ignore[attr-defined]
    return base


def _file(row: OutboxEvent, name: str) -> tuple[bytes, str] | None:
    """The content and the media type of a file; None when there is none of that name, or not now."""
    try:
        if name == "record.json":
            return bytes(row.record), "application/json"
        if name == "root.pem":
            return b"".join(trust.roots()), "application/x-pem-file"
        if name == "tsa.pem":
            return b"".join(trust.chain()), "application/x-pem-file"
    except VaultUnavailable:
        return None
    proof = proofs.prove(row) if name == "token.tsr" else None
    return (proof.response, "application/timestamp-reply") if proof and proof.token else None


def _told(request: HttpRequest, proof: TimeProof) -> dict[str, Any]:
    record, stamped, receipt = proof.record, proof.timestamp, proof.row.receipt or {}
    names = _names(request, proof)
    change = clock_before(proof.row.log, stamped.gen_time if stamped else proof.row.stamped_at or record.at)
    return {
        "proof": proof,
        "row": proof.row,
        "record": record,
        "event": EVENTS.get(record.event, record.event),
        "role": ROLES.get(record.actor.role, record.actor.role),
        "actor": names.get(record.actor.person or ""),
        "student": names.get(record.student or ""),
        "clock": CLOCKS[record.clock.state],
        "clock_bound": texts.width(record.clock.bound_ms / 1000) if record.clock.bound_ms is not None else "",
        "accuracy": texts.width(stamped.accuracy.total_seconds()) if stamped else "",
        "serial": f"0x{stamped.serial:X}" if stamped else "",
        "token_check": texts.CHECKS[proof.token_check],
        "log_check": texts.CHECKS[proof.log_check],
        "change": told_change(change) if change else None,
        "change_record": change.record if change and change.base == _base(request).uuid else None,
        "said": _said(proof),
        "mirror": _mirror(proof),
        "size": receipt.get("size"),
    }


def _mirror(proof: TimeProof) -> Any:
    """What the mirror has to do with this record, in plain words."""
    if proof.mirrors and proof.mirror == "held":
        return _("The mirror held the record when it was sealed, and holds it now.")
    if proof.mirrors:
        return _("The record was sealed in the vault alone; the mirror holds it now.")
    if proof.mirror == "held":
        return _("The mirror held the record when it was sealed.")
    if proof.mirror == "local_only":
        return _("The record was sealed in the vault alone, and no mirror has been seen to hold it yet.")
    return _("There is no mirror: only the vault holds the record.")


def _said(proof: TimeProof) -> list[tuple[Any, Any, str]]:
    """What each source said in the comparison next before the token, when one of the last day was kept."""
    status = authority.status() if proof.timestamp else None
    if status is None or proof.timestamp is None:
        return []
    at = proof.timestamp.gen_time
    rounds = [*status.samples, *([status.comparison] if status.comparison else [])]
    before = [one for one in rounds if timedelta(0) <= at - one.at <= _NEAR]
    return _sources(before[-1], [source.name for source in status.sources]) if before else []


def _sources(compared: Round, names: list[str]) -> list[tuple[Any, Any, str]]:
    def state(name: str) -> str:
        if name in compared.excluded:
            return "excluded"
        silent = "expired" if name == authority.QUARTZ else "silent"
        return "heard" if name in compared.intervals_ms else silent

    return [
        (texts.source_of(name), texts.SOURCE_STATES[state(name)], texts.interval(compared.intervals_ms.get(name)))
        for name in names
    ]


def _names(request: HttpRequest, proof: TimeProof) -> Mapping[str, str]:
    """The names behind the pseudonyms of a record, of those people of the base who may stand in it."""
    record = proof.record
    people: dict[UUID, str] = {teacher.uuid: str(teacher) for teacher in Teacher.objects.all()}
    staff = User.objects.filter(base=_base(request)).exclude(profile=None)
    people |= {user.uuid: str(user) for user in staff}
    students = Q(uuid=proof.row.subject) if record.event.startswith(_ABOUT_A_STUDENT) else Q(pk__in=[])
    if record.meeting and record.student:
        roll_call = RollCall.objects.filter(meeting__uuid=record.meeting).first()
        students |= Q(roll_call_lines__roll_call=roll_call) if roll_call else Q(pk__in=[])
    people |= {student.uuid: str(student) for student in Student.objects.filter(students).distinct()}
    pseudonyms = [name for name in (record.actor.person, record.student) if name]
    return {name: people[person] for name, person in people_behind(pseudonyms, people).items()}
