"""The mirror from the command line, and the whole journey with it: roll call, signatures, bundle, verdict."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from emarge.cli.run import addresses_file
from tests.cli.commands import emarge
from tests.processes import free_port

pytestmark = pytest.mark.processes
SOURCES = Path(__file__).parents[2] / "src"


@contextmanager
def running(data, *words):
    """``emarge run`` on a free port; stopped at the end."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("EMARGE", "DJANGO"))}
    command = [sys.executable, "-m", "emarge", "run", "--data", str(data), "--port", str(free_port()), *words]
    with subprocess.Popen(
        command, env={**environment, "PYTHONPATH": str(SOURCES)}, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            until = time.monotonic() + 60
            while not addresses_file(data).exists():
                assert process.poll() is None
                assert time.monotonic() < until
                time.sleep(0.05)
            yield json.loads(addresses_file(data).read_text(encoding="utf-8"))
        finally:
            process.terminate()
            process.communicate(timeout=60)


def pid_of(data, *words):
    """The process of ours that was started with these words for this folder."""
    wanted = [*words, "--data", str(data)]
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().decode().split("\x00")
        except OSError:
            continue
        if line[3 : 3 + len(wanted)] == wanted:
            return int(path.parent.name)
    raise LookupError(words)


def play(data, bundle):
    code, out, err = emarge("demo", "play", bundle, "--data", data)
    assert (code, err) == (0, "")
    return re.search(r"Fingerprint to trust: ([0-9a-f]{64})", out)[1]


def test_the_whole_journey_with_a_mirror_that_dies_on_the_way(tmp_path):
    data = tmp_path / "school"
    assert emarge("demo", "--data", data)[0] == 0
    with running(data) as addresses:
        assert sorted(addresses) == ["timestamping", "vault", "web"]
        before = play(data, tmp_path / "before.zip")
    with running(data, "--mirror") as addresses:
        assert sorted(addresses) == ["mirror", "timestamping", "vault", "web"]
        mirrored = play(data, tmp_path / "mirrored.zip")
        os.kill(pid_of(data, "mirror", "serve"), signal.SIGKILL)
        assert play(data, tmp_path / "after.zip") == mirrored
    with running(data) as addresses:
        assert httpx.get(f"{addresses['vault']}/health", trust_env=False).json()["mirror"] in {"held", "behind"}
    assert before != mirrored
    checks = [("before", before), ("mirrored", mirrored), ("after", mirrored)]
    required = [
        emarge("verify", tmp_path / f"{name}.zip", "--trust", trust, "--require-mirror") for name, trust in checks
    ]
    assert [code for code, _, _ in required] == [1, 0, 0]
    assert "No mirror vouches for this bundle, and you require one." in required[0][1]
    assert required[1][1].count("emarge-mirror holds them too; cosigned") == 1
    assert emarge("verify", tmp_path / "before.zip", "--trust", before)[0] == 0
    held, kept = (emarge(place, "check", "--data", data)[1] for place in ("mirror", "vault"))
    roots = [re.findall(r"root ([0-9a-f]{64})", text) for text in (held, kept)]
    assert (len(roots[0]), roots[0]) == (1, roots[1])


def test_a_mirror_is_made_once_and_told_to_a_vault(tmp_path):
    code, out, _ = emarge("mirror", "create", "--data", tmp_path / "second", "--name", "mirror.example")
    vkey = out.splitlines()[-1]
    assert (code, vkey.partition("+")[0]) == (0, "mirror.example")
    assert (tmp_path / "second/credentials/mirror-vault").stat().st_mode & 0o777 == 0o600
    code, _, err = emarge("mirror", "create", "--data", tmp_path / "second")
    assert (code, err) == (
        1,
        f"emarge: {tmp_path / 'second/mirror'} exists already: a mirror is never made over another.\n",
    )
    emarge("vault", "create", "--data", tmp_path / "first")
    code, out, _ = emarge("vault", "mirror", "--data", tmp_path / "first", "--vkey", vkey, "--policy", "degraded")
    assert (code, out) == (
        0,
        "The vault hands every checkpoint to mirror.example from its next start on (degraded).\n",
    )
    assert json.loads((tmp_path / "first/vault/mirror.json").read_bytes()) == {"policy": "degraded", "vkey": vkey}


def test_what_is_missing_is_said(tmp_path):
    emarge("vault", "create", "--data", tmp_path)
    missing = f"emarge: There is no mirror in {tmp_path}. Make one: emarge mirror create --data {tmp_path}\n"
    assert emarge("vault", "mirror", "--data", tmp_path) == (1, "", missing)
    assert emarge("mirror", "check", "--data", tmp_path) == (1, "", missing)
    assert emarge("mirror", "serve", "--data", tmp_path, "--port", free_port()) == (1, "", missing)
    refused = "emarge: The mirror was not set: the verifier key is not <origin>+<key id>+<key>\n"
    assert emarge("vault", "mirror", "--data", tmp_path, "--vkey", "nonsense") == (1, "", refused)
