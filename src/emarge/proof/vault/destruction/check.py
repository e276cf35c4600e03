"""What a check wants of destructions: docs/formats/destruction.md. It writes nothing."""

from collections.abc import Callable
from pathlib import Path

from emarge.proof.vault.destruction import plans
from emarge.proof.vault.destruction.destructions import FOLDER, Destroyed, Destructions, bundle_files
from emarge.proof.vault.errors import CorruptVault, DestructionError
from emarge.proof.vault.log.ranges import Ranges
from emarge.proof.vault.storage.contents import Contents
from emarge.proof.vault.storage.reader import LogReader
from emarge.proof.vault.storage.sequencer import Sequencer

TokenDigest = Callable[[bytes], bytes]
"""Gives the SHA-256 that a timestamp token was made over; raises DestructionError when it cannot be read."""
_AT_ONCE = 1000


class Certified:
    """The destructions of one log, under ``name`` in a vault or a mirror.

    Called with the range of a missing bundle, it says whether that is covered; one that came meanwhile counts.
    """

    def __init__(self, folder: Path, name: str, vkey: str) -> None:
        self._tiles = folder / "logs" / name
        self._folder = folder / FOLDER / name
        self._vkey = vkey
        self.found = Destructions(self._folder, vkey)

    def __call__(self, entries: range) -> bool:
        wanted = Ranges.joined([(entries.start, entries.stop)])
        if wanted - self.found.entries:
            self.found = Destructions(self._folder, self._vkey)
        return not wanted - self.found.entries

    def verify(self, size: int, token_digest: TokenDigest | None, *, partial: bool = False) -> None:
        """Compare each certificate with the tiles of a tree of ``size`` and with its token; look for what came back.

        ``partial`` is of a mirror that does not hold yet all that a certificate is about: then its digest waits.
        Raises CorruptVault naming the first fault.
        """
        reader = LogReader(self._tiles)
        for one in self.found:
            if not partial or one.plan.records.runs[-1][1] <= size:
                _check_text(one, reader, size)
            if one.certificate is None:
                continue
            _check_token(one, token_digest)
            if back := next(bundle_files(self._tiles, one.plan.entries), None):
                name = back.relative_to(self._tiles)
                raise CorruptVault(f"{name} is there again, which the order {one.uuid} destroyed")


def verify_in_vault(certified: Certified, log: str, sequencer: Sequencer, contents: Contents) -> None:
    """Find the order of each destruction in the log, and no key of what it destroyed; CorruptVault otherwise."""
    for one in certified.found:
        if sequencer.uuid(log, one.plan.order_index) != one.uuid:
            raise CorruptVault(f"the order {one.uuid} of a destruction is not the record {one.plan.order_index}")
        if one.certificate is None:
            continue
        for start, end in one.plan.records.runs:
            for first in range(start, end, _AT_ONCE):
                uuids = sequencer.uuids(log, first, min(end, first + _AT_ONCE))
                if contents.any_key(log, uuids):
                    raise CorruptVault(f"a key is there again, which the order {one.uuid} destroyed")


def _check_text(one: Destroyed, reader: LogReader, size: int) -> None:
    records = one.plan.records
    if records.runs[-1][1] > size or plans.leaves_digest(reader, records, size) != one.plan.leaves:
        raise CorruptVault(f"the certificate of the order {one.uuid} is not about the records of this log")


def _check_token(one: Destroyed, token_digest: TokenDigest | None) -> None:
    if token_digest is None:
        return
    try:
        digest = token_digest(one.sealed.token).hex()
    except DestructionError as error:
        raise CorruptVault(f"the token of the order {one.uuid} cannot be read: {error}") from error
    if digest != one.sealed.digest:
        raise CorruptVault(f"the token of the order {one.uuid} is not over its certificate")
