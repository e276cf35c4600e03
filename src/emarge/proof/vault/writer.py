"""Writes one log: one batch after the other, in the order of docs/formats/durable-writes.md."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from emarge.proof.vault import entry
from emarge.proof.vault.checkpoint import Checkpoint
from emarge.proof.vault.contents import Contents
from emarge.proof.vault.deposits import Deposit, Receipt
from emarge.proof.vault.errors import (
    CheckpointError,
    CorruptVault,
    DurabilityLost,
    EntryError,
    StampUnavailable,
    VaultRefused,
)
from emarge.proof.vault.logs import Log
from emarge.proof.vault.merkle import leaf_hash
from emarge.proof.vault.sequencer import Place, Row, Sequencer
from emarge.proof.vault.stored import StoredLog

Stamp = Callable[[Sequence[bytes]], list[bytes]]


class LogWriter:
    """The only writer of a log. Opening it recovers from a crash; raises CorruptVault when that cannot be.

    Not for two threads at once. ``size`` counts what is sequenced, ``published`` what can be read from files.
    """

    def __init__(self, log: Log, sequencer: Sequencer, contents: Contents, stamp: Stamp) -> None:
        self.log = log
        self._sequencer = sequencer
        self._contents = contents
        self._stamp = stamp
        self._in_doubt = False
        self._stored = StoredLog(log.folder, log.name)
        try:
            self._note = self._recover()
            self.publish()
        except BaseException:
            self._stored.close()
            raise

    @property
    def size(self) -> int:
        return self._stored.size

    @property
    def published(self) -> int:
        return self._stored.published

    @property
    def in_doubt(self) -> bool:
        """Whether a write failed half-way: nothing more may be written, the process must stop."""
        return self._in_doubt

    def write(self, requests: Sequence[Sequence[Deposit]]) -> list[list[Receipt] | VaultRefused]:
        """Log the records of these requests that are new, in order, as one batch, and answer each request.

        The answer is its receipts, or a refusal when one of its uuids was given to another payload: then
        nothing of it is logged. Raises StampUnavailable when there are no tokens (nothing is logged, try
        again), and DurabilityLost or CorruptVault when a write failed: the vault must be opened again.
        """
        if self._in_doubt:
            raise DurabilityLost(f"a write to the log {self.log.name} failed before")
        uuids = [deposit.uuid for request in requests for deposit in request]
        places = self._sequencer.places(self.log.name, uuids)
        receipts, payloads = {}, {}
        for uuid, place in places.items():
            receipts[uuid], payloads[uuid] = self._recall(uuid, place)
        fresh: list[Deposit] = []
        refusals = [_join(request, payloads, fresh) for request in requests]
        if fresh:
            receipts |= self._log(fresh)
        return [
            refusal or [receipts[deposit.uuid] for deposit in request]
            for refusal, request in zip(refusals, requests, strict=True)
        ]

    def publish(self) -> None:
        """Write the tiles of what is sequenced, then the checkpoint; empty the staging file."""
        with self._writing():
            self._stored.publish(self._note)

    def close(self) -> None:
        self._stored.close()

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Whatever fails inside leaves the log in doubt."""
        self._in_doubt = True
        yield
        self._in_doubt = False

    def _log(self, deposits: list[Deposit]) -> dict[str, Receipt]:
        with self._writing():
            self._contents.put(self.log.name, deposits)
        entries = self._entries(deposits)
        old_size = self.size
        with self._writing():
            self._stored.stage(entries)
            leaves = [self._stored.append(data).hex() for data in entries]
            note = self.log.sign(self.size, self._stored.tree.root())
            rows = [Row(deposit.uuid, deposit.labels) for deposit in deposits]
            self._sequencer.advance(self.log.name, old_size, note, rows)
            self._note = note
        logged = zip(deposits, entries, leaves, strict=True)
        return {
            deposit.uuid: Receipt(deposit.uuid, index, leaf, entry.decode(data).stamp, self.size, note)
            for index, (deposit, data, leaf) in enumerate(logged, start=old_size)
        }

    def _entries(self, deposits: list[Deposit]) -> list[bytes]:
        payloads = [deposit.payload for deposit in deposits]
        stamps = self._stamp([hashlib.sha256(payload).digest() for payload in payloads])
        if len(stamps) != len(payloads):
            raise StampUnavailable("the timestamp authority did not answer with one token for each record")
        try:
            return [entry.encode(payload, stamp) for payload, stamp in zip(payloads, stamps, strict=True)]
        except EntryError as error:
            raise StampUnavailable(f"a token of the timestamp authority cannot be logged: {error}") from error

    def _recall(self, uuid: str, place: Place) -> tuple[Receipt, bytes]:
        """The receipt that a record got, and its payload."""
        data = self._stored.entry(place.index)
        logged = entry.decode(data)
        leaf = leaf_hash(data).hex()
        return Receipt(uuid, place.index, leaf, logged.stamp, place.size, place.checkpoint), logged.payload

    def _recover(self) -> bytes:
        """Bring files and tree to the sequencer's last checkpoint, and give its note."""
        head = self._sequencer.head(self.log.name)
        if head is None:
            raise CorruptVault(f"the sequencer does not know the log {self.log.name}")
        last, published = self._open(head.checkpoint), self._open(self._stored.reader.checkpoint())
        if published.size > last.size or last.size != head.size:
            raise CorruptVault(f"the sequencer of the log {self.log.name} is older than its tiles: it was rolled back")
        self._stored.recover(published, last)
        return head.checkpoint

    def _open(self, note: bytes) -> Checkpoint:
        try:
            return self.log.open(note)
        except CheckpointError as error:
            raise CorruptVault(f"a checkpoint of the log {self.log.name} is false: {error}") from error


def _join(request: Sequence[Deposit], payloads: dict[str, bytes], fresh: list[Deposit]) -> VaultRefused | None:
    """Add the new records of a request to the batch, or say why not one of them may join it."""
    new: dict[str, Deposit] = {}
    for deposit in request:
        first = payloads[deposit.uuid] if deposit.uuid in payloads else new.setdefault(deposit.uuid, deposit).payload
        if first != deposit.payload:
            return VaultRefused("uuid_reused", f"the uuid {deposit.uuid} was given to another record")
    payloads.update({uuid: deposit.payload for uuid, deposit in new.items()})
    fresh.extend(new.values())
    return None
