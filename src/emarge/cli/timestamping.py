import argparse
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from emarge.cli.arguments import add_data, port
from emarge.cli.errors import CommandError

if TYPE_CHECKING:
    from emarge.cli.parsers import Subparsers


def add_parser(subparsers: "Subparsers") -> argparse.ArgumentParser:
    parser = subparsers.add_parser("timestamping", help="create or start the timestamp authority (RFC 3161)")
    commands = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    create = commands.add_parser("create", help="make the authority's keys and certificates, once")
    create.add_argument("--name", default="Émarge", help="the name in the certificates")
    add_data(create)
    serve = commands.add_parser("serve", help="start the authority alone, on loopback")
    serve.add_argument("--port", type=port, required=True)
    add_data(serve)
    return parser


def run(args: argparse.Namespace) -> int:
    if args.action == "create":
        create_authority(args.data, name=args.name)
        print(f"The timestamp authority is in {args.data / 'timestamping'}. Keep its keys: without them no new stamp.")
        return 0
    from emarge.proof.timestamping.clock import SystemClock
    from emarge.proof.timestamping.server import serve

    serve(args.data / "timestamping", port=args.port, clock=SystemClock())
    return 0


def create_authority(data: Path, *, name: str) -> None:
    """Make an authority in the data folder and keep its client credential; CommandError when there is one."""
    from emarge.lib.files import write_secret
    from emarge.proof.timestamping import authority

    folder = data / "timestamping"
    if folder.exists():
        raise CommandError(f"{folder} exists already: an authority is never made over another.")
    data.mkdir(parents=True, exist_ok=True, mode=0o700)
    credential = authority.create(folder, name=name, now=datetime.now(UTC))
    (data / "credentials").mkdir(exist_ok=True, mode=0o700)
    write_secret(data / "credentials" / "timestamping", credential)
