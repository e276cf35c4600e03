"""The JSON of the HTTP interface, both ways: docs/formats/vault-http.md."""

import base64
import binascii
from collections.abc import Sequence
from typing import Any

import orjson

from emarge.proof.vault.deposits import Deposit, Receipt
from emarge.proof.vault.errors import VaultRefused

MAX_DEPOSITS = 500
MAX_BODY = 8 * 1024 * 1024
_FIELDS = {"uuid", "payload", "labels", "content", "content_key"}


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
    return [
        Receipt(one["uuid"], one["index"], one["leaf"], decode(one["stamp"]), one["size"], notes[one["size"]])
        for one in values["receipts"]
    ]


def encode(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def decode(text: str) -> bytes:
    """Bytes of standard base64; ValueError or TypeError otherwise."""
    return base64.b64decode(text, validate=True)


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
