"""Speaks to a vault: docs/formats/vault-http.md."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import quote

import httpx

from emarge.proof.vault.destruction import plans
from emarge.proof.vault.destruction import wire as destroy_wire
from emarge.proof.vault.destruction.plans import Order
from emarge.proof.vault.destruction.wire import DestructionCertificate
from emarge.proof.vault.errors import EntryError, VaultRefused, VaultUnavailable
from emarge.proof.vault.log import entry
from emarge.proof.vault.log.deposits import Deposit, Receipt, SealedContent
from emarge.proof.vault.log.merkle import leaf_hash
from emarge.proof.vault.log.ranges import Ranges
from emarge.proof.vault.service import wire
from emarge.proof.vault.storage.dated import DatedCheckpoint

__all__ = ["Deposit", "DestructionCertificate", "Receipt", "SealedContent", "VaultClient"]

_TIMEOUT = 30.0  # seconds
_LONG_TIMEOUT = 600.0  # seconds
_DESTROY = "/destroy"
_HEALTH_TIMEOUT = 3.0
# Bytes in a request, at most: base64 and JSON make them grow to less than the largest body.
_MOST_BYTES = wire.MAX_BODY // 2
T = TypeVar("T")


class VaultClient:
    """One credential on one vault, over kept connections. Threads may share it.

    Every call raises VaultUnavailable when the vault cannot answer now (try again, it is harmless), and
    VaultRefused, with code and text, when it will not.
    """

    def __init__(self, url: str, credential: str, *, timeout: float = _TIMEOUT) -> None:
        self._timeout = timeout
        # The environment's proxies are not for a server of our own.
        self._http = httpx.Client(
            base_url=url,
            headers={"authorization": f"Bearer {credential}"},
            timeout=timeout,
            trust_env=False,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    def mirror(self) -> str:
        """What the vault says of its mirror now: ``held``, ``behind``, ``unavailable``; empty when it has none."""
        try:
            answer = self._http.get("/health", timeout=_HEALTH_TIMEOUT)
        except httpx.HTTPError as error:
            raise VaultUnavailable(f"the vault does not answer ({type(error).__name__})") from error
        return _read(answer, lambda response: str(response.json().get("mirror", "")))

    def open_log(self, log: str) -> str:
        """Begin a log, or find it begun; its verifier key. Role opener."""
        return self._call("POST", log, "").text

    def deposit(self, log: str, deposits: Sequence[Deposit]) -> list[Receipt]:
        """Log records and give their receipts, in order. Role writer.

        Many records go in several requests: when a later one fails, the earlier ones are logged, and the
        same call again gives all receipts.
        """
        receipts: list[Receipt] = []
        for part in _parts(deposits):
            answer = self._call("POST", log, "/deposit", content=wire.dump_deposits(part))
            got = _read(answer, lambda response: wire.load_receipts(response.content))
            if not _covers(got, part):
                raise VaultUnavailable("the vault answered with receipts for other records")
            receipts += got
        return receipts

    def checkpoint(self, log: str) -> bytes:
        """The last signed checkpoint, with the lines of its cosigners. Roles writer and reader."""
        return self._call("GET", log, "/checkpoint").content

    def vkey(self, log: str) -> str:
        """The log's verifier key. Any role."""
        return self._call("GET", log, "/vkey").text

    def cosigners(self, log: str) -> tuple[str, ...]:
        """The verifier keys of the mirrors whose lines may stand under a checkpoint. Any role."""
        answer = self._call("GET", log, "/cosigners")
        return _read(answer, lambda response: tuple(str(vkey) for vkey in response.json()["cosigners"]))

    def witnesses(self, log: str) -> tuple[str, ...]:
        """The verifier keys of the witnesses whose lines may stand under a checkpoint, after the mirrors'. Any role."""
        answer = self._call("GET", log, "/cosigners")
        return _read(answer, lambda response: tuple(str(vkey) for vkey in response.json().get("witnesses", ())))

    def count(self, log: str) -> int:
        """How many records the log holds. Roles writer and reader."""
        return _read(self._call("GET", log, "/count"), lambda answer: int(answer.json()["count"]))

    def find(self, log: str, label: str) -> list[int]:
        """The indexes of the records under a label, ascending. Role reader."""
        answer = self._call("GET", log, "/find", label=label)
        return _read(answer, lambda response: [int(index) for index in response.json()["indexes"]])

    def list_records(self, log: str, *, label: str = "", start: int = 0) -> Iterator[tuple[int, str]]:
        """Index and uuid of each record from ``start`` on, under a label if one is given. Roles reader, auditor."""
        page: int | None = start
        while page is not None:
            query = {"from": str(page)} | ({"label": label} if label else {})
            answer = self._call("GET", log, "/list", None, **query)
            values = _read(answer, lambda response: dict(response.json()))
            yield from ((int(one["index"]), str(one["uuid"])) for one in values["records"])
            page = values["next"]

    def metadata(self, log: str, indexes: Iterable[int]) -> list[dict[str, Any]]:
        """The technical metadata of these records, ascending. Roles reader, auditor."""
        wanted, found = sorted(set(indexes)), []
        for start in range(0, len(wanted), wire.MAX_READ):
            body = wire.dump_indexes(wanted[start : start + wire.MAX_READ])
            answer = self._call("POST", log, "/metadata", content=body)
            found += _read(answer, lambda response: list(response.json()["metadata"]))
        return found

    def control(self, log: str) -> dict[str, Any]:
        """Begin a full check of a log, unless one runs; how far it is. Role controller."""
        return _read(self._call("POST", log, "/control"), lambda response: dict(response.json()))

    def controlled(self, log: str) -> dict[str, Any]:
        """How far the last check of a log is, or what came of it. Roles controller, auditor."""
        return _read(self._call("GET", log, "/control"), lambda response: dict(response.json()))

    def journal_days(self) -> list[dict[str, Any]]:
        """The days of the journal: ``day``, ``bytes``, ``sealed`` (an index of the log vault or None). Role auditor."""
        return _read(self._ask("GET", "/journal"), lambda response: list(response.json()["days"]))

    def journal(self, day: str) -> Iterator[bytes]:
        """The lines that a day of the journal has now, with their newlines. Role auditor."""
        # Today's file grows by a line with each page that is read of it: read what it had at first.
        end, start = next((one["bytes"] for one in self.journal_days() if one["day"] == day), 1), 0
        while start < end:
            address = f"/journal/{quote(day, safe='')}"
            page = self._ask("GET", address, None, None, **{"from": str(start)}).content[: end - start]
            if not page:
                raise VaultUnavailable("the vault answered with less of the journal than it said it had")
            yield from page.splitlines(keepends=True)
            start += len(page)

    def entries(self, log: str, indexes: Iterable[int]) -> dict[int, bytes]:
        """The entries at these indexes, ascending (see ``entry.decode``). Role reader."""
        return dict(self._batches(log, indexes, "entries", wire.load_entries))

    def proofs(self, log: str, indexes: Iterable[int], size: int) -> dict[int, list[bytes]]:
        """The inclusion proof of each entry in the tree of ``size`` entries. Role reader."""
        return dict(self._batches(log, indexes, "proofs", wire.load_proofs, size))

    def contents(self, log: str, indexes: Iterable[int]) -> dict[int, SealedContent]:
        """The sealed contents of those records that have one whose key was not destroyed. Role reader."""
        found = self._batches(log, indexes, "contents", wire.load_contents)
        return {index: content for index, content in found if content is not None}

    def dated_sizes(self, log: str) -> list[int]:
        """The sizes of the dated checkpoints, ascending. Roles reader, controller, auditor."""
        answer = self._call("GET", log, "/dated")
        return _read(answer, lambda response: [int(size) for size in response.json()["sizes"]])

    def dated(self, log: str, sizes: Iterable[int]) -> list[DatedCheckpoint]:
        """The dated checkpoints of these sizes, ascending. Roles reader, controller, auditor."""
        found: list[DatedCheckpoint] = []
        for part in _of_sizes(sizes):
            answer = self._call("POST", log, "/dated", content=wire.dump_sizes(part))
            found += _read(answer, partial(_load_dated, sizes=part))
        return found

    def growth(self, log: str, sizes: Iterable[int], size: int) -> dict[int, list[bytes]]:
        """The proof that leads from each of these sizes to ``size``. Roles reader, controller, auditor."""
        found: dict[int, list[bytes]] = {}
        for part in _of_sizes(sizes):
            answer = self._call("POST", log, "/dated", content=wire.dump_sizes(part, size))
            proofs = _read(answer, lambda response: wire.load_proofs(response.content))
            found |= dict(zip(part, proofs, strict=True))
        return found

    def retention(self, log: str) -> dict[str, Any]:
        """The period in days, its history and the holds, as vault-http.md gives them. Roles reader, destroyer."""
        return _read(self._call("GET", log, "/retention"), lambda response: dict(response.json()))

    def raise_retention(self, log: str, days: int) -> dict[str, Any]:
        """Keep the records of a log longer; the same as ``retention``. Role destroyer."""
        answer = self._call("POST", log, "/retention", content=json.dumps({"days": days}).encode())
        return _read(answer, lambda response: dict(response.json()))

    def place_hold(self, log: str, name: str, label: str | None, reference: str) -> dict[str, Any]:
        """Place the legal hold of this uuid on the records of a label, or on the log (None). Role destroyer."""
        body = json.dumps({"id": name, "label": label, "reference": reference}).encode()
        return _read(self._call("POST", log, "/holds", content=body), lambda response: dict(response.json()))

    def release_hold(self, log: str, name: str, reference: str) -> dict[str, Any]:
        """Release a legal hold. Role destroyer."""
        body = json.dumps({"reference": reference}).encode()
        answer = self._call("POST", log, f"/holds/{quote(name, safe='')}/release", content=body)
        return _read(answer, lambda response: dict(response.json()))

    def destroy_contents(self, log: str, order: str, indexes: Iterable[int]) -> DestructionCertificate:
        """Destroy keys and contents of records, under an order that stands in the log. Role destroyer.

        It may take minutes; after VaultUnavailable the same call again gives the same certificate.
        """
        return self._destroy(log, Order(order, plans.CONTENTS, Ranges.of(indexes), None))

    def destroy_before(self, log: str, order: str, before: int) -> DestructionCertificate:
        """Destroy all records below an index whose period has ended, as ``destroy_contents``. Role destroyer."""
        return self._destroy(log, Order(order, plans.RETENTION, Ranges(), before))

    def destructions(self, log: str) -> list[DestructionCertificate]:
        """The certificates of everything that was destroyed, in order. Roles reader, destroyer, auditor."""
        answer = self._call("GET", log, "/destructions")
        return _read(
            answer, lambda response: [destroy_wire.load_certificate(one) for one in response.json()["destructions"]]
        )

    def _destroy(self, log: str, order: Order) -> DestructionCertificate:
        answer = self._call("POST", log, _DESTROY, content=destroy_wire.dump_order(order))
        return _read(answer, lambda response: destroy_wire.load_certificate(response.json()))

    def _batches(
        self, log: str, indexes: Iterable[int], want: str, load: Callable[[bytes], list[T]], size: int | None = None
    ) -> Iterator[tuple[int, T]]:
        """Each index with what was read of it, in as many requests as the vault's limits make of them."""
        left = sorted(set(indexes))
        while left:
            reading = wire.Reading(left[: wire.MAX_READ], want, size)
            answer = self._call("POST", log, "/read", content=wire.dump_reading(reading))
            got = _read(answer, lambda response: load(response.content))
            if not 0 < len(got) <= len(reading.indexes):
                raise VaultUnavailable("the vault answered with other records")
            yield from zip(left, got, strict=False)
            left = left[len(got) :]

    def _call(self, method: str, log: str, path: str, content: bytes | None = None, **query: str) -> httpx.Response:
        seconds = _LONG_TIMEOUT if path == _DESTROY else None
        return self._ask(method, f"/logs/{quote(log, safe='')}{path}", content, seconds, **query)

    def _ask(
        self, method: str, address: str, content: bytes | None = None, seconds: float | None = None, **query: str
    ) -> httpx.Response:
        try:
            answer = self._http.request(
                method, address, content=content, params=query or None, timeout=seconds or self._timeout
            )
        except httpx.HTTPError as error:
            raise VaultUnavailable(f"the vault does not answer: {type(error).__name__}") from error
        if answer.is_success:
            return answer
        values = _read(answer, lambda response: dict(response.json()))
        code, text = str(values.get("code")), str(values.get("text"))
        if answer.is_server_error:
            raise VaultUnavailable(f"{code}: {text}")
        raise VaultRefused(code, text)


def _of_sizes(sizes: Iterable[int]) -> Iterator[list[int]]:
    """As many sizes as a request may name, again and again."""
    wanted = sorted(set(sizes))
    for start in range(0, len(wanted), wire.MAX_DATED):
        yield wanted[start : start + wire.MAX_DATED]


def _load_dated(answer: httpx.Response, sizes: Sequence[int]) -> list[DatedCheckpoint]:
    return wire.load_dated(answer.content, sizes)


def _parts(deposits: Sequence[Deposit]) -> Iterator[list[Deposit]]:
    part: list[Deposit] = []
    held = 0
    for deposit in deposits:
        size = len(deposit.payload) + len(deposit.content)
        if part and (len(part) == wire.MAX_DEPOSITS or held + size > _MOST_BYTES):
            yield part
            part, held = [], 0
        part.append(deposit)
        held += size
    if part:
        yield part


def _covers(receipts: list[Receipt], deposits: list[Deposit]) -> bool:
    """Whether each receipt is of its deposit, and its leaf hash that of the record under the token."""
    try:
        expected = [
            (deposit.uuid, leaf_hash(entry.encode(deposit.payload, receipt.stamp)).hex())
            for deposit, receipt in zip(deposits, receipts, strict=True)
        ]
    except (EntryError, ValueError):
        return False
    return expected == [(receipt.uuid, receipt.leaf) for receipt in receipts]


def _read(answer: httpx.Response, read: Callable[[httpx.Response], T]) -> T:
    try:
        return read(answer)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise VaultUnavailable(f"the vault answered something unreadable ({answer.status_code})") from error
