"""`emarge time status`: what a terminal is told of the clock, and the exit code that a script asks for."""

import json
import os
import subprocess
import sys
import time
from datetime import UTC, datetime

import httpx
import pytest

from emarge.__main__ import main
from emarge.cli.run import addresses_file
from emarge.cli.timestamping import create_authority
from tests.processes import Server, free_port, start_timestamping
from tests.proof.timestamping.receivers import Chronyd, Gpsd, NtpServer

pytestmark = pytest.mark.processes


@pytest.fixture(autouse=True)
def unset(monkeypatch):
    monkeypatch.delenv("EMARGE_TIMESTAMP_URL", raising=False)


def test_the_embedded_default_says_what_it_is(tmp_path, capsys):
    create_authority(tmp_path, name="Émarge")
    server = start_timestamping(tmp_path)
    addresses_file(tmp_path).parent.mkdir()
    addresses_file(tmp_path).write_text(json.dumps({"timestamping": server.url}))
    try:
        assert main(["time", "status", "--data", str(tmp_path)]) == 0
        told = capsys.readouterr().out
        assert main(["time", "status", "--url", server.url, "--json"]) == 0
    finally:
        assert server.stop() == 0
    assert "State    in sync: the system clock is declared trusted" in told
    assert "quartz and system clock only: demonstration policy" in told
    assert "Tokens   given; 0 given, 0 refused since" in told
    assert json.loads(capsys.readouterr().out)["state"] == "in sync"
    assert main(["time", "status", "--data", str(tmp_path)]) == 1
    assert "does not answer" in capsys.readouterr().err


def test_sources_that_are_not_heard_yet_and_one_that_lies(tmp_path, capsys):
    """Not in sync at first: exit code 1. In sync with the liar named: 0."""
    gpsd, ntp = Gpsd().start(), NtpServer()
    chronyd = Chronyd(tmp_path / "chronyd", ntp).start()
    create_authority(tmp_path / "data", name="Émarge")
    where = ["--gpsd", f"127.0.0.1:{gpsd.port}", "--chronyd", chronyd.address]
    how = ["--gps-lag-ms", "300", "--accuracy-ms", "250"]
    server = Server(["timestamping", "serve", "--data", str(tmp_path / "data"), *where, *how], free_port())
    try:
        gpsd.hang()
        chronyd.hang()
        server.process = _start(server)
        assert main(["time", "status", "--url", server.url]) == 1
        assert "NOT given: records wait" in capsys.readouterr().out
        gpsd.go_on()
        chronyd.go_on()
        _until(lambda: main(["time", "status", "--url", server.url]) == 0)
        gpsd.lie = 3.0
        capsys.readouterr()
        _until(lambda: main(["time", "status", "--url", server.url]) == 0 and "EXCLUDED" in capsys.readouterr().out)
        assert main(["time", "status", "--url", server.url]) == 0
        rows = {line.split()[0]: line for line in capsys.readouterr().out.splitlines() if line}
    finally:
        server.kill()
        gpsd.kill()
        chronyd.kill()
        ntp.stop()
    assert rows["gps"].split()[1] == "EXCLUDED"
    assert "+2" in rows["gps"] or "+3" in rows["gps"]
    assert rows["internet"].split()[1] == rows["quartz"].split()[1] == "heard"
    assert rows["Policy"].startswith("Policy   three sources compared")
    assert datetime.strptime(rows["Until"][9:32], "%Y-%m-%d %H:%M:%S UTC").replace(tzinfo=UTC) > datetime.now(UTC)


def test_it_says_what_it_lacks(tmp_path, capsys):
    assert main(["time", "status"]) == 2
    assert "--data DIR or --url URL" in capsys.readouterr().err
    assert main(["time", "status", "--data", str(tmp_path)]) == 1
    assert "Nothing runs in" in capsys.readouterr().err


def _start(server):
    """Start it without waiting for a good clock: its /health answers 503 until then."""
    command = [sys.executable, "-m", "emarge", *server.arguments, "--port", str(server.port)]
    process = subprocess.Popen(command, env={**os.environ, **server.environment})
    end = time.monotonic() + 60
    while True:
        assert time.monotonic() < end
        try:
            httpx.get(f"{server.url}/health", trust_env=False)
        except httpx.HTTPError:
            time.sleep(0.05)
        else:
            return process


def _until(condition):
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.1)
