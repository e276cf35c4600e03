"""The JSON of the HTTP interface, both ways: docs/formats/vault-http.md."""

import binascii
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import orjson
import pybase64

from emarge.proof.vault.errors import VaultRefused
from emarge.proof.vault.log.deposits import HELD, LOCAL_ONLY, Deposit, Receipt, SealedContent
from emarge.proof.vault.storage.dated import DatedCheckpoint

MAX_DEPOSITS = 500
MAX_READ = 500
MAX_DATED = 100
MAX_BODY = 8 * 1024 * 1024
MAX_ANSWER = 4 * 1024 * 1024
"""Bytes of records in the answer to one read, before base64."""
_FIELDS = {"uuid", "payload", "labels", "content", "content_key"}
_READ_FIELDS = {"indexes", "want"}


def dump_deposits(deposits: Sequence[Deposit]) -> bytes:
    """The body of a deposit."""
    return orjson.dumps(
        {
            "deposits": [
                {
                    "uuid": one.uuid,
                    "payload": encode(one.payload),
                    "labels": one.labels,
                    "content": encode(one.content),
                    "content_key": encode(one.content_key),
                }
                for one in deposits
            ]
        }
    )


def load_deposits(body: bytes) -> list[Deposit]:
    """Read it; VaultRefused when it is anything else than 1 to 500 well-formed deposits."""
    values = _loads(body)
    items = values.get("deposits") if isinstance(values, dict) and len(values) == 1 else None
    if not isinstance(items, list) or not items:
        raise VaultRefused("bad_request", "the body is not a JSON object with a list of deposits")
    if len(items) > MAX_DEPOSITS:
        raise VaultRefused("too_large", f"a request brings at most {MAX_DEPOSITS} deposits")
    return [_load_deposit(item) for item in items]


def dump_receipts(receipts: Sequence[Receipt]) -> bytes:
    """The answer to a deposit; a checkpoint shared by several receipts is written once."""
    return orjson.dumps(
        {
            "receipts": [
                {
                    "uuid": one.uuid,
                    "index": one.index,
                    "leaf": one.leaf,
                    "stamp": encode(one.stamp),
                    "size": one.size,
                    **({"mirror": one.mirror} if one.mirror else {}),
                }
                for one in receipts
            ],
            "checkpoints": {str(one.size): one.checkpoint.decode() for one in receipts},
        }
    )


def load_receipts(body: bytes) -> list[Receipt]:
    """Read it; raises ValueError, KeyError or TypeError when it is not such an answer."""
    values = orjson.loads(body)
    notes = {int(size): note.encode() for size, note in values["checkpoints"].items()}
    return [_load_receipt(one, notes) for one in values["receipts"]]


@dataclass(frozen=True)
class Reading:
    """What a read asks for: ``want`` is ``entries``, ``contents`` or ``proofs``; ``size`` goes with proofs."""

    indexes: Sequence[int]
    want: str
    size: int | None = None


def dump_reading(reading: Reading) -> bytes:
    """The body of a read."""
    size = {} if reading.size is None else {"size": reading.size}
    return orjson.dumps({"indexes": reading.indexes, "want": reading.want} | size)


def load_reading(body: bytes) -> Reading:
    """Read it; VaultRefused when it is anything else than a well-formed read of 1 to 500 records."""
    values = _loads(body)
    want = values.get("want") if isinstance(values, dict) else None
    fields = {"entries": _READ_FIELDS, "contents": _READ_FIELDS, "proofs": _READ_FIELDS | {"size"}}
    if not isinstance(want, str) or values.keys() != fields.get(want):
        raise VaultRefused("bad_request", "a read names indexes, what it wants and, for proofs only, a size")
    indexes = _check_indexes(values["indexes"])
    if "size" in values and not _is_index(values["size"]):
        raise VaultRefused("bad_request", "a size is a whole number")
    return Reading(indexes, want, values.get("size"))


def dump_indexes(indexes: Sequence[int]) -> bytes:
    """The body that names records."""
    return orjson.dumps({"indexes": indexes})


def load_indexes(body: bytes) -> list[int]:
    """The indexes of a body that names nothing else; VaultRefused when it is anything else than 1 to 500 of them."""
    values = _loads(body)
    if not isinstance(values, dict) or values.keys() != {"indexes"}:
        raise VaultRefused("bad_request", "the body names indexes")
    return _check_indexes(values["indexes"])


def dump_sizes(sizes: Sequence[int], size: int | None = None) -> bytes:
    """The body that names dated checkpoints, with ``size`` when it asks for the proofs that lead there."""
    return orjson.dumps({"sizes": sizes} | ({} if size is None else {"size": size}))


def load_sizes(body: bytes) -> tuple[list[int], int | None]:
    """Read it; VaultRefused when it is anything else than 1 to 100 sizes, and one more or none."""
    values = _loads(body)
    if not isinstance(values, dict) or values.keys() - {"size"} != {"sizes"}:
        raise VaultRefused("bad_request", "the body names sizes, and one that they lead to when proofs are wanted")
    size = values.get("size")
    if "size" in values and not _is_index(size):
        raise VaultRefused("bad_request", "a size is a whole number")
    if len(sizes := _check_indexes(values["sizes"])) > MAX_DATED:
        raise VaultRefused("too_large", f"a request reads at most {MAX_DATED} dated checkpoints")
    if not sizes[0]:
        raise VaultRefused("unknown_size", "no empty log is ever dated")
    return sizes, size


def dump_dated(dated: Iterable[DatedCheckpoint]) -> bytes:
    """The answer to a read of dated checkpoints."""
    return orjson.dumps({"dated": [{"checkpoint": encode(one.note), "token": encode(one.token)} for one in dated]})


def load_dated(body: bytes, sizes: Sequence[int]) -> list[DatedCheckpoint]:
    """Read it; raises ValueError, KeyError or TypeError when it is not the answer for these sizes."""
    found = zip(sizes, orjson.loads(body)["dated"], strict=True)
    return [DatedCheckpoint(size, decode(one["checkpoint"]), decode(one["token"])) for size, one in found]


def _check_indexes(indexes: Any) -> list[int]:
    if not isinstance(indexes, list) or not indexes or not all(_is_index(one) for one in indexes):
        raise VaultRefused("bad_request", "indexes is a list of whole numbers")
    if len(indexes) > MAX_READ:
        raise VaultRefused("too_large", f"a request reads at most {MAX_READ} records")
    if any(after <= before for before, after in pairwise(indexes)):
        raise VaultRefused("bad_request", "indexes are ascending, each once")
    return indexes


def _is_index(value: object) -> bool:
    return type(value) is int and value >= 0


def dump_entries(entries: Iterable[bytes]) -> bytes:
    """The answer to a read of entries, cut at 4 MiB."""
    return _dump_read("entries", ((len(one), encode(one)) for one in entries))


def dump_contents(contents: Iterable[SealedContent | None]) -> bytes:
    """The answer to a read of contents, cut at 4 MiB."""
    return _dump_read(
        "contents",
        (
            (len(one.ciphertext), {"ciphertext": encode(one.ciphertext), "key": encode(one.key)}) if one else (0, None)
            for one in contents
        ),
    )


def dump_proofs(proofs: Iterable[Sequence[bytes]]) -> bytes:
    """The answer to a read of proofs, cut at 4 MiB."""
    return _dump_read("proofs", ((sum(map(len, one)), [encode(value) for value in one]) for one in proofs))


def _dump_read(name: str, sized: Iterable[tuple[int, object]]) -> bytes:
    """One answer of as many values, each with its size, as it may hold; nothing after them is even read."""
    kept: list[object] = []
    held = 0
    for size, value in sized:
        held += size
        if kept and held > MAX_ANSWER:
            break
        kept.append(value)
    return orjson.dumps({name: kept})


def load_entries(body: bytes) -> list[bytes]:
    """Read it; raises ValueError, KeyError or TypeError when it is not such an answer."""
    return [decode(one) for one in orjson.loads(body)["entries"]]


def load_contents(body: bytes) -> list[SealedContent | None]:
    """Read it; raises ValueError, KeyError or TypeError when it is not such an answer."""
    values = orjson.loads(body)["contents"]
    return [SealedContent(decode(one["ciphertext"]), decode(one["key"])) if one else None for one in values]


def load_proofs(body: bytes) -> list[list[bytes]]:
    """Read it; raises ValueError, KeyError or TypeError when it is not such an answer."""
    return [[decode(value) for value in one] for one in orjson.loads(body)["proofs"]]


def encode(data: bytes) -> str:
    return pybase64.b64encode_as_string(data)


def decode(text: str) -> bytes:
    """Bytes of standard base64; ValueError or TypeError otherwise."""
    return pybase64.b64decode(text, validate=True)


def _load_receipt(one: dict[str, Any], notes: dict[int, bytes]) -> Receipt:
    note, mirror = notes[one["size"]], one.get("mirror", "")
    if mirror not in {"", HELD, LOCAL_ONLY}:
        raise ValueError(mirror)
    return Receipt(one["uuid"], one["index"], one["leaf"], decode(one["stamp"]), one["size"], note, mirror)


def _load_deposit(item: Any) -> Deposit:
    if not isinstance(item, dict) or set(item) != _FIELDS:
        raise VaultRefused("bad_deposit", "a deposit has a uuid, a payload, labels, a content and its key")
    labels = item["labels"]
    texts = [item[field] for field in sorted(_FIELDS - {"labels"})]
    if not isinstance(labels, list) or not all(isinstance(text, str) for text in [*texts, *labels]):
        raise VaultRefused("bad_deposit", "a field of a deposit is not of its type")
    try:
        parts = [decode(item[field]) for field in ("payload", "content", "content_key")]
    except (binascii.Error, ValueError):
        raise VaultRefused("bad_deposit", "a field of a deposit is not base64") from None
    deposit = Deposit(item["uuid"], parts[0], tuple(labels), parts[1], parts[2])
    deposit.check()
    return deposit


def _loads(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        raise VaultRefused("bad_request", "the body is not JSON") from None
