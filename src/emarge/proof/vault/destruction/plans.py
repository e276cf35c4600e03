"""Plans and certificates of destruction: the bytes of docs/formats/destruction.md. Reading is strict."""

import base64
import binascii
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from emarge.proof.vault.errors import CheckpointError, DestructionError
from emarge.proof.vault.log import checkpoint
from emarge.proof.vault.log.deposits import is_uuid
from emarge.proof.vault.log.ranges import Ranges
from emarge.proof.vault.log.tiles import WIDTH, Tile, width_at
from emarge.proof.vault.storage.reader import LogReader
from emarge.proof.vault.storage.retention import TIME, time_text

CONTENTS, RETENTION = SCOPES = ("contents", "retention")
MAX_NOTE = 1024 * 1024
_PLAN, _CERTIFICATE = "emarge-destruction-plan/1", "emarge-destruction/1"
_KEY_ID, _SIGNATURE = 4, 64

TokenTime = Callable[[bytes], datetime]
"""Gives the aware instant that a timestamp token states; raises DestructionError when it cannot be read."""


@dataclass(frozen=True)
class Order:
    """What is asked: the uuid of the record that orders it, and its scope with ``indexes`` or ``before``.

    For scope ``retention`` there are no ``indexes``, for ``contents`` ``before`` is None.
    """

    uuid: str
    scope: str
    indexes: Ranges
    before: int | None = None


@dataclass(frozen=True)
class Plan:
    """What will be destroyed: key and content of ``records``, the entries of ``entries``.

    ``leaves`` is the SHA-256 over the leaf hashes of ``records``; ``period`` the log's retention in days.
    """

    origin: str
    order: Order
    order_index: int
    period: int
    records: Ranges
    entries: Ranges
    leaves: bytes


@dataclass(frozen=True)
class Certificate:
    """What was destroyed; ``decided`` is the time of the plan's token."""

    plan: Plan
    decided: datetime


@dataclass(frozen=True)
class Sealed:
    """A signed note of this page, and the timestamp token over it."""

    note: bytes
    token: bytes

    @property
    def digest(self) -> str:
        """SHA-256 of the note, in hex."""
        return hashlib.sha256(self.note).hexdigest()

    def dump(self) -> bytes:
        """The bytes of its file."""
        return json.dumps({"note": self.note.decode(), "token": base64.b64encode(self.token).decode()}).encode()

    @classmethod
    def load(cls, data: bytes) -> "Sealed":
        """Read its file; DestructionError when it is malformed."""
        try:
            values = json.loads(data)
            found = cls(values["note"].encode(), base64.b64decode(values["token"], validate=True))
        except (ValueError, KeyError, TypeError, AttributeError, binascii.Error):
            raise DestructionError("the file of a destruction is unreadable") from None
        if len(found.note) > MAX_NOTE or not found.token:
            raise DestructionError("the file of a destruction holds a note and its token")
        return found


def sign_plan(plan: Plan, key: Ed25519PrivateKey) -> bytes:
    """The signed note of a plan; the same for the same plan."""
    return _sign(_text(_PLAN, plan), plan.origin, key)


def sign_certificate(certificate: Certificate, key: Ed25519PrivateKey) -> bytes:
    """The signed note of a certificate; the same for the same certificate."""
    return _sign(_text(_CERTIFICATE, certificate.plan, certificate.decided), certificate.plan.origin, key)


def open_plan(note: bytes, vkey: str) -> Plan:
    """The plan in a note signed by the log of ``vkey``; raises DestructionError on anything else."""
    plan = _parse(_verified(note, vkey), _PLAN)[0]
    _require_form(note, _text(_PLAN, plan))
    return plan


def open_certificate(note: bytes, vkey: str) -> Certificate:
    """The certificate in a note signed by the log of ``vkey``; raises DestructionError on anything else."""
    plan, decided = _parse(_verified(note, vkey), _CERTIFICATE)
    if decided is None:
        raise DestructionError("a certificate says when it was decided")
    _require_form(note, _text(_CERTIFICATE, plan, decided))
    return Certificate(plan, decided)


def origin_of(note: bytes) -> str:
    """The origin that a note names, of which nothing is verified yet."""
    return b"".join(note.split(b"\n", 2)[1:2]).decode("utf-8", "replace")


def leaves_digest(reader: LogReader, records: Ranges, size: int) -> bytes:
    """SHA-256 over the leaf hashes of these records, read from the level-0 tiles of a tree of ``size``."""
    digest = hashlib.sha256()
    for start, end in records.runs:
        for number in range(start // WIDTH, -(-end // WIDTH)):
            data = reader.tile(Tile(0, number, width_at(0, number, size)))
            first = number * WIDTH
            digest.update(data[32 * (max(start, first) - first) : 32 * (min(end, first + WIDTH) - first)])
    return digest.digest()


def _text(kind: str, plan: Plan, decided: datetime | None = None) -> str:
    order = plan.order
    lines = [kind, plan.origin, f"order {order.uuid} {plan.order_index}", f"scope {order.scope}"]
    lines += [] if order.before is None else [f"before {order.before}"]
    lines += [f"period {plan.period}", f"records {plan.records.text}", f"entries {plan.entries.text}"]
    lines += [f"count {plan.records.count}", f"leaves {base64.b64encode(plan.leaves).decode('ascii')}"]
    lines += [] if decided is None else [f"decided {time_text(decided)}"]
    return "\n".join(lines) + "\n"


def _sign(text: str, origin: str, key: Ed25519PrivateKey) -> bytes:
    known = checkpoint.key_id(origin, checkpoint.ED25519 + key.public_key().public_bytes_raw())
    return f"{text}\n".encode() + checkpoint.signature_line(origin, known, key.sign(text.encode()))


def _verified(note: bytes, vkey: str) -> list[str]:
    """The lines of a note, once its one signature is that of the log."""
    text, separator, line = note.partition(b"\n\n")
    text += b"\n"
    try:
        origin, known, public_key = checkpoint.parse_vkey(vkey)
        encoded = line.decode("utf-8").removesuffix("\n").rpartition(" ")[2]
        signature = checkpoint.decode_base64(encoded, _KEY_ID + _SIGNATURE)[_KEY_ID:]
        if len(note) > MAX_NOTE or not separator or line != checkpoint.signature_line(origin, known, signature):
            raise DestructionError("the note is not a text and one signature line of its log")
        public_key.verify(signature, text)
        lines = text.decode("utf-8").split("\n")[:-1]
    except (CheckpointError, UnicodeDecodeError, InvalidSignature):
        raise DestructionError("the signature of the note is false") from None
    if lines[1:2] != [origin]:
        raise DestructionError("the note is of another log")
    return lines


def _parse(lines: list[str], kind: str) -> tuple[Plan, datetime | None]:
    fields = dict(line.partition(" ")[::2] for line in lines[2:])
    try:
        uuid, index = fields["order"].split(" ")
        scope, records = fields["scope"], Ranges.parse(fields["records"])
        before = int(fields["before"]) if "before" in fields else None
        order = Order(uuid, scope, records if scope == CONTENTS else Ranges(), before)
        leaves = base64.b64decode(fields["leaves"], validate=True)
        entries = Ranges.parse(fields["entries"])
        plan = Plan(lines[1], order, int(index), int(fields["period"]), records, entries, leaves)
        decided = datetime.strptime(fields["decided"], TIME).replace(tzinfo=UTC) if "decided" in fields else None
    except (KeyError, ValueError):
        raise DestructionError("a line of the note is missing or malformed") from None
    if lines[0] != kind or scope not in SCOPES or (before is None) != (scope == CONTENTS) or not is_uuid(uuid):
        raise DestructionError("the note is of another kind or scope")
    within = entries.bundles == entries and not entries - records and (scope == RETENTION or not entries)
    if not records or not within or plan.order_index in records or len(leaves) != hashlib.sha256().digest_size:
        raise DestructionError("the ranges of the note do not fit together")
    if before is not None and records.runs[-1][1] > before:
        raise DestructionError("the ranges of the note do not fit together")
    return plan, decided


def _require_form(note: bytes, text: str) -> None:
    if note.partition(b"\n\n")[0] + b"\n" != text.encode():
        raise DestructionError("the note is not written in its one form")
