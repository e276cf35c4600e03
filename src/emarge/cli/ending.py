"""How a process that keeps records ends when it must: with a sentence, and an exit code that `emarge run` reads."""

from collections.abc import Iterator
from contextlib import contextmanager

from emarge.cli.errors import CommandError

STAYS_DOWN = 3
"""Exit code of a process that must not be started again before somebody has looked."""


@contextmanager
def ends_clearly(name: str, mend: str) -> Iterator[None]:
    """Say what ended the process of this name, and ``mend``, what to do, when it contradicts itself or others."""
    from emarge.proof.vault.errors import (
        CorruptVault,
        DurabilityLost,
        ServerLostError,
        StoreUnavailableError,
        VaultRefused,
    )

    try:
        yield
    except CorruptVault as error:
        raise CommandError(
            f"THE {name.upper()} STOPS and stays down until somebody has looked: {error}\n{mend}", code=STAYS_DOWN
        ) from error
    except (ServerLostError, StoreUnavailableError) as error:
        raise CommandError(
            f"The {name} stops, because a server that it needs does not answer: {error}. "
            "Nothing that was acknowledged is lost; it goes on by itself once that server answers again."
        ) from error
    except (DurabilityLost, OSError) as error:
        raise CommandError(
            f"The {name} stops, because its disk is full, read-only or failing: {error}. "
            "Nothing that was acknowledged is lost; it goes on by itself once the disk can be written again."
        ) from error
    except VaultRefused as error:
        raise CommandError(f"The {name} does not start: {error.text}.") from None
