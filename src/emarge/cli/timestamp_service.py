"""Which external timestamp service the vault asks, from the words of a command or the environment."""

import argparse
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from emarge.cli.errors import CommandError

if TYPE_CHECKING:
    from emarge.proof.timestamping.external_client import ExternalClient

INSTEAD, BESIDE = MODES = ("instead", "beside")
_EVERY = 3600  # seconds
_BESIDE_PATIENCE = 5.0  # seconds
_OID = re.compile(r"[0-2](\.(0|[1-9][0-9]*))+")
_NAMES = ("url", "roots", "policy", "credential", "mode", "every")


@dataclass(frozen=True)
class External:
    """A service that can be asked: its tokens stand *instead* of ours, or *beside*, ``every`` so many seconds."""

    client: "ExternalClient"
    mode: str
    every: int


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of a command that starts the vault; each stands in the environment too, as EMARGE_TSA_…"""

    def add(name: str, metavar: str, text: str) -> None:
        variable = f"EMARGE_TSA_{name.upper()}"
        parser.add_argument(
            f"--tsa-{name}", default=os.environ.get(variable), metavar=metavar, help=f"{text} ({variable})"
        )

    add("url", "URL", "an external timestamp service (RFC 3161)")
    add("roots", "FILE", "its root certificates, and others that complete its chains, in PEM")
    add("policy", "OID", "the policy to ask of it and to require")
    add("credential", "FILE", "a file that holds the value of the Authorization header")
    add("mode", "|".join(MODES), "its tokens stand in records instead of ours, or over checkpoints beside ours")
    add("every", "SECONDS", f"beside: at most one token per log in this time, {_EVERY} unless said")


def environment(args: argparse.Namespace) -> dict[str, str]:
    """The same options for the processes that a command starts."""
    values = {name: getattr(args, f"tsa_{name}") for name in _NAMES}
    return {f"EMARGE_TSA_{name.upper()}": value for name, value in values.items() if value}


def require_sense(args: argparse.Namespace) -> None:
    """CommandError when the options do not go together."""
    if args.tsa_url and not (args.tsa_roots and args.tsa_mode):
        raise CommandError("A timestamp service needs its roots and a mode: --tsa-roots FILE --tsa-mode MODE.", code=2)
    if args.tsa_mode and args.tsa_mode not in MODES:
        raise CommandError(f"--tsa-mode is {' or '.join(MODES)}.", code=2)
    if args.tsa_mode and not args.tsa_url:
        raise CommandError("--tsa-mode needs the address of the timestamp service: --tsa-url URL.", code=2)
    if args.tsa_url and not args.tsa_url.startswith(("http://", "https://")):
        raise CommandError("--tsa-url begins with http:// or https://.", code=2)
    if args.tsa_policy and not _OID.fullmatch(args.tsa_policy):
        raise CommandError("--tsa-policy is an OID in its dotted form.", code=2)
    if args.tsa_every and not (args.tsa_every.isascii() and args.tsa_every.isdigit() and int(args.tsa_every)):
        raise CommandError("--tsa-every is a number of seconds, at least 1.", code=2)


def external(args: argparse.Namespace) -> External | None:
    """The service that was chosen, None when none was; CommandError when it cannot be asked."""
    require_sense(args)
    if not args.tsa_url:
        return None
    from emarge.proof.timestamping.certificates import read_roots
    from emarge.proof.timestamping.errors import TimestampError
    from emarge.proof.timestamping.external_client import PATIENCE, ExternalClient, Service, ServiceError

    try:
        roots, chain = read_roots(Path(args.tsa_roots).read_bytes())
        credential = Path(args.tsa_credential).read_text("ascii").strip() if args.tsa_credential else None
        service = Service(args.tsa_url, roots, chain, args.tsa_policy or None, credential)
        # Beside, nobody waits for it but the vault that stops.
        patience = _BESIDE_PATIENCE if args.tsa_mode == BESIDE else PATIENCE
        client = ExternalClient(service, patience=patience)
        return External(client, args.tsa_mode, int(args.tsa_every or _EVERY))
    except (OSError, UnicodeDecodeError, TimestampError, ServiceError) as error:
        raise CommandError(f"The timestamp service cannot be asked: {error}", code=2) from None
