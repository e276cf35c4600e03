"""The ``emarge`` command where only the base install is: what it says, and its exit codes."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import cryptography
import pytest

from emarge.__main__ import COMMANDS

Bare = Callable[..., subprocess.CompletedProcess[str]]
SRC = Path(__file__).parent.parent / "src"


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Bare:
    """The command in an interpreter that finds the base install's packages, and no other."""
    packages = tmp_path_factory.mktemp("base-install")
    for installed in Path(cryptography.__file__).parent.parent.iterdir():
        if re.match(r"cryptography|cffi|_cffi|pycparser", installed.name):
            (packages / installed.name).symlink_to(installed)
    start = f"import sys; sys.path[:0] = [{str(SRC)!r}, {str(packages)!r}]; "
    code = start + "from emarge.__main__ import main; sys.exit(main(sys.argv[1:]))"

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-I", "-S", "-c", code, *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    return run


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_tells_its_use_in_any_install(bare, name) -> None:
    answer = bare(name.strip("_"), "--help")
    assert (answer.returncode, answer.stderr) == (0, "")
    assert answer.stdout.startswith(f"usage: emarge {name.strip('_')} ")


@pytest.mark.parametrize(
    "arguments",
    [
        ["run", "--data", "nowhere"],
        ["demo", "--data", "nowhere"],
        ["demo", "play", "out.zip", "--data", "nowhere"],
        ["import", "students.csv", "--data", "nowhere"],
        ["vault", "create", "--data", "nowhere"],
        ["mirror", "create", "--data", "nowhere"],
        ["timestamping", "create", "--data", "nowhere"],
        ["web", "--data", "nowhere", "--port", "8000"],
        ["relay", "--data", "nowhere"],
    ],
)
def test_without_the_servers_packages_a_command_says_what_to_install(bare, arguments) -> None:
    answer = bare(*arguments)
    assert (answer.returncode, answer.stdout, answer.stderr) == (
        2,
        "",
        "emarge: This command needs the server's packages: pip install 'emarge[server]'.\n",
    )


def test_an_unknown_command_is_misuse(bare) -> None:
    assert bare("frobnicate").returncode == 2
