"""A mirror: holds every entry of the logs it knows, and cosigns only what extends what it has.

C2SP ``tlog-mirror``; docs/formats/mirror.md says bytes, answers and the order of durable writes.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from emarge.proof.vault.destruction import plans
from emarge.proof.vault.destruction.destroyer import require_age, unreadable
from emarge.proof.vault.destruction.destructions import FOLDER, Destructions, unlink_bundles
from emarge.proof.vault.destruction.plans import Plan, Sealed, TokenTime, leaves_digest
from emarge.proof.vault.errors import (
    CheckpointError,
    CorruptVault,
    DestructionError,
    DurabilityLost,
    ProofError,
    VaultRefused,
)
from emarge.proof.vault.log import checkpoint, cosignature, merkle
from emarge.proof.vault.log.checkpoint import Checkpoint
from emarge.proof.vault.log.merkle import EMPTY_ROOT
from emarge.proof.vault.log.ranges import Ranges
from emarge.proof.vault.log.tiles import WIDTH, Tile
from emarge.proof.vault.mirror import cosigner, wire
from emarge.proof.vault.mirror import state as mirror_state
from emarge.proof.vault.mirror.refusals import Refusal
from emarge.proof.vault.mirror.state import LogState, MirrorState
from emarge.proof.vault.mirror.wire import Info, Package, Upload
from emarge.proof.vault.setup.create import LOCK
from emarge.proof.vault.storage import files
from emarge.proof.vault.storage.retention import SHORTEST
from emarge.proof.vault.storage.stored import StoredLog

KIND = "mirror"
MOST_UNPUBLISHED = 16_384
_RUN = WIDTH.bit_length() - 1

logger = logging.getLogger("emarge.mirror")


class NotNextError(VaultRefused):
    """The request does not begin where the mirror stands, which ``info`` says."""

    def __init__(self, info: Info) -> None:
        super().__init__("not_next", f"the mirror has {info.next} entries, and {info.pending} are pending")
        self.info = info


@dataclass
class MirroredLog:
    """One log: its files, the last checkpoint that is held, and the one whose entries come."""

    state: LogState
    stored: StoredLog
    pending: Checkpoint
    mirrored: Checkpoint
    destructions: Destructions
    staged: bool = True
    """Whether every entry that is in no published tile stands in the staging file."""

    @property
    def info(self) -> Info:
        return Info(self.pending.size, self.stored.size)


def create_mirror(folder: Path, *, name: str) -> dict[str, str]:
    """Make an empty mirror and give its credentials by role, which exist nowhere else.

    Raises VaultRefused when something is there already, and CheckpointError when the name cannot be a key's.
    """
    return cosigner.create(folder, kind=KIND, name=name, fill=_fill)


def _fill(draft: Path) -> None:
    files.make_folder(draft / "logs")
    mirror_state.create(draft)


def vkey_of(folder: Path) -> str:
    """The verifier key of the mirror in a folder."""
    return cosigner.identity(folder, KIND).vkey


class Mirror:
    """Every log of a mirror, recovered. Not for two threads at once.

    Raises VaultRefused (``in_use``) when another process has it, CorruptVault when a log cannot be recovered.
    After DurabilityLost or CorruptVault of a method it must be opened again: ``in_doubt`` says so.
    """

    def __init__(self, folder: Path, token_time: TokenTime = unreadable) -> None:
        self._folder = folder
        self._token_time = token_time
        self.identity = cosigner.identity(folder, KIND)
        self.logs: dict[str, MirroredLog] = {}
        self.in_doubt = False
        self._held = ExitStack()
        try:
            self._held.callback(files.unlock, files.lock(folder / LOCK))
            self._state = MirrorState(folder)
            self._held.callback(self._state.close)
            for state in self._state.logs():
                self._start(state)
            for log in self.logs.values():
                self._begin_anew(log)
            self.second_histories = len(self._state.refusals())
        except BaseException:
            self.close()
            raise

    def add_log(self, vkey: str) -> None:
        """Mirror a log from now on; VaultRefused when its origin has another key already."""
        try:
            origin = checkpoint.parse_vkey(vkey)[0]
        except CheckpointError as error:
            raise VaultRefused("bad_request", str(error)) from None
        if origin in self.logs:
            if self.logs[origin].state.vkey != vkey:
                raise VaultRefused("other_key", f"{origin} has another key here: the first one stands for ever")
            return
        folder = self._folder / "logs" / cosigner.folder_name(origin)
        with self._writing():
            files.put_all(self._folder, {folder / "staging": b""})
            self._state.add(origin, vkey)
        self._start(LogState(origin, vkey, None, None, None, tiled=False))

    def add_checkpoint(self, body: bytes, at: datetime) -> None:
        """Take a checkpoint as pending, if it extends the one that is; raises VaultRefused otherwise."""
        old_size, proof, note = wire.load_checkpoint(body)
        log = self._log(cosigner.origin_of(note))
        new, plain = cosigner.signed(note, log.state.vkey)
        if old_size > new.size:
            raise VaultRefused("bad_request", "the old size is larger than the checkpoint")
        if self._contradicts(log, new):
            self._refuse(log, new, plain, "have another root", at)
            raise NotNextError(log.info)
        if old_size != log.pending.size:
            raise NotNextError(log.info)
        try:
            cosigner.check_growth(log.pending, new, proof)
        except ProofError as error:
            self._refuse(log, new, plain, "do not extend what is held", at)
            raise VaultRefused("second_history", str(error)) from error
        if plain != log.state.pending:
            with self._writing():
                self._state.set_pending(new.origin, plain)
            log.state = replace(log.state, pending=plain)
            log.pending = new

    def add_entries(self, body: bytes, at: datetime) -> bytes | Info:
        """Take entries of the pending checkpoint; its cosignature line once all are on disk, else where we stand.

        Raises NotNextError when the upload begins or ends elsewhere, VaultRefused when a package is false: the
        packages before it are kept.
        """
        upload = wire.load_entries(body)
        log = self._log(upload.origin)
        if log.state.pending is None or (upload.end, upload.start) != (log.pending.size, log.stored.size):
            raise NotNextError(log.info)
        if upload.start < upload.end and not upload.packages:
            raise VaultRefused("bad_request", "no package came")
        good, fault = _check_packages(log, upload)
        with self._writing():
            complete = self._keep(log, good)
        if fault is not None:
            raise VaultRefused("false_package", f"a package does not lead to the checkpoint: {fault}")
        if not complete:
            return log.info
        return self._mirror(log, at)

    def add_destruction(self, body: bytes, at: datetime) -> None:
        """Forget the entries of a destruction certificate; raises VaultRefused when it must not.

        NotNextError when not every hash that it is about is held.
        """
        sealed, plan, log = self._certificate(body)
        self._publish(log)
        if plan.records.runs[-1][1] > log.stored.published:
            raise NotNextError(log.info)
        if leaves_digest(log.stored.reader, plan.records, log.stored.published) != plan.leaves:
            raise VaultRefused("false_certificate", "the certificate is not about the records that are held")
        self._forget(log, plan, sealed, at)

    def add_destroyed(self, body: bytes, at: datetime) -> bytes | Info:
        """Take hashes in the place of entries that were destroyed before they came; answers as ``add_entries``."""
        certificate, upload = wire.load_destroyed(body)
        sealed, plan, log = self._certificate(certificate)
        is_next = (upload.end, upload.start) == (log.pending.size, log.stored.size)
        if upload.origin != plan.origin or log.state.pending is None or not is_next:
            raise NotNextError(log.info)
        if Ranges.joined([(upload.start, upload.packages[-1].end)]) - plan.entries:
            raise VaultRefused("false_certificate", "the certificate is not about these entries")
        good, fault = _check_packages(log, upload, lambda leaf: leaf)
        self._publish(log)
        self._forget(log, plan, sealed, at)
        with self._writing():
            for package in good:
                log.stored.append_destroyed(list(package.entries))
            log.stored.put_full_tiles()
            log.staged = False
        if fault is not None:
            raise VaultRefused("false_package", f"a package does not lead to the checkpoint: {fault}")
        return self._mirror(log, at) if log.stored.size == log.pending.size else log.info

    def publish(self) -> None:
        """Write the tiles of what is mirrored, of every log."""
        for log in self.logs.values():
            self._publish(log)

    def close(self) -> None:
        """Let go of the files, then of the lock."""
        self._held.close()

    def _log(self, origin: str) -> MirroredLog:
        if origin not in self.logs:
            raise VaultRefused("unknown_log", "there is no such log here")
        return self.logs[origin]

    def _certificate(self, body: bytes) -> tuple[Sealed, Plan, MirroredLog]:
        try:
            sealed = Sealed.load(body)
        except DestructionError as error:
            raise VaultRefused("bad_request", str(error)) from None
        log = self._log(plans.origin_of(sealed.note))
        try:
            return sealed, plans.open_certificate(sealed.note, log.state.vkey).plan, log
        except DestructionError as error:
            raise VaultRefused("bad_signature", str(error)) from None

    def _forget(self, log: MirroredLog, plan: Plan, sealed: Sealed, at: datetime) -> None:
        """Keep a certificate, then unlink the bundles of it that are held: old ones alone, whatever the log signed."""
        known = log.destructions.get(plan.order.uuid)
        if known and known.sealed.note != sealed.note:
            raise VaultRefused("false_certificate", "another certificate stands under this order")
        if known is None:
            held = plan.entries & Ranges.joined([(0, log.stored.size)])
            kept, youngest = held - log.destructions.entries, at - timedelta(days=SHORTEST)
            try:
                require_age(log.stored.reader, kept, log.stored.size, self._token_time, youngest)
            except DestructionError as error:
                raise VaultRefused("too_young", str(error)) from None
        with self._writing():
            if known is None:
                log.destructions.put_certificate(sealed)
            unlink_bundles(log.stored.folder, plan.entries)

    def _contradicts(self, log: MirroredLog, new: Checkpoint) -> bool:
        """Whether the log signed another root than that of the entries that are held, or pending."""
        if new.size == log.pending.size and log.state.pending is not None:
            return new.root != log.pending.root
        return new.size <= log.stored.size and new.root != log.stored.root_at(new.size)

    def _refuse(self, log: MirroredLog, new: Checkpoint, note: bytes, reason: str, at: datetime) -> None:
        held = log.state.pending or b""
        with self._writing():
            self._state.refuse(Refusal(new.origin, new.size, note, held, reason, at))
        self.second_histories = len(self._state.refusals())
        logger.critical("SECOND HISTORY of %s: it signed %d entries, which %s", new.origin, new.size, reason)

    def _keep(self, log: MirroredLog, packages: list[Package]) -> bool:
        """Add entries that were checked; whether the pending checkpoint is now whole."""
        entries = [data for package in packages for data in package.entries]
        complete = log.stored.size + len(entries) == log.pending.size
        if entries and complete and log.staged:
            log.stored.stage(entries)
        for data in entries:
            log.stored.append(data)
        if entries and not complete:
            log.stored.put_full_tiles()
            log.staged = False
        return complete

    def _mirror(self, log: MirroredLog, at: datetime) -> bytes:
        """Decide that the pending checkpoint is held, and cosign it."""
        note = log.state.pending
        line = cosignature.cosign(log.pending.text, self.identity.name, self.identity.key, at)
        with self._writing():
            if note is None or log.stored.tree.root() != log.pending.root:
                raise CorruptVault(f"the entries of {log.pending.origin} do not lead to its pending checkpoint")
            if not log.staged:
                log.stored.put_tiles()
            self._state.set_mirrored(log.pending.origin, note, line, tiled=not log.staged)
        log.state = replace(log.state, note=note, line=line, tiled=not log.staged)
        log.mirrored = log.pending
        if not log.staged or log.stored.size - log.stored.published >= MOST_UNPUBLISHED:
            self._publish(log)
        return line

    def _publish(self, log: MirroredLog) -> None:
        note, line = log.state.note, log.state.line
        if note is None or line is None or log.stored.size != log.mirrored.size:
            return
        if log.stored.published == log.stored.size and (log.stored.folder / "checkpoint").exists():
            return
        self._write_files(log, note + line)

    def _begin_anew(self, log: MirroredLog) -> None:
        """Write the tiles of what is mirrored, and drop what was staged for a checkpoint that was never decided."""
        if log.state.note is None or log.state.line is None:
            log.stored.drop_staged()
        else:
            self._write_files(log, log.state.note + log.state.line)

    def _write_files(self, log: MirroredLog, note: bytes) -> None:
        with self._writing():
            log.stored.publish(note)
        log.staged = True

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Whatever fails inside leaves the mirror in doubt; what it raises ends the process."""
        if self.in_doubt:
            raise DurabilityLost("a write of this mirror failed before")
        self.in_doubt = True
        yield
        self.in_doubt = False

    def _start(self, state: LogState) -> None:
        folder = self._folder / "logs" / cosigner.folder_name(state.origin)
        stored = StoredLog(folder, state.origin)
        self._held.callback(stored.close)
        empty = Checkpoint(state.origin, 0, EMPTY_ROOT)
        try:
            mirrored = _open(state.note, state) if state.note else empty
            pending = _open(state.pending, state) if state.pending else empty
            published = mirrored if state.tiled else self._published(state, folder, empty)
        except CheckpointError as error:
            raise CorruptVault(f"a checkpoint of {state.origin} is false: {error}") from error
        if not published.size <= mirrored.size <= pending.size:
            raise CorruptVault(f"the state of {state.origin} is older than its tiles: it was rolled back")
        stored.recover(published, mirrored)
        destructions = Destructions(self._folder / FOLDER / folder.name, state.vkey)
        if back := unlink_bundles(folder, destructions.entries):
            logger.critical("%d files of %s that were destroyed had come back", back, state.origin)
        self.logs[state.origin] = MirroredLog(state, stored, pending, mirrored, destructions)

    def _published(self, state: LogState, folder: Path, empty: Checkpoint) -> Checkpoint:
        if not (folder / "checkpoint").exists():
            return empty
        note = (folder / "checkpoint").read_bytes()
        return cosignature.open_cosigned(note, state.vkey, (self.identity.vkey,)).checkpoint


def _open(note: bytes, state: LogState) -> Checkpoint:
    return checkpoint.open_checkpoint(note, state.vkey)


def _check_packages(
    log: MirroredLog, upload: Upload, hashed: Callable[[bytes], bytes] = merkle.leaf_hash
) -> tuple[list[Package], ProofError | None]:
    """The packages that lead to the pending checkpoint, up to the first that does not, and why.

    ``hashed`` gives the leaf hash of what a package holds.
    """
    good: list[Package] = []
    runs = -(-upload.end // WIDTH)
    first = log.stored.tree.hashes(Tile(0, upload.start // WIDTH)) or []
    for package in upload.packages:
        leaves = [hashed(data) for data in package.entries]
        root = merkle.root_hash([*first, *leaves])
        try:
            merkle.verify_inclusion(root, package.start // WIDTH, runs, package.proof, log.pending.root)
        except ProofError as error:
            return good, error
        good.append(package)
        first = []
    return good, None
