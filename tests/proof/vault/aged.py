"""A timestamp authority for the tests whose time is set, and a vault that has lived under it."""

import json
import os
import uuid
from datetime import UTC, datetime, timedelta

from emarge.proof.vault.destruction.plans import Order
from emarge.proof.vault.errors import DestructionError
from emarge.proof.vault.log.deposits import Deposit
from emarge.proof.vault.log.ranges import Ranges
from emarge.proof.vault.service.opened import Vault
from emarge.proof.vault.storage.retention import read_hold

SIZE = 600


class Authority:
    """Its tokens are JSON: the time, and the digest that was stamped."""

    def __init__(self):
        self.now = datetime(2026, 11, 23, 12, tzinfo=UTC)
        self.given = 0

    def stamp(self, digests):
        self.given += len(digests)
        return [json.dumps([self.now.isoformat(), digest.hex(), self.given]).encode() for digest in digests]

    @staticmethod
    def time(token):
        try:
            return datetime.fromisoformat(json.loads(token)[0])
        except ValueError:
            raise DestructionError("it is no token") from None

    @staticmethod
    def digest(token):
        try:
            return bytes.fromhex(json.loads(token)[1])
        except ValueError:
            raise DestructionError("it is no token") from None

    def pass_days(self, days):
        self.now += timedelta(days=days)


def open_vault(folder, authority):
    return Vault(folder, authority.stamp, token_time=authority.time)


def contents(order, indexes):
    return Order(order, "contents", Ranges.of(indexes), None)


def retention(order, before):
    return Order(order, "retention", Ranges(), before)


class Old:
    """A vault with 600 records of 2026, each with a content and two labels, and an order of 2031 after them."""

    def __init__(self, folder, authority):
        self.folder, self.authority = folder, authority
        self.vault = open_vault(folder, authority)
        self.vault.open_log("school")
        self.log = folder / "logs" / "school"
        self.deposits = [self.record(number, f"student:{number % 10}") for number in range(SIZE)]
        for start in range(0, SIZE, 200):
            self.write(self.deposits[start : start + 200])
        authority.pass_days(1828)
        self.order = self.ordered()

    @classmethod
    def again(cls, folder, authority, other):
        """The same vault in a copy of its folder, five years later too."""
        one = cls.__new__(cls)
        authority.pass_days(1828)
        one.folder, one.authority, one.log = folder, authority, folder / "logs" / "school"
        one.deposits, one.order = other.deposits, other.order
        one.vault = open_vault(folder, authority)
        return one

    @property
    def destroyer(self):
        return self.vault.destroyers["school"]

    @property
    def writer(self):
        return self.vault.writers["school"]

    def record(self, number, label):
        return Deposit(str(uuid.uuid4()), b"record %d" % number, ("all", label), os.urandom(64), os.urandom(32))

    def write(self, deposits):
        [answer] = self.writer.write([deposits])
        self.writer.publish()
        return answer

    def ordered(self):
        order = Deposit(str(uuid.uuid4()), b"destroy", ("orders",), b"", b"")
        self.write([order])
        return order.uuid

    def destroy(self, order):
        return self.destroyer.destroy(order, self.writer.published)

    def reopen(self):
        self.vault.close()
        self.vault = open_vault(self.folder, self.authority)

    def hold(self, label):
        hold = read_hold({"id": str(uuid.uuid4()), "label": label, "reference": "2027/114"}, self.authority.now)
        self.destroyer.place_hold(hold)
        return hold.id

    def raw(self):
        """Every byte of every file of the vault."""
        return b"".join(path.read_bytes() for path in self.folder.rglob("*") if path.is_file())

    def bundles(self):
        return sorted(path.name for path in (self.log / "tile" / "entries").iterdir())
