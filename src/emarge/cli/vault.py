import argparse
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from emarge.cli import checking, timestamp_service, vault_retention
from emarge.cli.arguments import add_data, credential, port, require_packages
from emarge.cli.errors import CommandError
from emarge.cli.journal import print_journal
from emarge.cli.tokens import token_digest, token_time

if TYPE_CHECKING:
    from collections.abc import Callable

    from emarge.cli.parsers import Subparsers
    from emarge.cli.timestamp_service import External
    from emarge.proof.timestamping.client import TimestampClient
    from emarge.proof.vault.mirror.client import MirrorClient
    from emarge.proof.vault.storage.s3 import Place
    from emarge.proof.vault.witness.client import WitnessClient
    from emarge.proof.vault.writing.dating import Dating


def add_parser(subparsers: "Subparsers") -> argparse.ArgumentParser:
    parser = subparsers.add_parser("vault", help="create, check or start the vault")
    commands = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    create = commands.add_parser(
        "create", help="make the vault, once, and a timestamp authority beside it when there is none"
    )
    create.add_argument("--name", default="emarge", help="the vault's name in its checkpoints (no space, no +)")
    create.add_argument(
        "--sequencer",
        metavar="postgresql://…",
        default="",
        help="the PostgreSQL database that decides what is in the log (default: an SQLite file in the vault's folder)",
    )
    create.add_argument(
        "--store",
        metavar="s3://BUCKET/PREFIX",
        default="",
        help="a bucket made with Object Lock, where filled tiles are kept (default: the vault's folder)",
    )
    create.add_argument("--endpoint", metavar="URL", default="", help="where that bucket's server answers")
    add_data(create)
    check = commands.add_parser("check", help="derive every log again from its files and compare")
    checking.add_json(check)
    add_data(check)
    credentials = commands.add_parser(
        "credentials", help="make the credentials that the vault lacks, or renew one: the old one then stops at once"
    )
    credentials.add_argument("--renew", metavar="ROLE", help="the role whose credential is replaced")
    add_data(credentials)
    journal = commands.add_parser("journal", help="print the journal of a day: every call of the vault")
    journal.add_argument("--day", metavar="YYYY-MM-DD", help="which day, of UTC (default: the last one)")
    checking.add_json(journal)
    add_data(journal)
    mirror = commands.add_parser("mirror", help="tell a vault that is stopped which mirror it has from now on")
    mirror.add_argument("--vkey", help="the mirror's verifier key (default: that of the mirror in the data folder)")
    mirror.add_argument(
        "--policy",
        choices=("sync", "degraded"),
        default="sync",
        help="while the mirror is away: sync waits for it, degraded acknowledges records as local only (%(default)s)",
    )
    add_data(mirror)
    _add_witness(commands)
    vault_retention.add_parsers(commands)
    serve = commands.add_parser(
        "serve",
        help="start the vault alone, on loopback (EMARGE_TIMESTAMP_URL: the authority; EMARGE_MIRROR_URL; "
        "EMARGE_WITNESS_URLS)",
    )
    serve.add_argument("--port", type=port, required=True)
    timestamp_service.add_options(serve)
    add_data(serve)
    return parser


def _add_witness(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    witness = commands.add_parser("witness", help="tell a vault that is stopped which witnesses it has")
    which = witness.add_mutually_exclusive_group()
    which.add_argument("--vkey", help="verifier key of one more (default: that of the witness in the data folder)")
    which.add_argument("--remove", metavar="NAME", help="take this one away")
    add_data(witness)


def run(args: argparse.Namespace) -> int:
    if args.action == "create":
        create_vault(args.data, name=args.name, postgresql=args.sequencer, store=args.store, endpoint=args.endpoint)
        print(f"The vault is in {args.data / 'vault'}, its credentials in {args.data / 'credentials'}.")
        return 0
    if not (args.data / "vault").is_dir():
        raise CommandError(f"There is no vault in {args.data}. Make one: emarge vault create --data {args.data}")
    if args.action in vault_retention.ACTIONS:
        return vault_retention.run(args)
    if args.action == "credentials":
        return _credentials(args.data, args.renew)
    if args.action == "journal":
        return print_journal(args.data, args.day, as_json=args.json)
    if args.action == "mirror":
        return _mirror(args.data, args.vkey, args.policy)
    if args.action == "witness":
        return _remove_witness(args.data, args.remove) if args.remove else _witness(args.data, args.vkey)
    if args.action == "check":
        return _check(args.data, as_json=args.json)
    return _serve(args.data, args.port, timestamp_service.external(args))


def create_vault(data: Path, *, name: str, postgresql: str = "", store: str = "", endpoint: str = "") -> None:
    """Make a vault and keep its credentials; CommandError when there is one already, or a server will not do."""
    from emarge.cli.timestamping import create_authority
    from emarge.lib.files import write_secret
    from emarge.proof.vault.errors import DurabilityLost, VaultRefused
    from emarge.proof.vault.setup import create

    if (data / "vault").exists():
        raise CommandError(f"{data / 'vault'} exists already: a vault is never made over another.")
    if not (data / "timestamping").exists():
        create_authority(data, name="Émarge")
    if postgresql:
        require_packages("psycopg", extra="postgresql")
    try:
        place = _place(store, endpoint) if store else None
        credentials = create.create_vault(data / "vault", name=name, postgresql=postgresql, place=place)
    except (VaultRefused, DurabilityLost) as error:
        raise CommandError(f"The vault was not made: {error}") from None
    for role, secret in credentials.items():
        write_secret(data / "credentials" / f"vault-{role}", secret)


def _place(store: str, endpoint: str) -> "Place":
    require_packages("boto3", extra="s3")
    from emarge.proof.vault.storage.s3 import Place

    return Place.parse(store, endpoint)


def _credentials(data: Path, renewed: str | None) -> int:
    from emarge.lib.files import replace_secret
    from emarge.proof.vault.errors import VaultRefused
    from emarge.proof.vault.setup import credentials

    folder = data / "vault"
    try:
        made = credentials.renew(folder, [renewed] if renewed else credentials.missing(folder))
    except VaultRefused as error:
        raise CommandError(error.text, code=2) from None
    for role, secret in made.items():
        replace_secret(data / "credentials" / f"vault-{role}", secret)
        print(f"{role}: {data / 'credentials' / f'vault-{role}'}")
    print(
        "The vault has a credential for each role." if not made else "Hand each to whom it is for, and to nobody else."
    )
    return 0


def set_mirror(data: Path, vkey: str, policy: str) -> None:
    """Give the vault its mirror; CommandError when the key is none, or the vault is running."""
    from emarge.proof.vault.errors import CheckpointError, VaultRefused
    from emarge.proof.vault.setup import mirroring, witnessing

    name = vkey.partition("+")[0]
    if name in {witness.partition("+")[0] for witness in witnessing.read(data / "vault")}:
        raise CommandError(f"The mirror was not set: the witness {name} has its name.")
    try:
        mirroring.configure(data / "vault", mirroring.Mirroring(vkey, policy))
    except (CheckpointError, VaultRefused) as error:
        raise CommandError(f"The mirror was not set: {error}") from None


def _mirror(data: Path, vkey: str | None, policy: str) -> int:
    if vkey is None:
        from emarge.cli.mirror import mirror_vkey

        vkey = mirror_vkey(data)
    set_mirror(data, vkey, policy)
    print(f"The vault hands every checkpoint to {vkey.partition('+')[0]} from its next start on ({policy}).")
    return 0


def add_witness(data: Path, vkey: str) -> None:
    """Give the vault one more witness; CommandError when the key is none, or the vault is running."""
    from emarge.proof.vault.errors import CheckpointError, VaultRefused
    from emarge.proof.vault.setup import witnessing

    try:
        witnessing.add(data / "vault", vkey)
    except (CheckpointError, VaultRefused) as error:
        raise CommandError(f"The witness was not added: {error}") from None


def _witness(data: Path, vkey: str | None) -> int:
    if vkey is None:
        from emarge.cli.witness import witness_vkey

        vkey = witness_vkey(data)
    add_witness(data, vkey)
    print(f"The vault hands every checkpoint to {vkey.partition('+')[0]} from its next start on.")
    return 0


def _remove_witness(data: Path, name: str) -> int:
    from emarge.proof.vault.errors import VaultRefused
    from emarge.proof.vault.setup import witnessing

    try:
        witnessing.remove(data / "vault", name)
    except VaultRefused as error:
        raise CommandError(f"The witness was not taken away: {error}") from None
    print(f"The vault no longer asks {name}. The trust anchors change, and their fingerprint with them.")
    return 0


def _check(data: Path, *, as_json: bool) -> int:
    from emarge.proof.vault.checking.check import check_vault
    from emarge.proof.vault.errors import CorruptVault, DurabilityLost, VaultUnavailable
    from emarge.proof.vault.journal.journal import FOLDER, days_of

    with checking.watch() as watch:
        try:
            checked = check_vault(data / "vault", watch, token_digest)
        except CorruptVault as error:
            if as_json:
                print(checking.fault(str(error)))
                return 1
            raise CommandError(f"The vault is NOT intact: {error}") from None
        except (VaultUnavailable, DurabilityLost) as error:
            raise CommandError(f"The vault could not be checked now: {error}") from None
    figures = watch.figures(checked)
    days = days_of(data / "vault" / FOLDER)
    if as_json:
        print(checking.verdict(checked, figures, journal_days=len(days)))
        return 0
    for log in checked:
        print(f"{log.origin}: {log.size} entries, {log.staged} of them not yet in tiles, root {log.root.hex()}")
    print(f"journal: {len(days)} days, each line follows from the one before and each sealed day is as it was sealed")
    print(f"The vault is intact: {len(checked)} logs derived again from their files ({checking.rate(figures)}).")
    return 0


def _serve(data: Path, number: int, external: "External | None") -> int:
    from emarge.cli.ending import ends_clearly
    from emarge.proof.vault.service.server import serve

    instead = external is not None and external.mode == timestamp_service.INSTEAD
    client = external.client if external and instead else _own_authority(data)
    mend = (
        f"`emarge vault check --data {data}` names the first fault. If an old copy was restored, bring back the newest "
        "one; if a mirror or a witness tells of a second history, ask whoever keeps it before anything else."
    )
    with ends_clearly("vault", mend):
        serve(
            data / "vault",
            port=number,
            stamp=_stamp_with(client.stamp),
            mirror=_mirror_client(data),
            token_time=token_time,
            witnesses=_witness_clients(data),
            dating=_dating(external),
        )
    return 0


def _dating(external: "External | None") -> "Dating | None":
    from emarge.proof.vault.writing.dating import Dating

    if external is None or external.mode != timestamp_service.BESIDE:
        return None
    return Dating(_stamp_with(external.client.stamp), external.every)


def _own_authority(data: Path) -> "TimestampClient":
    from emarge.proof.timestamping.client import TimestampClient

    url = os.environ.get("EMARGE_TIMESTAMP_URL")
    if not url:
        raise CommandError("EMARGE_TIMESTAMP_URL is not set: it says where the timestamp authority answers.", code=2)
    return TimestampClient(url, credential(data, "timestamping"))


def _mirror_client(data: Path) -> "MirrorClient | None":
    from emarge.proof.vault.mirror.client import MirrorClient
    from emarge.proof.vault.setup import mirroring

    if mirroring.read(data / "vault") is None:
        return None
    url = os.environ.get("EMARGE_MIRROR_URL")
    if not url:
        raise CommandError("EMARGE_MIRROR_URL is not set: it says where the mirror of this vault answers.", code=2)
    return MirrorClient(url, credential(data, "mirror-vault"))


def _witness_clients(data: Path) -> "dict[str, WitnessClient]":
    """The witnesses of the vault, by verifier key, at the addresses of EMARGE_WITNESS_URLS; CommandError without."""
    from emarge.cli.witness import credential_file
    from emarge.proof.vault.setup import witnessing
    from emarge.proof.vault.witness.client import WitnessClient

    addresses = dict(pair.split("=", 1) for pair in os.environ.get("EMARGE_WITNESS_URLS", "").split() if "=" in pair)
    clients = {}
    for vkey in witnessing.read(data / "vault"):
        name = vkey.partition("+")[0]
        if name not in addresses:
            raise CommandError(
                f"EMARGE_WITNESS_URLS does not say where the witness {name} of this vault answers: {name}=URL.", code=2
            )
        path = credential_file(data, name)
        secret = path.read_text(encoding="ascii").strip() if path.exists() else None
        clients[vkey] = WitnessClient(addresses[name], secret)
    return clients


def _stamp_with(stamp: "Callable[[Sequence[bytes]], list[bytes]]") -> "Callable[[Sequence[bytes]], list[bytes]]":
    """The vault and the timestamp client do not know each other: say one's trouble in the other's words."""
    from emarge.proof.timestamping.errors import TimestampUnavailable
    from emarge.proof.vault.errors import StampUnavailable

    def stamped(digests: Sequence[bytes]) -> list[bytes]:
        try:
            return stamp(digests)
        except TimestampUnavailable as error:
            raise StampUnavailable(str(error)) from error

    return stamped
