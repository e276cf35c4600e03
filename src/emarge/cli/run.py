import argparse
import fcntl
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from emarge.cli import timestamp_service
from emarge.cli.arguments import add_data, port, require_free
from emarge.cli.errors import CommandError

if TYPE_CHECKING:
    from emarge.cli.parsers import Subparsers
    from emarge.cli.supervisor import Child

DEFAULT_PORT = 8000


def add_parser(subparsers: "Subparsers") -> argparse.ArgumentParser:
    parser = subparsers.add_parser("run", help="start everything on this machine: web, vault and timestamp authority")
    parser.add_argument(
        "--port", type=port, default=DEFAULT_PORT, help="the web port on loopback (default: %(default)s)"
    )
    parser.add_argument(
        "--mirror",
        action="store_true",
        help="make a mirror of the vault beside it when there is none; once made, it is started every time",
    )
    parser.add_argument(
        "--witness",
        action="store_true",
        help="make a witness of the vault beside it when there is none; once made, it is started every time",
    )
    timestamp_service.add_options(parser)
    add_data(parser)
    return parser


def run(args: argparse.Namespace) -> int:
    data: Path = args.data
    timestamp_service.require_sense(args)
    _require(data)
    from emarge.cli.django_setup import setup
    from emarge.cli.supervisor import Supervisor

    with _alone(data):
        setup(data)  # migrations once, before the processes share the base
        if args.mirror and not (data / "mirror").exists():
            _make_mirror(data)
        if args.witness and not (data / "witness").exists():
            _make_witness(data)
        children = _children(data, args.port, timestamp_service.environment(args))
        supervisor = Supervisor(children)
        try:
            supervisor.start()
            _write_addresses(data, children)
            _greet(data, children[-1].url)
            supervisor.watch()
        finally:
            supervisor.stop()
            addresses_file(data).unlink(missing_ok=True)
    return 0


def addresses_file(data: Path) -> Path:
    """Where a running installation says at which addresses its processes answer."""
    return data / "run" / "addresses.json"


def _require(data: Path) -> None:
    if not (data / "web" / "secret-key").exists():
        raise CommandError(
            f"There is no base in {data}. Make one with `emarge demo --data {data}` "
            f"or `emarge import FILE… --data {data}`."
        )
    if not (data / "vault").exists():
        raise CommandError(
            f"There is no vault in {data}: it is only ever made on purpose. Make it: emarge vault create --data {data}"
        )


def _make_mirror(data: Path) -> None:
    from emarge.cli.mirror import create_mirror
    from emarge.cli.vault import set_mirror

    set_mirror(data, create_mirror(data, name="emarge-mirror"), "sync")


def _make_witness(data: Path) -> None:
    from emarge.cli.vault import add_witness
    from emarge.cli.witness import create_witness

    add_witness(data, create_witness(data, name="emarge-witness"))


@contextmanager
def _alone(data: Path) -> Iterator[None]:
    """Hold the installation: two sets of processes over one folder would write past each other."""
    (data / "run").mkdir(exist_ok=True, mode=0o700)
    with (data / "run" / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CommandError(f"{data} is already running. Stop the other `emarge run` first.") from None
        yield


def _children(data: Path, web_port: int, given: "dict[str, str]") -> "list[Child]":
    from emarge.cli.supervisor import Child

    require_free(web_port)
    # A flag that had to be repeated would be forgotten one day, and the vault would wait for a mirror not started.
    cosigning = {name: _free_port() for name in ("mirror", "witness") if (data / name).exists()}
    ports = {"timestamping": _free_port(), **cosigning, "vault": _free_port(), "web": web_port}
    urls = {name: f"http://127.0.0.1:{number}" for name, number in ports.items()}
    environment = given | {"EMARGE_VAULT_URL": urls["vault"], "EMARGE_TIMESTAMP_URL": urls["timestamping"]}
    if "mirror" in cosigning:
        environment["EMARGE_MIRROR_URL"] = urls["mirror"]
    if "witness" in cosigning:
        from emarge.cli.witness import witness_vkey

        name = witness_vkey(data).partition("+")[0]
        others = os.environ.get("EMARGE_WITNESS_URLS", "")  # on other machines
        environment["EMARGE_WITNESS_URLS"] = f"{others} {name}={urls['witness']}"
    arguments = {name: [name, "serve"] for name in ports} | {"web": ["web"]}
    return [
        Child(name, [*arguments[name], "--data", str(data), "--port", str(number)], urls[name], environment)
        for name, number in ports.items()
    ]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _write_addresses(data: Path, children: "list[Child]") -> None:
    text = json.dumps({child.name: child.url for child in children})
    temporary = addresses_file(data).with_suffix(".tmp")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(addresses_file(data))


def _greet(data: Path, url: str) -> None:
    print(f"\nÉmarge answers at {url}   (Ctrl+C stops it)")
    logins = data / "demo-logins.txt"
    if logins.exists():
        print(f"\nLogins of the demo school (kept in {logins}):\n{logins.read_text(encoding='utf-8')}")
        print(f"Ten-second tour, in another terminal:  {_emarge()} demo play bundle.zip --data {data}")
    print(flush=True)


def _emarge() -> str:
    return ".venv/bin/emarge" if Path(".venv/bin/emarge").exists() and "VIRTUAL_ENV" not in os.environ else "emarge"
