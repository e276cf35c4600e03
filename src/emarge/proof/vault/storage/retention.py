"""How long a log keeps its records, and the legal holds on it: docs/formats/destruction.md."""

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from emarge.proof.vault.errors import CorruptVault, VaultRefused
from emarge.proof.vault.log.deposits import is_label, is_uuid
from emarge.proof.vault.log.ranges import Ranges
from emarge.proof.vault.storage import files

SHORTEST = 1827
LONGEST = 36_525
MAX_REFERENCE = 200
_FILE = "state.json"
TIME = "%Y-%m-%dT%H:%M:%S.%fZ"


def time_text(at: datetime) -> str:
    """An aware instant as these pages write it."""
    return at.astimezone(UTC).strftime(TIME)


@dataclass(frozen=True)
class Hold:
    """A legal hold: on the records under ``label``, or on the whole log. ``released`` is None while it stands."""

    id: str
    label: str | None
    reference: str
    placed: str
    released: str | None = None
    release_reference: str | None = None


@dataclass(frozen=True)
class Period:
    """A retention period in days, and since when."""

    days: int
    since: str


class Retention:
    """The period and the holds of one log, kept in its folder. Not for two threads at once.

    Opening raises CorruptVault when the file is there and cannot be read.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / _FILE
        self.periods: tuple[Period, ...] = ()
        self.holds: tuple[Hold, ...] = ()
        if self._path.exists():
            try:
                values = json.loads(self._path.read_bytes())
                self.periods = tuple(Period(**one) for one in values["periods"])
                self.holds = tuple(Hold(**one) for one in values["holds"])
            except (ValueError, KeyError, TypeError):
                raise CorruptVault(f"retention/{folder.name}/{_FILE} is unreadable") from None

    @property
    def days(self) -> int:
        return self.periods[-1].days if self.periods else SHORTEST

    def raise_to(self, days: int, at: datetime) -> None:
        """Keep records for ``days`` from now on; VaultRefused when that is less than now."""
        if not SHORTEST <= days <= LONGEST or days < self.days:
            raise VaultRefused("period_shorter", f"the period is {self.days} days: it goes up to {LONGEST}, never down")
        if days > self.days:
            self._save((*self.periods, Period(days, time_text(at))), self.holds)

    def place(self, hold: Hold) -> None:
        """Place a hold; VaultRefused when its id is another's, or of one that was released."""
        known = self._hold(hold.id)
        if known is None:
            self._save(self.periods, (*self.holds, hold))
        elif (known.label, known.reference, known.released) != (hold.label, hold.reference, None):
            raise VaultRefused("hold_reused", f"the hold {hold.id} is another one, or was released")

    def release(self, name: str, reference: str, at: datetime) -> None:
        """Release a hold; VaultRefused when it is not known, or was released under another reference."""
        known = self._hold(name)
        if known is None:
            raise VaultRefused("unknown_hold", f"there is no hold {name}")
        if known.released is None:
            released = replace(known, released=time_text(at), release_reference=reference)
            self._save(self.periods, tuple(released if one is known else one for one in self.holds))
        elif known.release_reference != reference:
            raise VaultRefused("hold_reused", f"the hold {name} was released under another reference")

    def held(self, find: Callable[[str], Iterable[int]]) -> dict[str, Ranges | None]:
        """What each standing hold covers, by id: None for the whole log. ``find`` gives the records of a label."""
        standing = [hold for hold in self.holds if hold.released is None]
        return {hold.id: None if hold.label is None else Ranges.of(find(hold.label)) for hold in standing}

    def values(self) -> dict[str, Any]:
        """The whole state, as JSON tells it."""
        return {"periods": [asdict(one) for one in self.periods], "holds": [asdict(one) for one in self.holds]}

    def _hold(self, name: str) -> Hold | None:
        return next((hold for hold in self.holds if hold.id == name), None)

    def _save(self, periods: tuple[Period, ...], holds: tuple[Hold, ...]) -> None:
        before = self.periods, self.holds
        self.periods, self.holds = periods, holds
        try:
            files.make_folder(self._path.parent)
            files.replace(self._path, json.dumps(self.values(), indent=1).encode() + b"\n")
        except BaseException:
            self.periods, self.holds = before
            raise


def read_hold(values: Any, at: datetime) -> Hold:
    """The hold that a request asks for; VaultRefused when it is malformed."""
    if not isinstance(values, dict) or values.keys() != {"id", "label", "reference"}:
        raise VaultRefused("bad_request", "a hold has an id, a label or null, and a reference")
    if not is_uuid(values["id"]) or not (values["label"] is None or is_label(values["label"])):
        raise VaultRefused("bad_request", "the id of a hold is a uuid, its label one of a deposit")
    return Hold(values["id"], values["label"], read_reference(values["reference"]), time_text(at))


def read_reference(value: Any) -> str:
    """A reference of a hold or of its release; VaultRefused when it is malformed."""
    if not isinstance(value, str) or not 1 <= len(value) <= MAX_REFERENCE or not value.isprintable():
        raise VaultRefused("bad_request", f"a reference has 1 to {MAX_REFERENCE} printable characters")
    return value
