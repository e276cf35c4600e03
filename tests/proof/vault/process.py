"""A real vault process for the tests, on a port of its own."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx

SOURCES = Path(__file__).parents[3] / "src"
# Tokens are opaque to the log; each one is new, as those of a real authority are.
SERVER = """
import os, sys
from datetime import UTC, datetime
from pathlib import Path
from emarge.proof.vault.errors import StampUnavailable
from emarge.proof.vault.service.server import serve

folder = Path(sys.argv[1])

def stamp(digests):
    if (folder.parent / "no-stamps").exists():
        raise StampUnavailable("told so by the test")
    return [digest + os.urandom(16) for digest in digests]

def now():
    told = folder.parent / "now"
    return datetime.fromisoformat(told.read_text()) if told.exists() else datetime.now(UTC)

serve(folder, port=int(sys.argv[2]), stamp=stamp, now=now)
"""


class Process:
    def __init__(self, folder, script=SERVER, *more):
        self.folder = folder
        self._script, self._more = script, more
        with socket.socket() as chosen:
            chosen.bind(("127.0.0.1", 0))
            self.port = chosen.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.process = None

    def start(self, *under):
        """Start it, under another command if need be, and wait until it answers."""
        self.process = subprocess.Popen(
            [*under, sys.executable, "-c", self._script, str(self.folder), str(self.port), *self._more],
            env={**os.environ, "PYTHONPATH": str(SOURCES)},
        )
        for _ in range(1000):
            try:
                if httpx.get(f"{self.url}/health", trust_env=False).is_success:
                    return self
            except httpx.HTTPError:
                if self.process.poll() is not None:
                    break
                time.sleep(0.01)
        raise RuntimeError(f"the vault process did not start: {self.process.poll()}")

    def kill(self):
        self.process.kill()
        self.process.wait()

    def terminate(self):
        self.process.terminate()
        return self.process.wait(timeout=20)
