"""What waits for the vault besides deliveries: told to it, or carried out once sealed. A thread beside the relay.

It is apart, so that nothing it does, a destruction of minutes included, keeps a record waiting.
"""

import logging
import threading
from collections.abc import Callable, Sequence

from django.db import close_old_connections, connections

from emarge.audit.locks import held
from emarge.proof.vault.errors import VaultUnavailable

POLL_SECONDS = 1.0
AGAIN_SECONDS = 10.0

logger = logging.getLogger(__name__)


class Chores:
    """Does each chore again and again; each may be done twice. Of several over one base, one does them at a time."""

    def __init__(self, chores: Sequence[Callable[[], object]]) -> None:
        self._chores = chores

    def run(self, stop: threading.Event) -> None:
        """Work until ``stop`` is set. Nothing ends it before: faults are logged, and tried again later."""
        failures = 0
        try:
            while not stop.is_set():
                try:
                    self.once()
                except Exception as error:  # noqa: BLE001 - reported just below, whatever it is
                    _report(error, failures)
                    failures += 1
                    stop.wait(AGAIN_SECONDS)
                else:
                    failures = 0
                    stop.wait(POLL_SECONDS)
                close_old_connections()
        finally:
            connections.close_all()

    def once(self) -> None:
        """Every chore, once. Raises VaultUnavailable when the vault cannot answer now."""
        with held("chores", wait=False) as mine:
            for chore in self._chores if mine else ():
                chore()


def _report(error: Exception, failures: int) -> None:
    """Say once that the vault does not answer; a fault of our own comes with its trace each time."""
    if not isinstance(error, VaultUnavailable):
        logger.error("What follows the deliveries failed and will be tried again.", exc_info=error)
    elif not failures:
        logger.warning("What follows the deliveries waits, and will be tried again: %s", error)
