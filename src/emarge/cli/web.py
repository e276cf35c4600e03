import argparse
from typing import TYPE_CHECKING

from emarge.cli.arguments import add_data, port, require_free
from emarge.cli.django_setup import setup

if TYPE_CHECKING:
    from emarge.cli.parsers import Subparsers


def add_parser(subparsers: "Subparsers") -> argparse.ArgumentParser:
    parser = subparsers.add_parser("web", help="start the web spaces alone, on loopback")
    parser.add_argument("--port", type=port, required=True)
    parser.add_argument(
        "--no-relay",
        action="store_true",
        help="leave the delivery to the vault to `emarge relay`",
    )
    add_data(parser)
    return parser


def run(args: argparse.Namespace) -> int:
    require_free(args.port)
    setup(args.data)
    from emarge.asgi import serve

    serve(port=args.port, with_relay=not args.no_relay)
    return 0
