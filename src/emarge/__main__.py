"""The ``emarge`` command. Exit codes: 0 done, 1 the answer is no, 2 misused, 3 a process that stays down."""

import argparse
import sys
from importlib import import_module
from importlib.util import find_spec

from emarge import __version__
from emarge.cli.errors import CommandError

# In the order of a newcomer's day. Each module has add_parser(subparsers) and run(args) -> exit code, and imports
# at its top only what the base install holds, so that `emarge verify` runs without the server's packages.
COMMANDS = (
    "run",
    "demo",
    "import_",
    "user",
    "verify",
    "vault",
    "mirror",
    "witness",
    "timestamping",
    "time_",
    "web",
    "relay",
)
_BASE_INSTALL = {"verify"}


def parser() -> argparse.ArgumentParser:
    """The whole command line; ``--help`` is made from it, so it tells what is there."""
    root = argparse.ArgumentParser(
        prog="emarge",
        description="Émarge certifies who was present at a class meeting, with a proof anyone can check offline.",
        epilog="Exit codes: 0 done, 1 the answer is no (the text says why), 2 the command was misused, "
        "3 a process must not be started again before somebody has looked.",
    )
    root.add_argument("--version", action="version", version=f"emarge {__version__}")
    subparsers = root.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name in COMMANDS:
        module = import_module(f"emarge.cli.{name}")
        module.add_parser(subparsers).set_defaults(run=module.run)
    return root


def main(argv: list[str] | None = None) -> int:
    """Run one command and return its exit code."""
    args = parser().parse_args(argv)
    try:
        _require_packages(args.command)
        return int(args.run(args))
    except CommandError as error:
        print(f"emarge: {error}", file=sys.stderr)
        return error.code
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return 1


def _require_packages(command: str) -> None:
    if command not in _BASE_INSTALL and find_spec("django") is None:
        raise CommandError("This command needs the server's packages: pip install 'emarge[server]'.", code=2)


if __name__ == "__main__":
    sys.exit(main())
