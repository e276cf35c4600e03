import argparse
import socket
from importlib import import_module
from pathlib import Path

from emarge.cli.errors import CommandError


def add_data(parser: argparse.ArgumentParser) -> None:
    """The data folder, the same option in every command that has one."""
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="the data folder of this installation")


def port(text: str) -> int:
    """A TCP port for argparse."""
    number = int(text) if text.isascii() and text.isdigit() else 0
    if not 1 <= number <= 65535:  # noqa: PLR2004 - the range of TCP ports
        raise argparse.ArgumentTypeError(f"{text!r} is not a port: a number from 1 to 65535")
    return number


def require_free(number: int) -> None:
    """CommandError when something listens on a port: granian would share it, and each request go to either."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", number))
        except OSError:
            raise CommandError(f"Port {number} is taken by another program. Choose another one: --port N.") from None


def require_packages(name: str, *, extra: str) -> None:
    """CommandError when a package of an extra is not installed."""
    try:
        import_module(name)
    except ImportError:
        raise CommandError(f"This needs more packages: pip install 'emarge[server,{extra}]'.", code=2) from None


def credential(data: Path, name: str) -> str:
    """The secret that this machine presents to another process; CommandError says where it was looked for."""
    path = data / "credentials" / name
    if not path.exists():
        raise CommandError(f"There is no credential {path}: it is written when the vault or the authority is created.")
    return path.read_text(encoding="ascii").strip()
