"""The vault's own process: recovers every log, then answers on loopback until it is told to stop."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from emarge.proof.vault.asgi import answer
from emarge.proof.vault.destruction.destroyer import unreadable
from emarge.proof.vault.destruction.plans import TokenTime
from emarge.proof.vault.journal.journalling import Now
from emarge.proof.vault.mirror.client import MirrorClient
from emarge.proof.vault.service.http import Application
from emarge.proof.vault.service.opened import Vault
from emarge.proof.vault.witness.client import WitnessClient
from emarge.proof.vault.writing.dating import Dating
from emarge.proof.vault.writing.writer import Stamp


def serve(
    folder: Path,
    *,
    port: int,
    stamp: Stamp,
    mirror: MirrorClient | None = None,
    token_time: TokenTime = unreadable,
    witnesses: Mapping[str, WitnessClient] | None = None,
    now: Now | None = None,
    dating: Dating | None = None,
) -> None:
    """Serve a vault until SIGTERM or SIGINT; ``stamp`` turns SHA-256 digests into timestamp tokens.

    ``mirror`` reaches the mirror of a vault that has one, ``witnesses`` its witnesses, by verifier key; ``token_time``
    reads the time of a token, ``now`` tells the time of the journal; ``dating`` is the service that dates checkpoints
    beside the authority, if any.

    Raises VaultRefused when there is no vault or another process has it, CorruptVault when a log cannot be
    recovered, and DurabilityLost or CorruptVault when writing failed: the caller ends the process then.
    """
    vault = Vault(folder, stamp, mirror, token_time, witnesses, dating=dating)
    try:
        asyncio.run(answer(lambda fatal: Application(vault, fatal, now or _system_clock), port))
    finally:
        vault.close()


def _system_clock() -> datetime:
    return datetime.now(UTC)
