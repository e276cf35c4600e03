import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from emarge.cli import checking
from emarge.cli.arguments import add_data, port
from emarge.cli.errors import CommandError
from emarge.cli.tokens import token_digest, token_time

if TYPE_CHECKING:
    from emarge.cli.parsers import Subparsers


def add_parser(subparsers: "Subparsers") -> argparse.ArgumentParser:
    parser = subparsers.add_parser("mirror", help="create, check or start a mirror of the vault (its second site)")
    commands = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    create = commands.add_parser("create", help="make the mirror's keys and folder, once")
    create.add_argument("--name", default="emarge-mirror", help="its name under the checkpoints (no space, no +)")
    add_data(create)
    check = commands.add_parser("check", help="derive every log again from its files, and tell of second histories")
    checking.add_json(check)
    add_data(check)
    serve = commands.add_parser("serve", help="start the mirror alone, on loopback")
    serve.add_argument("--port", type=port, required=True)
    add_data(serve)
    return parser


def run(args: argparse.Namespace) -> int:
    if args.action == "create":
        vkey = create_mirror(args.data, name=args.name)
        print(f"The mirror is in {args.data / 'mirror'}; the vault presents {args.data / 'credentials/mirror-vault'}.")
        print(f"Its verifier key, for `emarge vault mirror --vkey`:\n{vkey}")
        return 0
    mirror_vkey(args.data)
    if args.action == "check":
        return _check(args.data, as_json=args.json)
    from emarge.cli.ending import ends_clearly
    from emarge.proof.vault.mirror.http import serve

    mend = f"`emarge mirror check --data {args.data}` names the first fault. A mirror that is lost can be made anew."
    with ends_clearly("mirror", mend):
        serve(args.data / "mirror", port=args.port, token_time=token_time)
    return 0


def create_mirror(data: Path, *, name: str) -> str:
    """Make a mirror, keep its credentials and give its verifier key; CommandError when there is one already."""
    from emarge.lib.files import write_secret
    from emarge.proof.vault.mirror import mirror

    if (data / "mirror").exists():
        raise CommandError(f"{data / 'mirror'} exists already: a mirror is never made over another.")
    data.mkdir(parents=True, exist_ok=True, mode=0o700)
    credentials = mirror.create_mirror(data / "mirror", name=name)
    (data / "credentials").mkdir(exist_ok=True, mode=0o700)
    for role, secret in credentials.items():
        write_secret(data / "credentials" / f"mirror-{role}", secret)
    return mirror.vkey_of(data / "mirror")


def mirror_vkey(data: Path) -> str:
    """The verifier key of the mirror in a data folder; CommandError when there is none."""
    from emarge.proof.vault.errors import VaultRefused
    from emarge.proof.vault.mirror import mirror

    try:
        return mirror.vkey_of(data / "mirror")
    except VaultRefused:
        raise CommandError(f"There is no mirror in {data}. Make one: emarge mirror create --data {data}") from None


def _check(data: Path, *, as_json: bool) -> int:
    from emarge.proof.vault.errors import CorruptVault
    from emarge.proof.vault.mirror.check import check_mirror

    with checking.watch() as watch:
        try:
            checked, refusals = check_mirror(data / "mirror", watch, token_digest)
        except CorruptVault as error:
            if as_json:
                print(checking.fault(str(error)))
                return 1
            raise CommandError(f"The mirror is NOT intact: {error}") from None
    figures = watch.figures(checked)
    if as_json:
        refused = [{"origin": one.origin, "size": one.size, "at": one.refused_at.isoformat()} for one in refusals]
        print(checking.verdict(checked, figures, second_histories=refused))
        return 1 if refusals else 0
    for log in checked:
        print(f"{log.origin}: {log.size} entries held, root {log.root.hex()}")
    for one in refusals:
        print(
            f"SECOND HISTORY of {one.origin}: it signed {one.size} other entries ({one.refused_at:%Y-%m-%d %H:%M} UTC)"
        )
    print(f"The mirror is intact: {len(checked)} logs derived again from their files ({checking.rate(figures)}).")
    return 1 if refusals else 0
