"""What a bundle that verifies is found to say."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from emarge.proof.evidence.manifest import Request


class Warn(StrEnum):
    """What a reader must know although nothing is false. Names never change: scripts read them."""

    DEMO_POLICY = "demo_policy"
    CLOCK_UNKNOWN = "clock_unknown"
    SERVER_AHEAD = "server_ahead"
    NOT_OPENED = "not_opened"
    ERASED = "erased"
    NO_ROLL_CALL = "no_roll_call"
    NO_OPENING = "no_opening"
    NO_APPROVAL = "no_approval"
    NOT_MIRRORED = "not_mirrored"
    NOT_WITNESSED = "not_witnessed"


@dataclass(frozen=True)
class Caution:
    """A warning and the indexes of the records that it concerns (none: the whole bundle)."""

    warn: Warn
    records: tuple[int, ...] = ()


@dataclass(frozen=True)
class Person:
    """A pseudonym, and the name behind it when a content of the bundle tells."""

    pseudonym: str
    name: str | None


@dataclass(frozen=True)
class RecordVerdict:
    """One record that verifies.

    ``at`` is the server's reading, ``bound`` how far it may be wrong (None: unknown). The record existed at
    ``certified_at`` ± ``accuracy``, which is ``delay`` later. ``log`` and ``authority`` are who vouched.
    """

    index: int
    id: str
    event: str
    role: str
    actor: Person | None
    student: Person | None
    teachers: tuple[Person, ...]
    meeting: str | None
    meeting_title: str | None
    method: str | None
    presence: str | None
    at: datetime
    bound: timedelta | None
    certified_at: datetime
    accuracy: timedelta
    delay: timedelta
    opened: bool
    log: str
    authority: str


@dataclass(frozen=True)
class Mirror:
    """A mirror that holds every entry under the checkpoint, and cosigned it ``at`` this time of its own clock."""

    name: str
    at: datetime


@dataclass(frozen=True)
class Witness:
    """A witness that knew no other history of the log, and cosigned the checkpoint ``at`` this time of its clock."""

    name: str
    at: datetime


@dataclass(frozen=True)
class Dated:
    """The first ``size`` entries of the log existed ``at`` ± ``accuracy``, all of them, says ``authority``."""

    size: int
    at: datetime
    accuracy: timedelta
    authority: str


@dataclass(frozen=True)
class Verdict:
    """A bundle that verifies: every byte of it is bound to the trust anchors of ``fingerprint``.

    ``size`` and ``root`` (hex) are the log's signed checkpoint, which ``mirrors`` and ``witnesses`` cosigned;
    ``dated`` are earlier ones that an external timestamp service certified;
    ``produced_at`` is the certified time of the production record.
    """

    code: str
    fingerprint: str
    log: str
    size: int
    root: str
    mirrors: tuple[Mirror, ...]
    witnesses: tuple[Witness, ...]
    dated: tuple[Dated, ...]
    request: Request
    produced_index: int
    produced_at: datetime
    records: tuple[RecordVerdict, ...]
    warnings: tuple[Caution, ...]
