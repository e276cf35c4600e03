"""Retention period, legal holds and destruction certificates of a running vault, for its operator."""

import argparse
import json
import os
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emarge.cli.arguments import add_data, credential
from emarge.cli.errors import CommandError

if TYPE_CHECKING:
    from emarge.proof.vault.service.client import VaultClient

ACTIONS = ("retention", "hold", "destructions")


def add_parsers(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    retention = commands.add_parser("retention", help="say how long a log keeps its records, or raise it")
    retention.add_argument("--raise", dest="days", type=int, metavar="DAYS", help="keep them this long from now on")
    _add_log(retention)
    hold = commands.add_parser("hold", help="place, list or release legal holds: what is held is never destroyed")
    holds = hold.add_subparsers(dest="what", required=True, metavar="ACTION")
    add = holds.add_parser("add", help="place a hold on a log, or on the records of a label; prints its id")
    add.add_argument("--reference", required=True, help="the number of a file, never a name")
    add.add_argument("--label", help="the label whose records are held (default: the whole log)")
    _add_log(add)
    _add_log(holds.add_parser("list", help="list the holds of a log, with those that were released"))
    release = holds.add_parser("release", help="release a hold")
    release.add_argument("id", metavar="ID")
    release.add_argument("--reference", required=True, help="under which it is released")
    _add_log(release)
    destructions = commands.add_parser("destructions", help="list the destruction certificates of a log")
    destructions.add_argument(
        "--save", type=Path, metavar="FOLDER", help="write each certificate and its timestamp token there"
    )
    _add_log(destructions)


def run(args: argparse.Namespace) -> int:
    from emarge.proof.vault.errors import VaultRefused, VaultUnavailable
    from emarge.proof.vault.service.client import VaultClient

    try:
        with VaultClient(_address(args.data), credential(args.data, "vault-destroyer")) as vault:
            if args.action == "retention":
                _retention(vault, args.log, args.days)
            elif args.action == "hold":
                _hold(vault, args)
            else:
                _destructions(vault, args.log, args.save)
    except (VaultRefused, VaultUnavailable) as error:
        raise CommandError(str(error)) from None
    return 0


def _add_log(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--log", required=True, metavar="LOG", help="as `emarge vault check` names it, after the slash")
    add_data(parser)


def _address(data: Path) -> str:
    """Where the vault answers: EMARGE_VAULT_URL, or of the running installation."""
    from emarge.cli.run import addresses_file

    if url := os.environ.get("EMARGE_VAULT_URL"):
        return url
    try:
        return str(json.loads(addresses_file(data).read_text(encoding="utf-8"))["vault"])
    except (OSError, ValueError, KeyError):
        raise CommandError(f"The vault of {data} is not running. Start it: emarge run --data {data}") from None


def _retention(vault: "VaultClient", log: str, days: int | None) -> None:
    state = vault.retention(log) if days is None else vault.raise_retention(log, days)
    standing = [hold for hold in state["holds"] if hold["released"] is None]
    print(f"{log}: records are kept {state['days']} days; {len(standing)} legal holds stand.")


def _hold(vault: "VaultClient", args: argparse.Namespace) -> None:
    if args.what == "add":
        name = str(uuid.uuid4())
        vault.place_hold(args.log, name, args.label, args.reference)
        print(name)
    elif args.what == "release":
        vault.release_hold(args.log, args.id, args.reference)
        print(f"{args.id} is released.")
    else:
        for hold in vault.retention(args.log)["holds"]:
            print(_hold_line(hold))


def _hold_line(hold: dict[str, Any]) -> str:
    what = "the whole log" if hold["label"] is None else hold["label"]
    end = f"released {hold['released']} ({hold['release_reference']})" if hold["released"] else "stands"
    return f"{hold['id']}  {what}  placed {hold['placed']} ({hold['reference']})  {end}"


def _destructions(vault: "VaultClient", log: str, folder: Path | None) -> None:
    from emarge.proof.vault.destruction.plans import open_certificate

    vkey = vault.vkey(log)
    for one in vault.destructions(log):
        done = open_certificate(one.note, vkey)
        state = f"  mirror {one.mirror}" if one.mirror else ""
        print(
            f"{one.order}  {done.plan.order.scope}  {done.plan.records.count} records  {done.decided:%Y-%m-%d}{state}"
        )
        print(f"    records {done.plan.records.text}; entries {done.plan.entries.text}; SHA-256 {one.digest}")
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{one.order}.certificate").write_bytes(one.note)
            (folder / f"{one.order}.token").write_bytes(one.token)
