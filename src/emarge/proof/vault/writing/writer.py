"""Writes one log: one batch after the other, in the order of docs/formats/durable-writes.md."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace

from emarge.proof.vault.destruction.destructions import Destroyed, Destructions
from emarge.proof.vault.errors import (
    CheckpointError,
    CorruptVault,
    DurabilityLost,
    EntryError,
    StampUnavailable,
    VaultRefused,
)
from emarge.proof.vault.log import cosignature, entry, merkle
from emarge.proof.vault.log.checkpoint import Checkpoint
from emarge.proof.vault.log.cosignature import Cosigned
from emarge.proof.vault.log.deposits import Deposit, Receipt
from emarge.proof.vault.log.merkle import leaf_hash
from emarge.proof.vault.log.tiles import WIDTH
from emarge.proof.vault.mirror.wire import MAX_DESTROYED, MAX_PACKAGES, Package, Upload, spans
from emarge.proof.vault.setup.logs import Log
from emarge.proof.vault.storage.contents import Contents
from emarge.proof.vault.storage.sequencer import Place, Row, Sequencer
from emarge.proof.vault.storage.stored import StoredLog

_RUN = WIDTH.bit_length() - 1
_MOST_UPLOADED = 4 * 1024 * 1024  # bytes of entries in one request to the mirror, and one package more

Stamp = Callable[[Sequence[bytes]], list[bytes]]


@dataclass(frozen=True)
class Handover:
    """A checkpoint for the mirror, the proof that it extends the one that the mirror has, and the first entries."""

    size: int
    note: bytes
    proof: list[bytes]
    entries: Upload


@dataclass(frozen=True)
class Published:
    """The published checkpoint, and the lines of its cosigners, by verifier key."""

    size: int
    note: bytes
    lines: Mapping[str, bytes]


class LogWriter:
    """The only writer of a log. Opening it recovers from a crash; raises CorruptVault when that cannot be.

    Not for two threads at once. ``size`` counts what is sequenced, ``published`` what can be read from files.
    """

    def __init__(
        self, log: Log, sequencer: Sequencer, contents: Contents, stamp: Stamp, destructions: Destructions
    ) -> None:
        self.log = log
        self.destructions = destructions
        self._sequencer = sequencer
        self._contents = contents
        self._stamp = stamp
        self._in_doubt = False
        self._note = b""
        self._line = b"", b""  # of the mirror: a note, and the line that it gave under it
        self._published = Published(0, b"", {})
        self._stored = StoredLog(log.folder, log.name)
        self._beside = ThreadPoolExecutor(1, f"contents-{log.name}")
        try:
            self._recover()
            self.publish()
        except BaseException:
            self.close()
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
        return self._in_doubt or self._sequencer.lost

    def prepare(self, requests: Sequence[Sequence[Deposit]]) -> list[bytes] | None:
        """Have the records of these requests stamped and their contents stored, for ``write``; their entries.

        In any thread, beside it: none of these records may be in another batch that is prepared or written. None when
        one is in the log already, or comes twice: ``write`` then does all. Raises as it does.
        """
        deposits = [deposit for request in requests for deposit in request]
        uuids = [deposit.uuid for deposit in deposits]
        if self._in_doubt or len(set(uuids)) < len(uuids) or self._sequencer.places(self.log.name, uuids):
            return None
        storing = self._beside.submit(self._store, deposits)
        try:
            return self._entries(deposits)
        finally:
            storing.result()

    def write(
        self, requests: Sequence[Sequence[Deposit]], entries: list[bytes] | None = None
    ) -> list[list[Receipt] | VaultRefused]:
        """Log the records of these requests that are new, in order, as one batch, and answer each request.

        ``entries`` are those of all their records, if they were prepared.

        The answer is its receipts, or a refusal when one of its uuids was given to another payload, or to a record
        that was destroyed: then nothing of it is logged. Raises StampUnavailable when there are no tokens (nothing is
        logged, try again), and DurabilityLost or CorruptVault when a write failed: the vault must be opened again.
        """
        if self.in_doubt:
            raise DurabilityLost(f"a write to the log {self.log.name} failed before")
        if entries is not None:
            receipts = self._log([deposit for request in requests for deposit in request], entries)
            return [[receipts[deposit.uuid] for deposit in request] for request in requests]
        return self._compare(requests)

    def _compare(self, requests: Sequence[Sequence[Deposit]]) -> list[list[Receipt] | VaultRefused]:
        """Write requests of which some records may be in the log already."""
        uuids = [deposit.uuid for request in requests for deposit in request]
        places = self._sequencer.places(self.log.name, uuids)
        gone = {uuid for uuid, place in places.items() if self.destructions.covering(place.index)}
        receipts, payloads = {}, {}
        for uuid in places.keys() - gone:
            receipts[uuid], payloads[uuid] = self._recall(uuid, places[uuid])
        fresh: list[Deposit] = []
        refusals = [_gone(request, gone) or _join(request, payloads, fresh) for request in requests]
        if fresh:
            self._store(fresh)
            receipts |= self._log(fresh, self._entries(fresh))
        return [
            refusal or [receipts[deposit.uuid] for deposit in request]
            for refusal, request in zip(refusals, requests, strict=True)
        ]

    def publish(self) -> None:
        """Write the tiles of what is sequenced, then the checkpoint; empty the staging file."""
        lines = dict(self._published.lines) if self._published.note == self._note else {}
        if self._line[0] == self._note:
            lines |= dict.fromkeys(self.log.mirrors, self._line[1])
        published = Published(self.size, self._note, lines)
        with self._writing():
            self._stored.publish(self._spelt(published))
        self._published = published

    def handover(self, old_size: int, start: int) -> Handover:
        """The last checkpoint, for a mirror whose pending one has ``old_size`` entries and that lacks those from
        ``start``, which begin to follow.
        """
        entries = self.upload(min(start, self.size), self.size)
        return Handover(self.size, self._note, self.growth(old_size, self.size), entries)

    def growth(self, old_size: int, size: int) -> list[bytes]:
        """The proof that the tree of ``size`` entries extends that of ``old_size``."""
        return merkle.consistency_proof(self._stored.nodes(), old_size, size) if 0 < old_size < size else []

    def upload(self, start: int, end: int) -> Upload:
        """The next entries for a mirror that lacks those from ``start``, of the checkpoint of size ``end``."""
        node, packages, held = self._stored.nodes(), [], 0
        for first, stop in spans(start, end):
            if self.destructions.covering(first):
                break
            entries = tuple(self._stored.entries(first, stop))
            proof = merkle.inclusion_proof(node, first // WIDTH, end, _RUN)
            packages.append(Package(first, entries, tuple(proof)))
            held += sum(len(data) for data in entries)
            if len(packages) == MAX_PACKAGES or held >= _MOST_UPLOADED:
                break
        return Upload(self.log.origin, start, end, tuple(packages))

    def upload_destroyed(self, start: int, end: int, destroyed: Destroyed) -> Upload:
        """The next bundles for such a mirror, of entries that were destroyed: their leaf hashes."""
        node = self._stored.nodes()
        packages: list[Package] = []
        for first, stop in spans(start, end):
            if first not in destroyed.plan.entries or len(packages) == MAX_DESTROYED:
                break
            leaves = tuple(node(0, index) for index in range(first, stop))
            proof = merkle.inclusion_proof(node, first // WIDTH, end, _RUN)
            packages.append(Package(first, leaves, tuple(proof)))
        return Upload(self.log.origin, start, end, tuple(packages))

    def cosign(self, handover: Handover, lines: bytes) -> None:
        """Keep the mirror's line under a checkpoint; CheckpointError when false. In any thread."""
        text = handover.note.partition(b"\n\n")[0].decode() + "\n"
        [vkey] = self.log.mirrors
        mine = f"— {cosignature.name_of(vkey)} ".encode()
        line = next((one for one in lines.splitlines(keepends=True) if one.startswith(mine)), lines)
        cosignature.open_line(line, text, vkey)
        self._line = handover.note, line

    def publish_line(self) -> None:
        """Publish the mirror's last line when it is of the published checkpoint, which left without it."""
        note, line = self._line
        [vkey] = self.log.mirrors
        if self._published.note == note and vkey not in self._published.lines:
            self._add_lines({vkey: line})

    def published_checkpoint(self) -> Published:
        """The checkpoint that the files hold now, for the witnesses."""
        return self._published

    def witnessed(self, published: Published, lines: Mapping[str, bytes]) -> bytes:
        """Publish the lines of witnesses, by verifier key, while their checkpoint is the published one.

        Gives that checkpoint with all its lines, whatever was published since.
        """
        if self._published.note == published.note:
            self._add_lines(lines)
            return self._spelt(self._published)
        return self._spelt(replace(published, lines={**published.lines, **lines}))

    def close(self) -> None:
        self._beside.shutdown(wait=True)
        self._stored.close()

    def _add_lines(self, lines: Mapping[str, bytes]) -> None:
        published = replace(self._published, lines={**self._published.lines, **lines})
        with self._writing():
            self._stored.replace_checkpoint(self._spelt(published))
        self._published = published

    def _spelt(self, published: Published) -> bytes:
        """A checkpoint and the lines under it, in the order of the cosigners."""
        return published.note + b"".join(published.lines.get(vkey, b"") for vkey in self.log.cosigners)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Whatever fails inside leaves the log in doubt."""
        try:
            yield
        except BaseException:
            self._in_doubt = True
            raise

    def _store(self, deposits: list[Deposit]) -> None:
        with self._writing():
            self._contents.put(self.log.name, deposits)

    def _log(self, deposits: list[Deposit], entries: list[bytes]) -> dict[str, Receipt]:
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

    def _recover(self) -> None:
        """Bring files and tree to the sequencer's last checkpoint."""
        head = self._sequencer.head(self.log.name)
        if head is None:
            raise CorruptVault(f"the sequencer does not know the log {self.log.name}")
        last, cosigned = self._open(head.checkpoint)
        published = cosigned.checkpoint
        if published.size > last.size or last.size != head.size:
            raise CorruptVault(f"the sequencer of the log {self.log.name} is older than its tiles: it was rolled back")
        self._stored.recover(published, last)
        self._note = head.checkpoint
        found = self._stored.reader.checkpoint()[len(cosigned.note) :].splitlines(keepends=True)
        lines = {one.vkey: line for one, line in zip(cosigned.cosignatures, found, strict=True)}
        self._published = Published(published.size, cosigned.note, lines)

    def _open(self, note: bytes) -> tuple[Checkpoint, Cosigned]:
        try:
            return self.log.open(note), self.log.open_published(self._stored.reader.checkpoint())
        except CheckpointError as error:
            raise CorruptVault(f"a checkpoint of the log {self.log.name} is false: {error}") from error


def _gone(request: Sequence[Deposit], gone: set[str]) -> VaultRefused | None:
    """The refusal of a request that repeats a record whose entry was destroyed: it cannot be compared any more."""
    found = next((deposit.uuid for deposit in request if deposit.uuid in gone), None)
    return VaultRefused("destroyed", f"the record {found} was destroyed") if found else None


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
