"""Shared by the tests of timestamping: an authority made at a known instant, its server as a real process."""

import hashlib
import os
import signal
import socket
import subprocess
import sys
import time
from datetime import UTC, datetime

import httpx
import pytest

from emarge.proof.timestamping import messages
from emarge.proof.timestamping.authority import Authority, create

SERVE = """
import sys
from pathlib import Path
from emarge.proof.timestamping.server import serve
serve(Path(sys.argv[1]), port=int(sys.argv[2]))
"""


@pytest.fixture
def now():
    return datetime(2026, 11, 23, 8, 30, 0, 250000, tzinfo=UTC)


@pytest.fixture
def folder(tmp_path, now):
    create(tmp_path / "timestamping", name="Émarge", now=now)
    return tmp_path / "timestamping"


@pytest.fixture
def authority(folder):
    with Authority.open(folder) as opened:
        yield opened


@pytest.fixture
def stamp(authority, now):
    """A function: the token of some bytes."""

    def stamped(data, *, at=now, nonce=2**63 + 5):
        request = messages.build_request(hashlib.sha256(data).digest(), nonce=nonce)
        return messages.read_response(authority.respond(request, now=at))

    return stamped


@pytest.fixture
def openssl(tmp_path):
    """A function: runs the openssl command, says its exit code and what it printed."""

    def run(*arguments):
        done = subprocess.run(
            ["openssl", *map(str, arguments)],
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
            env={"PATH": os.environ["PATH"], "OPENSSL_CONF": os.devnull},
        )
        return done.returncode, done.stdout

    return run


class Served:
    """A real server process over a new authority."""

    def __init__(self, folder):
        self.folder = folder
        self.credential = create(folder, name="Émarge", now=datetime.now(UTC))
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.process = None

    def start(self):
        self.process = subprocess.Popen([sys.executable, "-c", SERVE, str(self.folder), str(self.port)])
        for _ in range(200):
            try:
                return httpx.get(f"{self.url}/health", trust_env=False)
            except httpx.TransportError:
                assert self.process.poll() is None
                time.sleep(0.05)
        raise AssertionError("the server does not answer")

    def stop(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        return self.process.wait(timeout=20)


@pytest.fixture(scope="session")
def served(tmp_path_factory):
    server = Served(tmp_path_factory.mktemp("served") / "timestamping")
    server.start()
    yield server
    server.stop()
