"""Destroys what a log holds, under an order that stands in it: the steps of docs/formats/destruction.md."""

import hashlib
import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta

from emarge.proof.vault.destruction import plans
from emarge.proof.vault.destruction.destructions import FOLDER, Destroyed, Destructions, unlink_bundles
from emarge.proof.vault.destruction.plans import CONTENTS, RETENTION, Certificate, Order, Plan, Sealed, TokenTime
from emarge.proof.vault.errors import DestructionError, EntryError, StampUnavailable, VaultRefused, VaultUnavailable
from emarge.proof.vault.log import entry
from emarge.proof.vault.log.ranges import Ranges
from emarge.proof.vault.setup.logs import Log
from emarge.proof.vault.storage.contents import Contents
from emarge.proof.vault.storage.reader import LogReader
from emarge.proof.vault.storage.retention import Hold, Retention
from emarge.proof.vault.storage.sequencer import Sequencer
from emarge.proof.vault.storage.store import store_of

Stamp = Callable[[Sequence[bytes]], list[bytes]]
_AT_ONCE = 1000  # records in one transaction

logger = logging.getLogger("emarge.vault")


def unreadable(token: bytes) -> datetime:
    """The reader of token times of a vault that was given none: it destroys nothing."""
    raise DestructionError(f"this vault cannot read the time of a token of {len(token)} bytes")


class Destroyer:
    """Retention, holds and destructions of one log. Threads take turns in it.

    What its methods raise besides VaultRefused, VaultUnavailable and StampUnavailable leaves the log in doubt.
    """

    def __init__(
        self,
        log: Log,
        sequencer: Sequencer,
        contents: Contents,
        stamp: Stamp,
        token_time: TokenTime,
    ) -> None:
        self._log = log
        self._sequencer = sequencer
        self._contents = contents
        self._stamp = stamp
        self._token_time = token_time
        self._turn = threading.Lock()
        folder = log.folder.parents[1] / FOLDER / log.name
        self.retention = Retention(folder)
        self.destructions = Destructions(folder, log.vkey)

    def raise_period(self, days: int) -> None:
        """Keep records longer from now on; VaultRefused when it is shorter."""
        with self._turn:
            self.retention.raise_to(days, datetime.now(UTC))

    def place_hold(self, hold: Hold) -> None:
        """Place a legal hold; VaultRefused when its id is taken."""
        with self._turn:
            self.retention.place(hold)

    def release_hold(self, name: str, reference: str) -> None:
        """Release a legal hold; VaultRefused when it is not known."""
        with self._turn:
            self.retention.release(name, reference, datetime.now(UTC))

    def destroy(self, order: Order, size: int) -> Destroyed:
        """Carry out an order on the log's first ``size`` records, which are published, and certify it.

        The same order again destroys again what may have come back, and gives the same certificate. VaultRefused:
        nothing was destroyed. StampUnavailable or VaultUnavailable: send it again.
        """
        with self._turn:
            known = self.destructions.get(order.uuid)
            if known is None:
                self._decide(order, size)
            elif known.plan.order != order:
                raise VaultRefused("order_reused", f"the order {order.uuid} destroyed something else")
            return self._carry_out(order.uuid)

    def resume(self) -> None:
        """At the start: finish what was decided, and unlink again what came back."""
        with self._turn:
            for one in list(self.destructions):
                if one.certificate is None:
                    try:
                        self._carry_out(one.uuid)
                    except (StampUnavailable, VaultUnavailable):
                        logger.warning("the destruction %s has no certificate yet: send the order again", one.uuid)
                elif back := unlink_bundles(self._log.folder, one.plan.entries):
                    logger.critical("%d files that the order %s destroyed had come back", back, one.uuid)

    def _decide(self, order: Order, size: int) -> Plan:
        plan = self._plan(order, size)
        note = plans.sign_plan(plan, self._log.key)
        sealed = Sealed(note, self._stamped(note))
        now = self._time(sealed.token, "the plan")
        if order.scope == RETENTION:
            self._require_age(plan, now, size)
        return self.destructions.put_plan(sealed)

    def _plan(self, order: Order, size: int) -> Plan:
        place = self._sequencer.places(self._log.name, [order.uuid]).get(order.uuid)
        if place is None:
            raise VaultRefused("no_order", f"no record of this log is the order {order.uuid}")
        asked = order.indexes if order.before is None else Ranges.joined([(0, order.before)])
        if not asked or asked.runs[-1][1] > size:
            raise VaultRefused("unknown_index", f"the log has {size} entries")
        if place.index in asked:
            raise VaultRefused("order_in_scope", f"the order stands at {place.index}, among what it destroys")
        held = self._held(asked)
        if held and order.scope == CONTENTS:
            raise VaultRefused("held", f"the record {held.runs[0][0]} is under a legal hold")
        records = asked if order.scope == CONTENTS else asked - held - self.destructions.entries
        entries = Ranges() if order.scope == CONTENTS else records.bundles
        if not entries and not records - self.destructions.records:
            raise VaultRefused("nothing_to_destroy", "every one of these records is destroyed already, or held")
        if entries and store_of(self._log.folder).locks:
            raise VaultRefused("store_locked", "the entries of this log stand in a bucket that locks them")
        leaves = plans.leaves_digest(LogReader(self._log.folder), records, size)
        return Plan(self._log.origin, order, place.index, self.retention.days, records, entries, leaves)

    def _held(self, asked: Ranges) -> Ranges:
        found = Ranges()
        covered = self.retention.held(lambda label: self._sequencer.find(self._log.name, label))
        for name, ranges in covered.items():
            if ranges is None:
                raise VaultRefused("held", f"the whole log is under the legal hold {name}")
            found |= ranges & asked
        return found

    def _require_age(self, plan: Plan, now: datetime, size: int) -> None:
        try:
            youngest = now - timedelta(days=plan.period)
            require_age(LogReader(self._log.folder), plan.records, size, self._token_time, youngest)
        except DestructionError as error:
            raise VaultRefused("unreadable_token", str(error)) from error

    def _carry_out(self, order: str) -> Destroyed:
        decided = self.destructions.get(order)
        if decided is None:
            raise VaultRefused("no_order", "this order was not decided")
        name, plan = self._log.name, decided.plan
        for uuids in self._uuids(plan.records):
            self._contents.destroy(name, uuids)
        self._contents.empty_logs()
        if plan.entries:
            self._sequencer.drop_labels(name, plan.entries.runs)
            unlink_bundles(self._log.folder, plan.entries)
        return decided if decided.certificate else self._certify(plan)

    def _uuids(self, records: Ranges) -> Iterator[list[str]]:
        """The uuids of these records, not many at once."""
        found: list[str] = []
        for start, end in records.runs:
            for first in range(start, end, _AT_ONCE):
                found += self._sequencer.uuids(self._log.name, first, min(end, first + _AT_ONCE))
                if len(found) >= _AT_ONCE:
                    yield found
                    found = []
        yield found

    def _certify(self, plan: Plan) -> Destroyed:
        now = self._time(self.destructions.plan(plan.order.uuid).token, "the plan")
        note = plans.sign_certificate(Certificate(plan, now), self._log.key)
        return self.destructions.put_certificate(Sealed(note, self._stamped(note)))

    def _stamped(self, note: bytes) -> bytes:
        tokens = self._stamp([hashlib.sha256(note).digest()])
        if len(tokens) != 1:
            raise StampUnavailable("the timestamp authority did not answer with one token")
        return tokens[0]

    def _time(self, token: bytes, what: str) -> datetime:
        try:
            return self._token_time(token)
        except DestructionError as error:
            raise VaultRefused("unreadable_token", f"{what}: {error}") from error


def require_age(reader: LogReader, records: Ranges, size: int, time: TokenTime, youngest: datetime) -> None:
    """Raise VaultRefused (``too_young``) when a record of a tree of ``size`` was stamped after ``youngest``.

    Raises DestructionError when a token cannot be read.
    """
    for index, data in zip(records, reader.entries(records, size), strict=True):
        try:
            at = time(entry.decode(data).stamp)
        except (EntryError, DestructionError) as error:
            raise DestructionError(f"the time of the token of record {index} cannot be read: {error}") from error
        if at > youngest:
            raise VaultRefused("too_young", f"the record {index} is of {at.isoformat()}: its period still runs")
