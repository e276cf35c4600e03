import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from emarge.cli.arguments import add_data, port
from emarge.cli.errors import CommandError

if TYPE_CHECKING:
    from emarge.cli.parsers import Subparsers


def add_parser(subparsers: "Subparsers") -> argparse.ArgumentParser:
    parser = subparsers.add_parser("witness", help="create, check or start a witness of the vault: it holds no entry")
    commands = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    create = commands.add_parser("create", help="make the witness's keys and folder, once")
    create.add_argument("--name", default="emarge-witness", help="its name under the checkpoints (no space, no +)")
    add_data(create)
    check = commands.add_parser("check", help="check what it has cosigned, and tell of second histories")
    add_data(check)
    serve = commands.add_parser("serve", help="start the witness alone, on loopback")
    serve.add_argument("--port", type=port, required=True)
    add_data(serve)
    return parser


def run(args: argparse.Namespace) -> int:
    if args.action == "create":
        vkey = create_witness(args.data, name=args.name)
        print(f"The witness is in {args.data / 'witness'}; the vault presents {credential_file(args.data, args.name)}.")
        print(f"Its verifier key, for `emarge vault witness --vkey`:\n{vkey}")
        return 0
    witness_vkey(args.data)
    if args.action == "check":
        return _check(args.data)
    from emarge.cli.ending import ends_clearly
    from emarge.proof.vault.witness.http import serve

    mend = f"`emarge witness check --data {args.data}` names the first fault. A witness that is lost can be made anew."
    with ends_clearly("witness", mend):
        serve(args.data / "witness", port=args.port)
    return 0


def credential_file(data: Path, name: str) -> Path:
    """Where the vault's credential on the witness of a name lies; its name may hold what a file's may not."""
    from urllib.parse import quote

    return data / "credentials" / f"witness-{quote(name, safe='')}"


def create_witness(data: Path, *, name: str) -> str:
    """Make a witness, keep its credentials and give its verifier key; CommandError when there is one already."""
    from emarge.lib.files import write_secret
    from emarge.proof.vault.errors import CheckpointError
    from emarge.proof.vault.witness import witness

    if (data / "witness").exists():
        raise CommandError(f"{data / 'witness'} exists already: a witness is never made over another.")
    data.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        credentials = witness.create_witness(data / "witness", name=name)
    except CheckpointError as error:
        raise CommandError(f"{name!r} cannot be the name of a witness: {error}.", code=2) from None
    (data / "credentials").mkdir(exist_ok=True, mode=0o700)
    write_secret(credential_file(data, name), credentials["vault"])
    write_secret(data / "credentials" / "witness-reader", credentials["reader"])
    return witness.vkey_of(data / "witness")


def witness_vkey(data: Path) -> str:
    """The verifier key of the witness in a data folder; CommandError when there is none."""
    from emarge.proof.vault.errors import VaultRefused
    from emarge.proof.vault.witness import witness

    try:
        return witness.vkey_of(data / "witness")
    except VaultRefused:
        raise CommandError(f"There is no witness in {data}. Make one: emarge witness create --data {data}") from None


def _check(data: Path) -> int:
    from emarge.proof.vault.errors import CorruptVault
    from emarge.proof.vault.witness.witness import examine

    try:
        logs, refusals = examine(data / "witness")
    except CorruptVault as error:
        raise CommandError(f"The witness is NOT intact: {error}") from None
    for origin, log in logs.items():
        print(f"{origin}: {log.last.size} entries cosigned, root {log.last.root.hex()}")
    for one in refusals:
        print(
            f"SECOND HISTORY of {one.origin}: it signed {one.size} entries, which {one.reason}"
            f" ({one.refused_at:%Y-%m-%d %H:%M} UTC)"
        )
    print(f"The witness is intact: {len(logs)} logs.")
    return 1 if refusals else 0
