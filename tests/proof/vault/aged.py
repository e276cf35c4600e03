"""A timestamp authority for the tests whose time is set, and a vault that has lived under it."""

import json
from datetime import UTC, datetime, timedelta

from emarge.proof.vault.destruction import Order
from emarge.proof.vault.errors import DestructionError
from emarge.proof.vault.opened import Vault
from emarge.proof.vault.ranges import Ranges


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
        return bytes.fromhex(json.loads(token)[1])

    def pass_days(self, days):
        self.now += timedelta(days=days)


def open_vault(folder, authority):
    return Vault(folder, authority.stamp, token_time=authority.time)


def contents(order, indexes):
    return Order(order, "contents", Ranges.of(indexes), None)


def retention(order, before):
    return Order(order, "retention", Ranges(), before)
