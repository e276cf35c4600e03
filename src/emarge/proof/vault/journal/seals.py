"""What the record says that seals a day of the journal (docs/formats/journal.md)."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from emarge.proof.vault.errors import CorruptVault, EntryError
from emarge.proof.vault.journal import journal
from emarge.proof.vault.journal.journal import Summary
from emarge.proof.vault.log import entry

EVENT = "journal.sealed"
LABEL = f"event:{EVENT}"
_FORMAT = "emarge-record/1"
_UNKNOWN_CLOCK = {"bound_ms": None, "sources": ["system"], "state": "unknown"}


@dataclass(frozen=True)
class Seal:
    """What a sealed record says: the day, and the day sealed before it with the digest of its file."""

    summary: Summary
    before: tuple[str, str] | None


def name_of(vault: str, day: str) -> str:
    """The uuid of the record that seals a day."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{vault}/journal/{day}"))


def build(vault: str, seal: Seal, at: datetime) -> bytes:
    """The record that seals a day, in the form of docs/formats/record.md."""
    summary = seal.summary
    details: dict[str, Any] = {
        "day": summary.day,
        "lines": summary.lines,
        "first": summary.first,
        "last": summary.last,
        "digest": summary.digest,
    }
    if seal.before:
        details["before"] = dict(zip(("day", "digest"), seal.before, strict=True))
    return journal.canonical(
        {
            "format": _FORMAT,
            "id": name_of(vault, summary.day),
            "event": EVENT,
            "at": journal.instant(at),
            "clock": _UNKNOWN_CLOCK,
            "code": vault,
            "actor": {"role": "system"},
            "details": details,
        }
    )


def read(data: bytes) -> Seal | None:
    """The seal that an entry of the vault's own log holds, None when it is another event; CorruptVault."""
    try:
        record = orjson.loads(entry.decode(data).payload)
        return _seal_of(record["details"]) if record["event"] == EVENT else None
    except (EntryError, orjson.JSONDecodeError, KeyError, TypeError):
        raise CorruptVault("an entry of the vault's own log is no record of its own") from None


def _seal_of(details: Mapping[str, Any]) -> Seal:
    summary = Summary(*(details[name] for name in ("day", "lines", "first", "last", "digest")))
    before = details.get("before")
    return Seal(summary, (before["day"], before["digest"]) if before else None)
