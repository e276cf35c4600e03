"""A witness: keeps the last checkpoint of each log, and cosigns only what extends it. It holds no entry.

C2SP ``tlog-witness``; docs/formats/witness.md says bytes and answers.
"""

import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from emarge.proof.vault.errors import CheckpointError, CorruptVault, DurabilityLost, ProofError, VaultRefused
from emarge.proof.vault.log import checkpoint, cosignature
from emarge.proof.vault.log.checkpoint import Checkpoint
from emarge.proof.vault.log.merkle import EMPTY_ROOT
from emarge.proof.vault.mirror import cosigner, refusals, wire
from emarge.proof.vault.mirror.refusals import Refusal
from emarge.proof.vault.setup.create import LOCK
from emarge.proof.vault.storage import files, sqlite

KIND = "witness"
STATE = "state.sqlite3"
_SCHEMA = (
    "CREATE TABLE logs (origin TEXT PRIMARY KEY, vkey TEXT NOT NULL, note BLOB, line BLOB) STRICT, WITHOUT ROWID;"
    + refusals.SCHEMA
)

logger = logging.getLogger("emarge.witness")


class NotNextError(VaultRefused):
    """The request does not begin at the last cosigned checkpoint, which has ``size`` entries."""

    def __init__(self, size: int) -> None:
        super().__init__("not_next", f"the last cosigned checkpoint has {size} entries")
        self.size = size


@dataclass
class WitnessedLog:
    """One log: its key, and the last checkpoint that was cosigned (``note`` under ``line``), if any."""

    vkey: str
    last: Checkpoint
    note: bytes
    line: bytes


def create_witness(folder: Path, *, name: str) -> dict[str, str]:
    """Make an empty witness and give its credentials by role, which exist nowhere else.

    Raises VaultRefused when something is there already, and CheckpointError when the name cannot be a key's.
    """
    return cosigner.create(folder, kind=KIND, name=name, fill=lambda draft: sqlite.create(draft / STATE, _SCHEMA))


def vkey_of(folder: Path) -> str:
    """The verifier key of the witness in a folder."""
    return cosigner.identity(folder, KIND).vkey


def examine(folder: Path) -> tuple[dict[str, WitnessedLog], list[Refusal]]:
    """What a witness holds, each signature checked, beside a running one too; CorruptVault names a fault."""
    vkey = vkey_of(folder)
    database = sqlite.Database(folder / STATE, read_only=True)
    try:
        return _logs(database, vkey), refusals.remembered(database)
    finally:
        database.close()


class Witness:
    """A witness opened by the one process that writes. Not for two threads at once.

    Raises VaultRefused (``in_use``) when another process has it, CorruptVault when what it holds is false.
    After DurabilityLost of a method it must be opened again: ``in_doubt`` says so.
    """

    def __init__(self, folder: Path) -> None:
        self.identity = cosigner.identity(folder, KIND)
        self.in_doubt = False
        self._held = ExitStack()
        try:
            self._held.callback(files.unlock, files.lock(folder / LOCK))
            self._database = sqlite.Database(folder / STATE)
            self._held.callback(self._database.close)
            self.logs = _logs(self._database, self.identity.vkey)
            self.second_histories = len(refusals.remembered(self._database))
        except BaseException:
            self.close()
            raise

    def add_log(self, vkey: str) -> None:
        """Witness a log from now on; VaultRefused when its origin has another key already."""
        try:
            origin = checkpoint.parse_vkey(vkey)[0]
        except CheckpointError as error:
            raise VaultRefused("bad_request", str(error)) from None
        if origin in self.logs:
            if self.logs[origin].vkey != vkey:
                raise VaultRefused("other_key", f"{origin} has another key here: the first one stands for ever")
            return
        with self._writing(), self._database.transaction() as connection:
            connection.execute("INSERT INTO logs VALUES (?, ?, NULL, NULL)", (origin, vkey))
        self.logs[origin] = WitnessedLog(vkey, Checkpoint(origin, 0, EMPTY_ROOT), b"", b"")

    def add_checkpoint(self, body: bytes, at: datetime) -> bytes:
        """The cosignature line for a checkpoint that extends the last one; raises VaultRefused otherwise."""
        old_size, proof, note = wire.load_checkpoint(body)
        origin = cosigner.origin_of(note)
        if origin not in self.logs:
            raise VaultRefused("unknown_log", "there is no such log here")
        log = self.logs[origin]
        new, plain = cosigner.signed(note, log.vkey)
        if old_size > new.size:
            raise VaultRefused("bad_request", "the old size is larger than the checkpoint")
        if log.note and new.size == log.last.size and new.root != log.last.root:
            self._refuse(log, new, plain, "have another root", at)
            raise NotNextError(log.last.size)
        if old_size != log.last.size:
            raise NotNextError(log.last.size)
        try:
            cosigner.check_growth(log.last, new, proof)
        except ProofError as error:
            self._refuse(log, new, plain, "are not proved to extend what was cosigned", at)
            raise VaultRefused("second_history", str(error)) from error
        return self._cosign(log, new, plain, at)

    def close(self) -> None:
        """Let go of the files, then of the lock."""
        self._held.close()

    def _cosign(self, log: WitnessedLog, new: Checkpoint, note: bytes, at: datetime) -> bytes:
        line = cosignature.cosign(new.text, self.identity.name, self.identity.key, at)
        with self._writing(), self._database.transaction() as connection:
            connection.execute("UPDATE logs SET note = ?, line = ? WHERE origin = ?", (note, line, new.origin))
        log.last, log.note, log.line = new, note, line
        return line

    def _refuse(self, log: WitnessedLog, new: Checkpoint, note: bytes, reason: str, at: datetime) -> None:
        with self._writing():
            refusals.remember(self._database, Refusal(new.origin, new.size, note, log.note, reason, at))
        self.second_histories = len(refusals.remembered(self._database))
        logger.critical("SECOND HISTORY of %s: it signed %d entries, which %s", new.origin, new.size, reason)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Whatever fails inside leaves the witness in doubt; what it raises ends the process."""
        if self.in_doubt:
            raise DurabilityLost("a write of this witness failed before")
        self.in_doubt = True
        yield
        self.in_doubt = False


def _logs(database: sqlite.Database, vkey: str) -> dict[str, WitnessedLog]:
    found = {}
    for origin, log_vkey, note, line in database.read("SELECT origin, vkey, note, line FROM logs ORDER BY origin"):
        last = Checkpoint(origin, 0, EMPTY_ROOT)
        try:
            if note is not None:
                last = checkpoint.open_checkpoint(note, log_vkey)
                cosignature.open_line(line, last.text, vkey)
        except CheckpointError as error:
            raise CorruptVault(f"the checkpoint of {origin} is false: {error}") from error
        found[origin] = WitnessedLog(log_vkey, last, note or b"", line or b"")
    return found
