"""Derives every log of a mirror again from its files, trusting nothing that can be computed. It writes nothing.

It may run beside the mirror: what comes meanwhile is left for next time.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from emarge.proof.vault.checking.check import CheckedLog
from emarge.proof.vault.checking.derivation import Point, Progress, State, derive, unheard
from emarge.proof.vault.destruction.check import Certified, TokenDigest
from emarge.proof.vault.errors import CheckpointError, CorruptVault, VaultUnavailable
from emarge.proof.vault.log import cosignature
from emarge.proof.vault.log.checkpoint import MAX_SIZE, Checkpoint, open_checkpoint
from emarge.proof.vault.log.merkle import EMPTY_ROOT
from emarge.proof.vault.mirror import cosigner, mirror
from emarge.proof.vault.mirror.refusals import Refusal
from emarge.proof.vault.mirror.state import MirrorState
from emarge.proof.vault.storage.reader import LogReader
from emarge.proof.vault.storage.stored import staged

_TRIES = 20


def check_mirror(
    folder: Path, progress: Callable[[Progress], None] = unheard, token_digest: TokenDigest | None = None
) -> tuple[list[CheckedLog], list[Refusal]]:
    """Check every log of a mirror, and give the second histories it saw; CorruptVault names the first fault."""
    vkey = mirror.vkey_of(folder)
    state = MirrorState(folder, read_only=True)
    try:
        logs = {cosigner.folder_name(log.origin): log.origin for log in state.logs()}
        for path in sorted((folder / "logs").iterdir()):
            if path.name not in logs and (path / "tile").exists():
                raise CorruptVault(f"logs/{path.name} holds tiles of a log that is not known")
        look = partial(_check, state=state, vkey=vkey, progress=progress, token_digest=token_digest)
        checked = [look(folder / "logs" / name, origin) for name, origin in logs.items()]
        return checked, state.refusals()
    finally:
        state.close()


def _check(
    path: Path,
    origin: str,
    *,
    state: MirrorState,
    vkey: str,
    progress: Callable[[Progress], None],
    token_digest: TokenDigest | None,
) -> CheckedLog:
    try:
        log_vkey, found, points = _look(path, origin, state, vkey)
        certified = Certified(path.parents[1], path.name, log_vkey)
        derive(LogReader(path), found, points, destroyed=certified, progress=progress)
        certified.verify(found.published.size, token_digest, partial=True)
    except (CorruptVault, CheckpointError) as error:
        raise CorruptVault(f"{origin}: {error}") from error
    return CheckedLog(origin, log_vkey, found.last.size, found.last.root, len(found.waiting))


def _look(path: Path, origin: str, state: MirrorState, vkey: str) -> tuple[str, State, list[Point]]:
    """The log's key and what is on disk. Raises CheckpointError when a checkpoint or a line is false."""
    empty = Checkpoint(origin, 0, EMPTY_ROOT)
    for _ in range(_TRIES):
        note = _note(path)
        waiting = (path / "staging").read_bytes()
        [log] = [one for one in state.logs() if one.origin == origin]
        if _note(path) != note:
            continue  # a publication came between: staging may have been emptied already
        published = cosignature.open_cosigned(note, log.vkey, (vkey,)).checkpoint if note else empty
        last = open_checkpoint(log.note, log.vkey) if log.note else empty
        if log.line:
            cosignature.open_line(log.line, last.text, vkey)
        if published.size > last.size:
            raise CorruptVault("the state is older than the tiles: it was rolled back")
        points = [Point("the published checkpoint", published)]
        tiled = last if log.tiled else published  # tiles that were decided are there, whatever the file says yet
        entries = list(staged(waiting, tiled.size, last.size))
        # An upload that was not finished leaves full tiles beyond the checkpoint, for which nothing vouches yet.
        return log.vkey, State(tiled, last, entries, lambda: MAX_SIZE, opaque=True), points
    raise VaultUnavailable(f"the log {origin} is too busy to be checked now")


def _note(path: Path) -> bytes:
    return LogReader(path).checkpoint() if (path / "checkpoint").exists() else b""
