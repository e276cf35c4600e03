"""Rosters of class meetings, put together from the records that hold their parts (docs/formats/record.md)."""

from collections.abc import Mapping
from typing import Any

from emarge.proof.evidence.errors import EvidenceError, Fault
from emarge.proof.evidence.proved import Proved

EVENTS = ("roll_call.opened", "roll_call.ended")


class Rosters:
    """Takes the parts in the order of the log; a missing, strange or repeated one raises EvidenceError."""

    def __init__(self) -> None:
        self._begun: dict[tuple[str | None, str], list[Proved]] = {}

    def take(self, one: Proved) -> list[Mapping[str, Any]] | None:
        """The lines of the whole roster when this part is its last, None when more parts must follow."""
        details = one.record.details
        held = self._begun.setdefault((one.record.meeting, one.record.event), [])
        if details["part"] != len(held) + 1:
            raise _missing(one, len(held) + 1, (held or [one])[0].record.details["parts"])
        if held and _told(held[0]) != _told(one):
            raise EvidenceError(Fault.ROSTER, one.file, f"not of the same roster as the record {held[0].index}")
        held.append(one)
        if len(held) < details["parts"]:
            return None
        lines = [line for part in held for line in part.record.details["roster"]]
        held.clear()
        if len({line["student"] for line in lines}) != len(lines):
            raise EvidenceError(Fault.ROSTER, one.file, "a student is in two parts of the roster")
        return lines

    def finish(self) -> None:
        """Raise EvidenceError when a roster that began lacks its last parts."""
        for held in self._begun.values():
            if held:
                raise _missing(held[-1], len(held) + 1, held[0].record.details["parts"])


def _told(one: Proved) -> tuple[object, ...]:
    """What all the parts of a roster have in common."""
    return one.record.details["parts"], one.record.at, one.record.actor


def _missing(one: Proved, part: int, parts: int) -> EvidenceError:
    return EvidenceError(Fault.ROSTER, one.file, f"part {part} of {parts} of the roster is missing")
