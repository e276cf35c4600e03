"""``emarge verify``: the answer in plain words. The base install is enough."""

import argparse
import json
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import asdict
from datetime import date, datetime, timedelta
from pathlib import Path
from stat import S_ISREG
from typing import TYPE_CHECKING, Any

from emarge.cli.errors import CommandError
from emarge.cli.verify_texts import TEXTS, Texts
from emarge.proof.evidence.bundle import MAX_BUNDLE
from emarge.proof.evidence.errors import EvidenceError
from emarge.proof.evidence.verdict import Caution, Dated, Person, RecordVerdict, Verdict
from emarge.proof.evidence.verify import verify_bundle

if TYPE_CHECKING:
    from emarge.cli.parsers import Subparsers

_FINGERPRINT = re.compile(r"[0-9a-f]{64}")
_SHOWN_INDEXES = 8
_MINUTE = timedelta(minutes=1)


def add_parser(subparsers: "Subparsers") -> argparse.ArgumentParser:
    parser = subparsers.add_parser("verify", help="check an evidence bundle, offline")
    parser.add_argument("bundle", type=Path, metavar="BUNDLE", help="the zip file that was handed over")
    parser.add_argument(
        "--trust",
        required=True,
        metavar="FINGERPRINT",
        help="SHA-256 of the trust anchors (64 hexadecimal digits), obtained from elsewhere than the school",
    )
    parser.add_argument(
        "--require-mirror",
        action="store_true",
        help="refuse a bundle whose checkpoint the mirrors named by the trust anchors did not cosign",
    )
    parser.add_argument(
        "--require-witness",
        action="store_true",
        help="refuse a bundle whose checkpoint the witnesses named by the trust anchors did not cosign",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of sentences")
    return parser


def run(args: argparse.Namespace) -> int:
    texts = TEXTS[language(os.environ)]
    fingerprint = "".join(args.trust.split()).lower()
    if not _FINGERPRINT.fullmatch(fingerprint):
        raise CommandError(texts.bad_fingerprint, code=2)
    data = _load(args.bundle, texts)
    try:
        verdict = verify_bundle(
            data, fingerprint, require_mirror=args.require_mirror, require_witness=args.require_witness
        )
    except EvidenceError as error:
        print(_fault_json(error, texts) if args.json else _fault(error, texts))
        return 1
    lines = [_verdict_json(verdict)] if args.json else _verdict(verdict, texts)
    if hasattr(sys.stdout, "reconfigure"):
        # A terminal that has no letter for a name shows a question mark, and the verdict still comes out.
        sys.stdout.reconfigure(errors="replace")
    for line in lines:
        print(line)
    return 0


def language(environment: Mapping[str, str]) -> str:
    """``fr`` or ``en``, by the first of LC_ALL, LC_MESSAGES and LANG that is set (POSIX, 8.2)."""
    names = (environment.get(name) for name in ("LC_ALL", "LC_MESSAGES", "LANG"))
    return "fr" if next((name for name in names if name), "").startswith("fr") else "en"


def _load(path: Path, texts: Texts) -> bytes:
    """The bytes of the file, one more than a bundle may have at most: the verifier then refuses it."""
    try:
        # A pipe or a device could keep us waiting for ever.
        if not S_ISREG(path.stat().st_mode):
            raise CommandError(texts.not_a_file.format(path=path), code=2)
        with path.open("rb") as file:
            return file.read(MAX_BUNDLE + 1)
    except FileNotFoundError as error:
        raise CommandError(texts.no_file.format(path=path), code=2) from error
    except OSError as error:
        raise CommandError(texts.unreadable.format(path=path, reason=error.strerror), code=2) from error


def _fault(error: EvidenceError, texts: Texts) -> str:
    lines = [texts.invalid, "", f"  {texts.faults[error.fault]}"]
    if error.file:
        lines.append(f"  {texts.file}{texts.colon}{_plain(error.file)}")
    return "\n".join([*lines, f"  {texts.detail}{texts.colon}{_plain(error.detail)} [{error.fault.value}]"])


def _fault_json(error: EvidenceError, texts: Texts) -> str:
    fields = {
        "valid": False,
        "fault": error.fault.value,
        "file": error.file,
        "detail": error.detail,
        "meaning": texts.faults[error.fault],
    }
    return json.dumps(fields, indent=2)


def _verdict_json(verdict: Verdict) -> str:
    return json.dumps({"valid": True, **asdict(verdict)}, default=_json_value, indent=2)


def _json_value(value: object) -> Any:
    """Instants in ISO 8601, durations in seconds."""
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    raise TypeError(type(value).__name__)


def _verdict(verdict: Verdict, texts: Texts) -> list[str]:
    request = verdict.request
    facts = [
        (texts.code, verdict.code),
        (texts.request, f"{request.who}, {request.reference}, {request.reason}"),
        (texts.period, f"{request.period_from} – {request.period_to}"),
        (texts.log, texts.log_size.format(log=verdict.log, size=verdict.size)),
        *((texts.mirror, texts.mirrored.format(name=one.name, at=_instant(one.at))) for one in verdict.mirrors),
        *((texts.witness, texts.witnessed.format(name=one.name, at=_instant(one.at))) for one in verdict.witnesses),
        *((texts.dated, _dated(one, texts)) for one in verdict.dated),
        (texts.produced, _instant(verdict.produced_at)),
        (texts.trust, verdict.fingerprint),
    ]
    width = max(len(label) for label, _ in facts)
    lines = [texts.valid.format(count=len(verdict.records)), ""]
    lines += [f"  {label:<{width}}  {_plain(value)}" for label, value in facts]
    lines.append("")
    for record in verdict.records:
        lines += _record(record, texts)
    for caution in verdict.warnings:
        lines += ["", _caution(caution, texts, len(verdict.records))]
    return lines


def _dated(one: Dated, texts: Texts) -> str:
    accuracy = f"{one.accuracy.total_seconds():g}"
    return texts.existed.format(size=one.size, at=_instant(one.at), accuracy=accuracy, authority=one.authority)


def _record(record: RecordVerdict, texts: Texts) -> list[str]:
    bound = texts.unknown_bound if record.bound is None else f"± {record.bound.total_seconds():g} s"
    what = texts.events.get(record.event, record.event)
    if record.presence:
        what = f"{what}{texts.colon}{texts.words.get(record.presence, record.presence)}"
    if record.method:
        what = f"{what} ({texts.words.get(record.method, record.method)})"
    who = texts.words.get(record.role, record.role)
    if record.actor:
        who = f"{who} {_name(record.actor)}"
    about = []
    if record.student and record.student != record.actor:
        about.append(f"{texts.words['student']} {_name(record.student)}")
    if record.meeting:
        about.append(record.meeting_title or f"{texts.meeting} {record.meeting[:8]}")
    return [
        _plain(f"{texts.number.format(index=record.index)}  {_instant(record.at)} {bound}  {what}"),
        _plain(f"    {' · '.join([who, *about])}"),
        _plain(
            "    "
            + texts.vouched.format(
                at=_instant(record.certified_at),
                accuracy=f"{record.accuracy.total_seconds():g}",
                delay=_delay(record.delay),
                log=record.log,
                authority=record.authority,
            )
        ),
    ]


def _caution(caution: Caution, texts: Texts, count: int) -> str:
    shown = ", ".join(str(index) for index in caution.records[:_SHOWN_INDEXES])
    more = "…" if len(caution.records) > _SHOWN_INDEXES else ""
    # A caution about all of them (the production record included) needs no list.
    which = f" ({texts.records} {shown}{more})" if 0 < len(caution.records) <= count else ""
    return f"{texts.warning}{texts.colon}{texts.warnings[caution.warn]}{which}"


def _name(person: Person) -> str:
    return person.name or f"{person.pseudonym[:12]}…"


def _instant(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}.{at.microsecond // 1000:03d} UTC"


def _delay(delay: timedelta) -> str:
    if abs(delay) < _MINUTE:
        return f"{delay.total_seconds():+.3f} s"
    return f"+{timedelta(seconds=round(delay.total_seconds()))}" if delay > timedelta(0) else f"-{-delay}"


def _plain(text: str) -> str:
    """The text without what could act on a terminal: names come from outside."""
    return "".join(character if character.isprintable() else "�" for character in text)
