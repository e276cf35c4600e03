"""A vault opened by the one process that writes to it."""

import threading
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from emarge.proof.vault.destruction.destroyer import Destroyer, unreadable
from emarge.proof.vault.destruction.plans import TokenTime
from emarge.proof.vault.errors import VaultRefused
from emarge.proof.vault.journal import journal
from emarge.proof.vault.journal.journal import Journal
from emarge.proof.vault.log.deposits import SealedContent
from emarge.proof.vault.mirror.client import MirrorClient
from emarge.proof.vault.setup import logs, mirroring, witnessing
from emarge.proof.vault.setup.create import LOCK
from emarge.proof.vault.setup.credentials import Credentials, read_configuration
from emarge.proof.vault.storage import files
from emarge.proof.vault.storage.contents import Contents
from emarge.proof.vault.storage.dated import DatedCheckpoints
from emarge.proof.vault.storage.sequencer import Sequencer
from emarge.proof.vault.witness.client import WitnessClient
from emarge.proof.vault.writing.dating import Dating
from emarge.proof.vault.writing.writer import LogWriter, Stamp


class Vault:
    """Every log of a vault, recovered and ready to be written.

    ``mirror`` reaches the mirror of a vault that has one, ``witnesses`` its witnesses, by verifier key;
    ``token_time`` reads the time of a token, without which nothing can be destroyed; ``dating`` is the service that
    dates checkpoints, if any. Raises VaultRefused
    (``in_use``) when another process has it, or (``no_mirror``, ``no_witness``) when what is given is not what its
    folder names, CorruptVault when a log cannot be recovered or the journal does not hold together.
    """

    def __init__(
        self,
        folder: Path,
        stamp: Stamp,
        mirror: MirrorClient | None = None,
        token_time: TokenTime = unreadable,
        witnesses: Mapping[str, WitnessClient] | None = None,
        *,
        dating: Dating | None = None,
    ) -> None:
        self.folder = folder
        self._stamp = stamp
        self._token_time = token_time
        self.mirror = mirror
        self.dating = dating
        self.mirroring = mirroring.read(folder)
        if (mirror is None) != (self.mirroring is None):
            raise VaultRefused("no_mirror", "a vault has a mirror both in its folder and at an address, or none")
        self.witnesses = dict(witnesses or {})
        if sorted(self.witnesses) != sorted(witnessing.read(folder)):
            raise VaultRefused("no_witness", "a vault has the same witnesses in its folder and at addresses")
        self._opening = threading.Lock()
        self.name, _ = read_configuration(folder)
        self._credentials = Credentials(folder)
        self._held = ExitStack()
        self.writers: dict[str, LogWriter] = {}
        self.destroyers: dict[str, Destroyer] = {}
        try:
            self._held.callback(files.unlock, files.lock(folder / LOCK))
            self.sequencer = Sequencer(folder)
            self._held.callback(self.sequencer.close)
            self.contents = Contents(folder)
            self._held.callback(self.contents.close)
            self.journal = Journal(folder / journal.FOLDER)
            self._held.callback(self.journal.close)
            for name in self.sequencer.logs():
                self._start(logs.load(folder, self.name, name))
        except BaseException:
            self.close()
            raise

    def role(self, credential: str) -> str | None:
        """The role of a credential, or None. Takes the same time for each credential of the same length."""
        return self._credentials.role(credential)

    def open_log(self, name: str) -> LogWriter:
        """The writer of a log, which begins when it is new; VaultRefused when it must not."""
        logs.check_name(name)
        with self._opening:
            if name not in self.writers:
                self._start(logs.begin(self.folder, self.name, name, self.sequencer))
            return self.writers[name]

    def content(self, log: str, index: int) -> SealedContent | None:
        """The sealed content of the record at an index, None when it has none or its key was destroyed."""
        uuid = self.sequencer.uuid(log, index)
        return self.contents.get(log, uuid) if uuid else None

    def dated(self, log: str) -> DatedCheckpoints:
        """The dated checkpoints of a log, which may have none."""
        return DatedCheckpoints(self.folder, log)

    def close(self) -> None:
        """Let go of the files, then of the lock. Nothing is published: what is sequenced is safe already."""
        self._held.close()

    def _start(self, log: logs.Log) -> None:
        destroyer = Destroyer(log, self.sequencer, self.contents, self._stamp, self._token_time)
        writer = LogWriter(log, self.sequencer, self.contents, self._stamp, destroyer.destructions)
        self._held.callback(writer.close)
        destroyer.resume()
        self.destroyers[log.name] = destroyer
        self.writers[log.name] = writer
