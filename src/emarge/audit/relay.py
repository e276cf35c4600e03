"""Carries the outbox to the vault: in order, again until a receipt comes back, never twice.

A deposit carries the event's uuid, and the vault answers the same uuid with the same receipt: a crash
anywhere between the deposit and the stored receipt is mended by sending again.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence

from django.db import close_old_connections, connection, connections, transaction

from emarge.audit import vault, wakeup
from emarge.audit.clock_records import ClockFollower
from emarge.audit.locks import held
from emarge.audit.models import OutboxEvent
from emarge.proof.timestamping.errors import TimestampError, TimestampUnavailable
from emarge.proof.timestamping.verify import read_token
from emarge.proof.vault.errors import VaultRefused, VaultUnavailable
from emarge.proof.vault.service.client import Deposit, Receipt, VaultClient

BATCH = 100
POLL_SECONDS = 0.5
FIRST_WAIT_SECONDS = 0.25
LONGEST_WAIT_SECONDS = 5.0
HOLD_SECONDS = 60.0
FOLLOW_SECONDS = 2.0

logger = logging.getLogger(__name__)


class Relay:
    """Delivers what waits. Over one base it runs in the web process, or in ``emarge relay``; several take it in turn.

    ``connect`` gives a client for a role. A log whose next record the vault refuses is held for a minute
    before that record, which is kept, is tried again; the other logs go on. Beside it, the changes of the
    authority's clock are followed and recorded: that the authority cannot be asked delays nothing else.
    """

    def __init__(
        self, connect: Callable[[str], VaultClient] = vault.client, clock: ClockFollower | None = None
    ) -> None:
        self._connect = connect
        self._clock = clock or ClockFollower()
        self._follow_at, self._clock_known = 0.0, True
        self._begun: set[str] = set()
        self._held_until: dict[str, float] = {}
        self._failed_at: dict[str, float] = {}
        self._writer: VaultClient | None = None

    def run(self, stop: threading.Event) -> None:
        """Deliver until ``stop`` is set. Nothing ends it before: faults are logged, and tried again later."""
        failures = 0
        try:
            while not stop.is_set():
                wakeup.committed.clear()
                try:
                    while self.deliver() and not stop.is_set():
                        pass
                except Exception as error:  # noqa: BLE001 - reported just below, whatever it is
                    self.close()
                    failures += 1
                    _report(error, failures)
                    stop.wait(min(FIRST_WAIT_SECONDS * 2 ** (failures - 1), LONGEST_WAIT_SECONDS))
                else:
                    if failures:
                        logger.warning("The vault answers again; what waited is delivered.")
                    failures = 0
                    wakeup.committed.wait(POLL_SECONDS)
                self._follow_now_and_then()
                close_old_connections()
        finally:
            self.close()
            connections.close_all()

    def deliver(self) -> int:
        """Deliver one batch of each log, in order; answer how many records got their receipt.

        Raises VaultUnavailable when the vault cannot answer now. The log that it happened on comes last next
        time, so that one broken log does not keep the others waiting.
        """
        waiting = OutboxEvent.objects.filter(index__isnull=True)
        logs = list(waiting.order_by().values_list("log", flat=True).distinct())
        now, delivered = time.monotonic(), 0
        self._clock.meet(logs)
        for log in sorted(logs, key=lambda log: (self._failed_at.get(log, 0.0), log)):
            if self._held_until.get(log, now) > now:
                continue
            try:
                delivered += self.deliver_log(log)
            except VaultUnavailable:
                self._failed_at[log] = time.monotonic()
                raise
        return delivered

    def follow_clock(self) -> int:
        """Record what changed in the authority's clock; answer how many records were written.

        Raises TimestampUnavailable when the authority cannot be asked now.
        """
        return self._clock.follow()

    def _follow_now_and_then(self) -> None:
        """Follow the clock every other second; what goes wrong is said once, and tried again later."""
        if time.monotonic() < self._follow_at:
            return
        wait = FOLLOW_SECONDS
        try:
            self.follow_clock()
            self._clock_known = True
        except Exception as error:
            self._clock.close()
            wait = LONGEST_WAIT_SECONDS
            expected = isinstance(error, TimestampUnavailable)
            if self._clock_known or not expected:
                logger.warning("Changes of the clock are not followed: %s", error, exc_info=not expected)
            self._clock_known = False
        self._follow_at = time.monotonic() + wait

    def deliver_log(self, log: str) -> int:
        """Deliver one batch of a log; answer how many records got their receipt (0: refused, or none waits)."""
        with held(f"deliveries {log}"):
            return self._deliver_log(log)

    def _deliver_log(self, log: str) -> int:
        rows = list(OutboxEvent.objects.filter(log=log, index__isnull=True).order_by("id")[:BATCH])
        if not rows:
            return 0
        try:
            self._open(log)
            store_receipts(rows, self._deposit(log, rows))
        except (VaultRefused, TimestampError) as error:
            if isinstance(error, VaultRefused) and error.code == "no_credential":
                # It was renewed: the next try reads the new one.
                raise VaultUnavailable(str(error)) from error
            if isinstance(error, VaultRefused) and error.code not in _ABOUT_A_RECORD:
                self._hold(log, rows[0], error)
                return 0
            return self._deliver_one_by_one(log, rows)
        return len(rows)

    def _deliver_one_by_one(self, log: str, rows: Sequence[OutboxEvent]) -> int:
        """Find the refused record of a batch: those before it are delivered, the others are kept."""
        for count, row in enumerate(rows):
            try:
                store_receipts([row], self._deposit(log, [row]))
            except (VaultRefused, TimestampError) as error:
                self._hold(log, row, error)
                return count
        return len(rows)

    def _open(self, log: str) -> None:
        """Open a log before its first deposit, never later: a vault that lost it must not start it anew."""
        if log in self._begun:
            return
        if not OutboxEvent.objects.filter(log=log, index__isnull=False).exists():
            with self._connect("opener") as opener:
                opener.open_log(log)
        self._begun.add(log)

    def _deposit(self, log: str, rows: Sequence[OutboxEvent]) -> list[Receipt]:
        if self._writer is None:
            self._writer = self._connect("writer")
        return self._writer.deposit(log, [_deposit_of(row) for row in rows])

    def holds(self, log: str) -> bool:
        """Whether the vault refused the next record of a log; else another relay delivers it."""
        return log in self._held_until

    def close(self) -> None:
        """Leave the connections to the vault and to the authority."""
        self._clock.close()
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def _hold(self, log: str, row: OutboxEvent, error: VaultRefused | TimestampError) -> None:
        self._held_until[log] = time.monotonic() + HOLD_SECONDS
        logger.error("The vault refuses record %s; its log %s is held: %s", row.uuid, log, error)


_ABOUT_A_RECORD = {"bad_deposit", "too_large", "uuid_reused"}


def _report(error: Exception, failures: int) -> None:
    """Say once that deliveries wait; a fault of our own comes with its trace each time."""
    if not isinstance(error, VaultUnavailable):
        logger.error("Delivery to the vault failed and will be tried again.", exc_info=error)
    elif failures == 1:
        logger.warning("Deliveries wait, and will be tried again: %s", error)


def _deposit_of(row: OutboxEvent) -> Deposit:
    return Deposit(
        uuid=str(row.uuid),
        payload=bytes(row.record),
        labels=tuple(row.labels),
        content=bytes(row.content),
        content_key=bytes(row.content_key),
    )


# bulk_update builds a CASE for each field: several times the work of all the rest of a delivery.
_STORED = ("index", "stamped_at", "receipt", "content", "content_key")
_STORE = """
    UPDATE audit_outboxevent SET "index" = %s, stamped_at = %s, receipt = %s, content = %s, content_key = %s
    WHERE id = %s
"""


def store_receipts(rows: Sequence[OutboxEvent], receipts: Sequence[Receipt]) -> None:
    """Keep the receipts (the client has checked them against the records) and empty the contents.

    All or none: raises TimestampError when a token cannot be read, and nothing is stored.
    """
    for row, receipt in zip(rows, receipts, strict=True):
        row.index = receipt.index
        row.stamped_at = read_token(receipt.stamp).gen_time
        checkpoint = receipt.checkpoint.decode("utf-8")
        row.receipt = {"leaf": receipt.leaf, "size": receipt.size, "checkpoint": checkpoint}
        if receipt.mirror:
            row.receipt["mirror"] = receipt.mirror
        row.content = row.content_key = b""
    fields = {field.name: field for field in OutboxEvent._meta.concrete_fields}  # noqa: SLF001 - documented
    values = [
        [*(fields[name].get_db_prep_save(getattr(row, name), connection) for name in _STORED), row.pk] for row in rows
    ]
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.executemany(_STORE, values)


def flush(log: str) -> None:
    """Deliver everything of a log that waits, now, in order; harmless beside the relay.

    Raises VaultUnavailable when the vault cannot answer, or VaultRefused when it refuses a record.
    """
    waiting = OutboxEvent.objects.filter(log=log, index__isnull=True)
    relay = Relay()
    try:
        while waiting.exists():
            if not relay.deliver_log(log) and relay.holds(log):
                raise VaultRefused("held", f"the vault refuses a record of the log {log}; see the journal")
    finally:
        relay.close()
