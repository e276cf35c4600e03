import argparse
import signal
import sys
import threading
from contextlib import closing
from typing import TYPE_CHECKING

from emarge.cli.arguments import add_data
from emarge.cli.django_setup import setup

if TYPE_CHECKING:
    from emarge.audit.relay import Relay
    from emarge.cli.parsers import Subparsers


def add_parser(subparsers: "Subparsers") -> argparse.ArgumentParser:
    parser = subparsers.add_parser(
        "relay", help="deliver waiting records to the vault, where `emarge web --no-relay` leaves them"
    )
    parser.add_argument(
        "--once", action="store_true", help="deliver what waits now, then stop (exit code 1 when some remain)"
    )
    add_data(parser)
    return parser


def _follow_clock(relay: "Relay") -> None:
    from emarge.audit.authority import TimestampUnavailable

    try:
        relay.follow_clock()
    except TimestampUnavailable as error:
        print(f"Changes of the clock are not recorded now: {error}", file=sys.stderr)


def run(args: argparse.Namespace) -> int:
    setup(args.data)
    from emarge.audit.chores import Chores
    from emarge.audit.queries import waiting_count
    from emarge.audit.relay import Relay
    from emarge.proof.vault.errors import VaultUnavailable
    from emarge.retention.jobs import carry_out

    if args.once:
        try:
            with closing(Relay()) as relay:
                _follow_clock(relay)
                while relay.deliver():
                    pass
        except VaultUnavailable as error:
            print(f"The vault does not answer: {error}")
        remaining = waiting_count()
        print(f"{remaining} records wait.")
        return 1 if remaining else 0
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    chores = threading.Thread(target=Chores([carry_out]).run, args=(stop,), name="chores")
    chores.start()
    Relay().run(stop)
    chores.join()
    return 0
