"""`emarge relay` as a process of its own, beside a web process that leaves the delivery to it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.processes import proof_servers

pytestmark = pytest.mark.processes

_ROOT = Path(__file__).parent.parent.parent
_RECORD = """
from pathlib import Path
from emarge.cli.django_setup import setup
setup(Path({data!r}), create=True)
from tests.audit.events import happen
happen("log-cli", 3)
"""
_WAITING = """
from pathlib import Path
from emarge.cli.django_setup import setup
setup(Path({data!r}))
from emarge.audit.queries import waiting_count
print(waiting_count())
"""


@pytest.fixture(scope="module")
def servers(tmp_path_factory):
    with proof_servers(tmp_path_factory.mktemp("relay") / "data") as servers:
        yield servers


def _environment(servers):
    kept = {key: value for key, value in os.environ.items() if key != "DJANGO_SETTINGS_MODULE"}
    return {**kept, **servers.environment, "PYTHONPATH": f"{_ROOT / 'src'}{os.pathsep}{_ROOT}"}


def _python(servers, code):
    code = code.format(data=str(servers.data))
    return subprocess.run(
        [sys.executable, "-c", code], env=_environment(servers), check=True, capture_output=True, text=True
    ).stdout.strip()


def _command(servers, *options):
    return [sys.executable, "-m", "emarge", "relay", "--data", str(servers.data), *options]


def _once(servers):
    return subprocess.run(
        _command(servers, "--once"), env=_environment(servers), capture_output=True, text=True, check=False
    )


def test_once_delivers_what_waits_and_says_what_remains(servers):
    _python(servers, _RECORD)
    servers.vault.stop()
    refused = _once(servers)
    assert (refused.returncode, refused.stdout.splitlines()[-1]) == (1, "3 records wait.")
    servers.vault.start()
    done = _once(servers)
    assert (done.returncode, done.stdout) == (0, "0 records wait.\n")


def test_it_runs_until_it_is_asked_to_stop(servers):
    with subprocess.Popen(_command(servers), env=_environment(servers)) as process:
        _python(servers, _RECORD)
        until = time.monotonic() + 60
        while _python(servers, _WAITING) != "0":
            assert time.monotonic() < until
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0


def test_without_a_base_it_says_so(tmp_path):
    command = [sys.executable, "-m", "emarge", "relay", "--data", str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": str(_ROOT / "src")}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, "There is no base" in done.stderr) == (1, True)
