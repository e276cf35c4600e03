"""What the application asks of the vault's keeping: periods, legal holds, destruction (docs/formats/destruction.md)."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from emarge.audit import vault
from emarge.audit.models import OutboxEvent
from emarge.proof.evidence import contents, records
from emarge.proof.vault.log.entry import decode
from emarge.proof.vault.service.client import DestructionCertificate, VaultClient

_BATCH = 500


@dataclass(frozen=True)
class Destroyed:
    """The vault's certificate with its token and digest (hex), and the records that it says are gone."""

    certificate: bytes
    token: bytes
    digest: str
    runs: tuple[tuple[int, int], ...]
    """Of indexes, the first and the last included."""

    @property
    def count(self) -> int:
        return sum(last - first + 1 for first, last in self.runs)


def raise_period(log: str, days: int) -> None:
    """Raise the retention period of a log. Raises VaultUnavailable, VaultRefused."""
    with vault.client("destroyer") as keeper:
        keeper.raise_retention(log, days)


def hold(log: str, number: UUID, label: str | None) -> None:
    """Have what stands under a label, or the whole log, held. The vault is told a number, never a reason."""
    with vault.client("destroyer") as keeper:
        keeper.place_hold(log, str(number), label=label, reference=str(number))


def release(log: str, number: UUID) -> None:
    """Release a hold; the same again is harmless."""
    with vault.client("destroyer") as keeper:
        keeper.release_hold(log, str(number), reference=str(number))


def destroy_contents(log: str, order: UUID, indexes: Collection[int]) -> Destroyed:
    """Destroy keys and contents of records, as the record ``order`` of the log says. The same again is harmless."""
    with vault.client("destroyer") as keeper:
        return _destroyed(keeper.destroy_contents(log, str(order), sorted(indexes)))


def destroy_before(log: str, order: UUID, before: int) -> Destroyed:
    """Destroy what stands below an index and has reached the end of its retention. The same again is harmless."""
    with vault.client("destroyer") as keeper:
        return _destroyed(keeper.destroy_before(log, str(order), before))


def contents_naming(log: str, people: Collection[str]) -> list[int]:
    """The indexes of the records whose sealed content names one of these pseudonyms, ascending.

    Asked of the vault by label, and of our own copies of the records, which hold those who have no label of theirs.
    """
    with vault.client("reader") as reader:
        found = {
            index
            for name in people
            for label in (f"student:{name}", f"teacher:{name}")
            for index in reader.find(log, label)
        }
        found |= _speaking_of(log, people)
        return [index for index, content in _opened(reader, log, found) if _names(content, people)]


def _speaking_of(log: str, people: Collection[str]) -> set[int]:
    names = [name.encode() for name in people]
    rows = OutboxEvent.objects.filter(log=log, index__isnull=False).values_list("index", "record")
    return {
        index
        for index, record in rows.iterator(chunk_size=_BATCH)
        if index is not None and any(name in bytes(record) for name in names)
    }


def _opened(reader: VaultClient, log: str, indexes: Collection[int]) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """The contents that still open, by index."""
    wanted = sorted(indexes)
    for start in range(0, len(wanted), _BATCH):
        part = wanted[start : start + _BATCH]
        sealed = reader.contents(log, part)
        for index, entry in reader.entries(log, sealed).items():
            record = records.parse(decode(entry).payload)
            content = contents.open_content(sealed[index].ciphertext, sealed[index].key, record.commitment or "")
            yield index, content


def _names(content: Mapping[str, Any], people: Collection[str]) -> bool:
    return any(person.get("pseudonym") in people for person in content.get("people", []))


def forget_rows(log: str, runs: Collection[tuple[int, int]]) -> None:
    """Delete our copies of destroyed records, in short transactions: people sign meanwhile.

    The same again is harmless.
    """
    for first, last in runs:
        rows = OutboxEvent.objects.filter(log=log, index__gte=first, index__lte=last).order_by("index")
        while keys := list(rows.values_list("pk", flat=True)[:_BATCH]):
            with transaction.atomic():
                OutboxEvent.objects.filter(pk__in=keys).delete()


def empty_the_write_ahead_log() -> None:
    """Bring what was overwritten out of SQLite's write-ahead log; freed bytes are zeroed already (lib.databases).

    PostgreSQL promises no zeroed bytes: its vacuum and the recycling of its log do it in their time (decision 0021).
    """
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _destroyed(answer: DestructionCertificate) -> Destroyed:
    records_line = next(line for line in answer.note.decode().splitlines() if line.startswith("records "))
    parts = [part.partition("-") for part in records_line.split()[1:]]
    runs = tuple((int(first), int(last or first)) for first, _dash, last in parts)
    return Destroyed(answer.note, answer.token, answer.digest, runs)
