"""The JSON of retention, holds and destruction, both ways: docs/formats/vault-http.md."""

import base64
import hashlib
from collections.abc import Container, Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import orjson

from emarge.proof.vault.destruction.destructions import Destroyed
from emarge.proof.vault.destruction.plans import CONTENTS, RETENTION, Order
from emarge.proof.vault.errors import VaultRefused
from emarge.proof.vault.log.deposits import is_uuid
from emarge.proof.vault.log.ranges import Ranges
from emarge.proof.vault.storage.retention import Retention

MAX_INDEXES = 50_000
FORGOTTEN, WAITING = "forgotten", "waiting"
_STATES = {True: FORGOTTEN, False: WAITING}


@dataclass(frozen=True)
class DestructionCertificate:
    """What the vault answers to an order: the signed note, the timestamp token over it, its SHA-256 in hex.

    ``mirror`` is ``forgotten`` or ``waiting`` in a list, when a mirror is configured.
    """

    order: str
    note: bytes
    token: bytes
    digest: str
    mirror: str = ""


def dump_order(order: Order) -> bytes:
    """The body of a destroy."""
    what = {"indexes": list(order.indexes)} if order.before is None else {"before": order.before}
    return orjson.dumps({"order": order.uuid, "scope": order.scope} | what)


def load_order(body: bytes) -> Order:
    """Read it; VaultRefused when it is malformed."""
    values = load_object(body)
    scope, order = values.get("scope"), values.get("order")
    if not isinstance(order, str) or not is_uuid(order) or scope not in {CONTENTS, RETENTION}:
        raise VaultRefused("bad_request", "an order has a uuid in canonical lower case and a scope")
    if values.keys() != {"order", "scope", "indexes" if scope == CONTENTS else "before"}:
        raise VaultRefused("bad_request", "scope contents comes with indexes, scope retention with before")
    if scope == RETENTION:
        if type(values["before"]) is not int or values["before"] < 1:
            raise VaultRefused("bad_request", "before is a whole number from 1 on")
        return Order(order, scope, Ranges(), values["before"])
    indexes = values["indexes"]
    if not isinstance(indexes, list) or not indexes or not all(type(one) is int and one >= 0 for one in indexes):
        raise VaultRefused("bad_request", "indexes is a list of whole numbers")
    if len(indexes) > MAX_INDEXES:
        raise VaultRefused("too_large", f"an order names at most {MAX_INDEXES} records")
    if any(after <= before for before, after in pairwise(indexes)):
        raise VaultRefused("bad_request", "indexes are ascending, each once")
    return Order(order, scope, Ranges.of(indexes), None)


def load_object(body: bytes) -> dict[str, Any]:
    """A JSON object; VaultRefused when it is none."""
    try:
        values = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise VaultRefused("bad_request", "the body is not JSON") from None
    if not isinstance(values, dict):
        raise VaultRefused("bad_request", "the body is not a JSON object")
    return values


def dump_retention(retention: Retention) -> bytes:
    """The period and the holds of a log."""
    return orjson.dumps({"days": retention.days} | retention.values())


def dump_certificate(done: Destroyed) -> bytes:
    """The answer to a destroy."""
    return orjson.dumps(_certificate(done))


def dump_destructions(destructions: Iterable[Destroyed], forgotten: Container[str] | None) -> bytes:
    """The list of destructions; ``forgotten`` are the orders that the mirror knows, None without a mirror."""
    everything = list(destructions)
    finished = [
        _certificate(one) | ({} if forgotten is None else {"mirror": _STATES[one.uuid in forgotten]})
        for one in everything
        if one.certificate
    ]
    return orjson.dumps(
        {"destructions": finished, "unfinished": [one.uuid for one in everything if one.certificate is None]}
    )


def load_certificate(values: dict[str, Any]) -> DestructionCertificate:
    """Read one certificate; raises ValueError, KeyError or TypeError when it is not one."""
    note = values["certificate"].encode()
    if hashlib.sha256(note).hexdigest() != values["digest"]:
        raise ValueError(values["digest"])
    token = base64.b64decode(values["token"], validate=True)
    return DestructionCertificate(values["order"], note, token, values["digest"], values.get("mirror", ""))


def _certificate(done: Destroyed) -> dict[str, str]:
    note, token = done.sealed.note.decode(), base64.b64encode(done.sealed.token).decode("ascii")
    return {"order": done.uuid, "certificate": note, "token": token, "digest": done.sealed.digest}
