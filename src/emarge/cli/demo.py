import argparse
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from emarge.cli.arguments import add_data
from emarge.cli.errors import CommandError

if TYPE_CHECKING:
    from emarge.cli.parsers import Subparsers


def add_parser(subparsers: "Subparsers") -> argparse.ArgumentParser:
    parser = subparsers.add_parser(
        "demo",
        help="make the demo school; with `play OUT.zip`, certify one of its class meetings",
        description="Without `play`: make the demo school in DIR when it has none, and class meetings around now.",
    )
    parser.add_argument("--data", type=Path, metavar="DIR", help="the data folder of this installation")
    commands = parser.add_subparsers(dest="action", metavar="play")
    play = commands.add_parser(
        "play",
        help="play one class meeting over HTTP against the running processes",
        description=(
            "Plays one class meeting of the demo school over HTTP against the processes that `emarge run` started: "
            "roll call, signatures, a funder's request, its approval. Writes the evidence bundle to OUT.zip and "
            "prints the fingerprint to trust."
        ),
    )
    play.add_argument("out", type=Path, metavar="OUT.zip")
    add_data(play)
    return parser


def run(args: argparse.Namespace) -> int:
    if args.data is None:
        raise CommandError("the following argument is required: --data DIR", code=2)
    if args.action == "play":
        from emarge.cli.demo_play import play

        return play(args.out, args.data)
    return _make(args.data)


def _make(data: Path) -> int:
    from emarge.cli.django_setup import setup
    from emarge.cli.vault import create_vault

    setup(data, create=True)

    from emarge.cli.demo_base import activate_demo, add_meetings_around, build_demo, demo_base
    from emarge.hosting.models import Base

    now = datetime.now(UTC)
    if not (data / "vault").exists():
        print("Making the vault and the timestamp authority…")
        create_vault(data, name="emarge-demo")
    base = demo_base()
    if base is None:
        if Base.objects.exists():
            raise CommandError(f"{data} holds a real school: the demo school wants a folder of its own.")
        print("Making the demo school…")
        base = build_demo(data, at=datetime.now(UTC))
    now = datetime.now(UTC)
    activate_demo(base, at=now)
    add_meetings_around(base, now)
    print(f"The demo school is in {data}; its logins are in {data / 'demo-logins.txt'}.")
    return 0
