"""The real vault and timestamp server, as processes of their own on free ports of loopback."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from emarge.cli.vault import create_vault

_STARTS_WITHIN = 60.0  # seconds: what a busy machine may need
_SOURCES = Path(__file__).parent.parent / "src"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Server:
    """One process of ours; ``start`` again after ``stop`` or ``kill`` answers at the same address."""

    arguments: list[str]
    port: int
    environment: dict[str, str] = field(default_factory=dict)
    module: str = "emarge"
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> "Server":
        """Start it, and wait until its /health answers."""
        self.process = subprocess.Popen(
            [sys.executable, "-m", self.module, *self.arguments, "--port", str(self.port)],
            env={**os.environ, "PYTHONPATH": str(_SOURCES), **self.environment},
        )
        until = time.monotonic() + _STARTS_WITHIN
        while not self._answers():
            assert self.process.poll() is None, f"{self.arguments} stopped at its start"
            assert time.monotonic() < until, f"{self.arguments} does not answer"
            time.sleep(0.05)
        return self

    def stop(self) -> int:
        """Ask it to stop, and give its exit code."""
        return self._end(signal.SIGTERM)

    def kill(self) -> int:
        """Kill it at once."""
        return self._end(signal.SIGKILL)

    def _end(self, number: int) -> int:
        if self.process is None:
            return 0
        self.process.send_signal(number)
        code = self.process.wait(timeout=30)
        self.process = None
        return code

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/health", timeout=2, trust_env=False).is_success
        except httpx.HTTPError:
            return False


@dataclass
class Servers:
    """Vault and timestamp server over one data folder, made with their credentials."""

    data: Path
    timestamping: Server
    vault: Server

    @property
    def environment(self) -> dict[str, str]:
        """What a process of the application needs to find them."""
        return {"EMARGE_DATA": str(self.data), "EMARGE_VAULT_URL": self.vault.url}

    def stop(self) -> None:
        for server in (self.vault, self.timestamping):
            server.stop()


def start_timestamping(data: Path) -> Server:
    """Start the timestamp server of a data folder."""
    return Server(["timestamping", "serve", "--data", str(data)], free_port()).start()


def start_vault(data: Path, timestamping: Server, given: dict[str, str] | None = None) -> Server:
    """Start the vault of a data folder, which gets its tokens from a timestamp server; ``given`` is environment."""
    environment = {"EMARGE_TIMESTAMP_URL": timestamping.url, **(given or {})}
    return Server(["vault", "serve", "--data", str(data)], free_port(), environment).start()


@contextmanager
def proof_servers(data: Path) -> Iterator[Servers]:
    """Make a vault and an authority in a new data folder and run both."""
    create_vault(data, name="emarge-test")
    timestamping = start_timestamping(data)
    try:
        servers = Servers(data, timestamping, start_vault(data, timestamping))
        try:
            yield servers
        finally:
            servers.vault.stop()
    finally:
        timestamping.stop()
