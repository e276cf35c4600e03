"""Writes one log: one batch after the other, in the order of docs/formats/durable-writes.md."""

import hashlib
import struct
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from emarge.proof.vault import entry, files
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
from emarge.proof.vault.reader import LogReader
from emarge.proof.vault.sequencer import Place, Row, Sequencer
from emarge.proof.vault.tiles import WIDTH, Tile
from emarge.proof.vault.tree import Tree

Stamp = Callable[[Sequence[bytes]], list[bytes]]
_FRAME = struct.Struct(">QH")


class LogWriter:
    """The only writer of a log. Opening it recovers from a crash; raises CorruptVault when that cannot be.

    Not for two threads at once. ``size`` counts what is sequenced, ``published`` what can be read from files.
    """

    def __init__(self, log: Log, sequencer: Sequencer, contents: Contents, stamp: Stamp) -> None:
        self.log = log
        self._sequencer = sequencer
        self._contents = contents
        self._stamp = stamp
        self._reader = LogReader(log.folder)
        self._staging = files.Staging(log.folder / "staging")
        self._unpublished: list[bytes] = []
        self._partial: set[Tile] = set()
        self._in_doubt = False
        self.published = 0
        self._note = b""
        try:
            self._tree = self._recover()
            self.publish()
        except BaseException:
            self._staging.close()
            raise

    @property
    def size(self) -> int:
        return self._tree.size

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
            folder, tiles = self.log.folder, self._tree.tiles()
            files.put_all(folder, {folder / tile.path: data for tile, data in tiles.items()})
            files.replace(folder / "checkpoint", self._note)
            self._staging.shorten(0)
            partial = {tile for tile in tiles if tile.width < WIDTH}
            for tile in self._partial - partial:
                files.remove(folder / tile.path)
            self._partial = partial
            self._tree.forget()
            self._unpublished = []
            self.published = self.size

    def close(self) -> None:
        self._staging.close()

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
            self._staging.append(b"".join(_frames(entries, old_size)))
            leaves = [self._tree.append(data).hex() for data in entries]
            note = self.log.sign(self.size, self._tree.root())
            rows = [Row(deposit.uuid, deposit.labels) for deposit in deposits]
            self._sequencer.advance(self.log.name, old_size, note, rows)
            self._unpublished += entries
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
        data = self._entry(place.index)
        logged = entry.decode(data)
        leaf = leaf_hash(data).hex()
        return Receipt(uuid, place.index, leaf, logged.stamp, place.size, place.checkpoint), logged.payload

    def _entry(self, index: int) -> bytes:
        if index < self.published:
            return self._reader.entry(index, self.published)
        return self._unpublished[index - self.published]

    def _recover(self) -> Tree:
        head = self._sequencer.head(self.log.name)
        if head is None:
            raise CorruptVault(f"the sequencer does not know the log {self.log.name}")
        last, published = self._open(head.checkpoint), self._open(self._reader.checkpoint())
        if published.size > last.size or last.size != head.size:
            raise CorruptVault(f"the sequencer of the log {self.log.name} is older than its tiles: it was rolled back")
        tree = Tree.restore(published.size, *self._reader.right_edge(published.size))
        if tree.root() != published.root:
            raise CorruptVault(f"the last tiles of the log {self.log.name} do not lead to its checkpoint")
        self.published, self._note = published.size, head.checkpoint
        self._partial = {tile for tile in tree.tiles() if tile.width < WIDTH}
        for data in staged(self._staging.read(), published.size, last.size):
            tree.append(data)
        if tree.root() != last.root:
            raise CorruptVault(f"the staging file of the log {self.log.name} does not lead to its last checkpoint")
        return tree

    def _open(self, note: bytes) -> Checkpoint:
        try:
            return self.log.open(note)
        except CheckpointError as error:
            raise CorruptVault(f"a checkpoint of the log {self.log.name} is false: {error}") from error


def staged(data: bytes, start: int, end: int) -> Iterator[bytes]:
    """The entries ``[start, end)`` of a staging file; CorruptVault when one is missing.

    What stands before was published, what stands after was never sequenced: neither is looked at.
    """
    position, expected = 0, start
    while expected < end:
        body = position + _FRAME.size
        if body > len(data):
            raise CorruptVault(f"the entry {expected} is neither in a tile nor in the staging file")
        index, length = _FRAME.unpack_from(data, position)
        position = body + length
        if position > len(data):
            raise CorruptVault(f"the entry {expected} is neither in a tile nor in the staging file")
        if index == expected:
            yield data[body:position]
            expected += 1
        elif index >= start:
            raise CorruptVault(f"the staging file holds the entry {index} where {expected} should stand")


def _frames(entries: Sequence[bytes], start: int) -> Iterator[bytes]:
    for index, data in enumerate(entries, start=start):
        yield _FRAME.pack(index, len(data)) + data


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
