import argparse
import os
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING

from emarge.cli.arguments import add_data, port
from emarge.cli.errors import CommandError

if TYPE_CHECKING:
    from emarge.cli.parsers import Subparsers
    from emarge.proof.timestamping.comparison import Schedule
    from emarge.proof.timestamping.sources import Source

_IPV6 = 6
_MOST_MILLISECONDS = 1000


def add_parser(subparsers: "Subparsers") -> argparse.ArgumentParser:
    parser = subparsers.add_parser("timestamping", help="create or start the timestamp authority (RFC 3161)")
    commands = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    create = commands.add_parser("create", help="make the authority's keys and certificates, once")
    create.add_argument("--name", default="Émarge", help="the name in the certificates")
    create.add_argument(
        "--root-key", type=Path, metavar="FILE", help="where to write the root's key, to be kept off this machine"
    )
    add_data(create)
    rotate = commands.add_parser("rotate", help="sign with a new key from the next start on; former tokens stay valid")
    rotate.add_argument(
        "--root-key", type=Path, metavar="FILE", help="where the root's key is (default: in the authority's folder)"
    )
    add_data(rotate)
    serve = commands.add_parser("serve", help="start the authority alone, on loopback")
    serve.add_argument("--port", type=port, required=True)
    _add_sources(serve)
    add_data(serve)
    return parser


def run(args: argparse.Namespace) -> int:
    if args.action == "create":
        create_authority(args.data, name=args.name, root_key=args.root_key)
        print(f"The timestamp authority is in {args.data / 'timestamping'}. Keep its keys: without them no new stamp.")
        return 0
    if args.action == "rotate":
        return _rotate(args.data, args.root_key)
    return _serve(args)


def _serve(args: argparse.Namespace) -> int:
    from emarge.cli.ending import STAYS_DOWN
    from emarge.proof.timestamping.errors import AuthorityError, AuthorityInUse
    from emarge.proof.timestamping.server import serve

    try:
        serve(args.data / "timestamping", port=args.port, sources=_sources(args), schedule=_schedule(args))
    except AuthorityInUse as error:
        raise CommandError(str(error)) from None
    except AuthorityError as error:
        raise CommandError(
            f"THE TIMESTAMP AUTHORITY STAYS DOWN until somebody has looked: {error}", code=STAYS_DOWN
        ) from error
    except OSError as error:
        raise CommandError(
            f"The timestamp authority stops, because its disk is full, read-only or failing: {error}"
        ) from error
    return 0


def _add_sources(parser: argparse.ArgumentParser) -> None:
    """What the time is compared with. The environment serves `emarge run`, which starts this process."""
    parser.add_argument(
        "--gpsd",
        type=_host_and_port,
        default=os.environ.get("EMARGE_GPSD"),
        metavar="HOST:PORT",
        help="a GPS receiver behind gpsd (EMARGE_GPSD); with --chronyd, never alone",
    )
    parser.add_argument(
        "--chronyd",
        type=_socket_or_address,
        default=os.environ.get("EMARGE_CHRONYD"),
        metavar="SOCKET|IP:PORT",
        help="internet time measured by chronyd (EMARGE_CHRONYD); with --gpsd, never alone",
    )
    parser.add_argument(
        "--accuracy-ms",
        type=_milliseconds,
        default=os.environ.get("EMARGE_ACCURACY_MS", "100"),
        metavar="MS",
        help="the declared accuracy, which no token exceeds: 1 to 1000 (EMARGE_ACCURACY_MS; default: 100)",
    )
    parser.add_argument(
        "--gps-lag-ms",
        type=_milliseconds,
        default=os.environ.get("EMARGE_GPS_LAG_MS", "600"),
        metavar="MS",
        help="how late a receiver without a pulse per second may report (EMARGE_GPS_LAG_MS; default: 600)",
    )


def _sources(args: argparse.Namespace) -> "list[Source]":
    if args.gpsd is None and args.chronyd is None:
        return []
    if args.gpsd is None or args.chronyd is None:
        raise CommandError("One source can be compared with no other: give both --gpsd and --chronyd, or neither.")
    from emarge.proof.timestamping.chronyd import ChronydSource
    from emarge.proof.timestamping.gpsd import GpsdSource

    host, gpsd_port = args.gpsd
    return [GpsdSource(host, gpsd_port, lag=args.gps_lag_ms), ChronydSource(args.chronyd)]


def _schedule(args: argparse.Namespace) -> "Schedule":
    from emarge.proof.timestamping.comparison import Schedule

    return Schedule(accuracy=args.accuracy_ms)


def _host_and_port(text: str) -> tuple[str, int]:
    host, separator, number = text.rpartition(":")
    if not separator or not host:
        raise argparse.ArgumentTypeError(f"{text!r} is not HOST:PORT")
    return host.removeprefix("[").removesuffix("]"), port(number)


def _socket_or_address(text: str) -> str:
    if text.startswith("/"):
        return text
    host, number = _host_and_port(text)
    try:
        address = ip_address(host)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is neither the path of a socket nor IP:PORT") from None
    return f"[{address}]:{number}" if address.version == _IPV6 else f"{address}:{number}"


def _milliseconds(text: str) -> timedelta:
    number = int(text) if text.isascii() and text.isdigit() else 0
    if not 1 <= number <= _MOST_MILLISECONDS:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of milliseconds from 1 to {_MOST_MILLISECONDS}")
    return timedelta(milliseconds=number)


def _rotate(data: Path, root_key: Path | None) -> int:
    from emarge.proof.timestamping import rotation
    from emarge.proof.timestamping.errors import AuthorityError

    try:
        signer = rotation.rotate(data / "timestamping", now=datetime.now(UTC), root_key=root_key)
        _, listed = rotation.read_certificates(data / "timestamping")
    except AuthorityError as error:
        raise CommandError(str(error)) from None
    print(f"A new key signs from the next start on, until {signer.not_valid_after_utc:%F}. Certificates, newest first:")
    for one in listed:
        print(f"  {one.serial_number:x}  {one.not_valid_before_utc:%F} – {one.not_valid_after_utc:%F}")
    return 0


def create_authority(data: Path, *, name: str, root_key: Path | None = None) -> None:
    """Make an authority in the data folder and keep its client credential; CommandError when there is one."""
    from emarge.lib.files import write_secret
    from emarge.proof.timestamping import authority
    from emarge.proof.timestamping.errors import AuthorityError

    folder = data / "timestamping"
    if folder.exists():
        raise CommandError(f"{folder} exists already: an authority is never made over another.")
    data.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        credential = authority.create(folder, name=name, now=datetime.now(UTC), root_key=root_key)
    except (AuthorityError, OSError) as error:
        raise CommandError(f"The authority was not made: {error}") from None
    (data / "credentials").mkdir(exist_ok=True, mode=0o700)
    write_secret(data / "credentials" / "timestamping", credential)
