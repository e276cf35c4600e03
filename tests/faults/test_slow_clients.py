"""Clients that dribble or never read: they hold up nobody, and each process cuts them after its limit.

The limits are shortened to a second in processes of their own; everything else is as it runs.
"""

import json
import secrets
import subprocess
import sys
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import httpx
import pytest

from emarge.cli.timestamping import create_authority
from emarge.proof.vault.log.deposits import Deposit
from emarge.proof.vault.mirror.mirror import create_mirror
from emarge.proof.vault.service.client import VaultClient
from emarge.proof.vault.setup.create import create_vault
from emarge.proof.vault.witness.witness import create_witness
from tests.faults.slow import connect, seconds_until_cut, taken_after_a_rest
from tests.installation import environment
from tests.processes import free_port

pytestmark = pytest.mark.processes
SHORT = """
import sys
from pathlib import Path
from emarge.proof.timestamping import server as timestamping
from emarge.proof.vault import asgi
from emarge.proof.vault.service import server as vault

asgi.BODY_SECONDS = asgi.SEND_SECONDS = timestamping.BODY_SECONDS = 1.0
asgi.HEADER_MILLISECONDS = timestamping.HEADER_MILLISECONDS = 1000
folder, port = Path(sys.argv[1]), int(sys.argv[2])
"""
STARTS = {
    "vault": "vault.serve(folder, port=port, stamp=lambda digests: [digest + b'token' for digest in digests])",
    "mirror": "from emarge.proof.vault.mirror.http import serve; serve(folder, port=port)",
    "witness": "from emarge.proof.vault.witness.http import serve; serve(folder, port=port)",
    "timestamping": "timestamping.serve(folder, port=port)",
}
WEB = """
import sys
from emarge.cli.django_setup import setup
from pathlib import Path

setup(Path(sys.argv[1]), create=True)
from emarge import asgi

asgi.BODY_SECONDS = asgi.SEND_SECONDS = 1.0
asgi.HEADER_MILLISECONDS = 1000
"""
START = "asgi.serve(port=int(sys.argv[2]), with_relay=False)"
A_LARGE_PAGE = """
class Large(asgi.Application):
    def __init__(self):
        super().__init__()
        self._pages = self.large

    async def large(self, scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"20000000")]})
        await send({"type": "http.response.body", "body": bytes(20_000_000)})

asgi.Application = Large
"""


@contextmanager
def served(folder, script):
    port = free_port()
    process = subprocess.Popen([sys.executable, "-c", script, str(folder), str(port)], env=environment())
    try:
        until = time.monotonic() + 60
        while not answers(port):
            assert process.poll() is None
            assert time.monotonic() < until
            time.sleep(0.05)
        yield port
    finally:
        process.terminate()
        process.wait(timeout=30)


def answers(port):
    try:
        return httpx.get(f"http://127.0.0.1:{port}/health", trust_env=False, timeout=5).is_success
    except httpx.HTTPError:
        return False


def head(path, credential, kind="application/json", length=100_000):
    lines = [f"POST {path} HTTP/1.1", "Host: x", f"Content-Type: {kind}", f"Content-Length: {length}"]
    if credential:
        lines.append(f"Authorization: Bearer {credential}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def check_dribblers(port, path, credential, kind="application/json", length=100_000):
    """One that says nothing, one that dribbles its headers, one its body: all are cut, and nobody waits for them."""
    with ThreadPoolExecutor(3) as pool:
        silent = pool.submit(seconds_until_cut, connect(port))
        headers = pool.submit(seconds_until_cut, connect(port), b"GET /health HTTP/1.1\r\nX: ")
        body = connect(port)
        body.sendall(head(path, credential, kind, length))
        bodies = pool.submit(seconds_until_cut, body, b"{")
        time.sleep(0.3)
        began = time.monotonic()
        assert answers(port)
        assert time.monotonic() - began < 1
        assert bodies.result()[1].startswith(b"HTTP/1.1 408")
        for cut in (silent, headers, bodies):
            assert 0.5 < cut.result()[0] < 15
    assert answers(port)


def made(kind, folder):
    """Make it; the credential that may send a body, the path, its media type."""
    if kind == "timestamping":
        create_authority(folder.parent, name="Slow")
        credential = (folder.parent / "credentials/timestamping").read_text().strip()
        return credential, "/", "application/timestamp-query", 8000
    if kind == "vault":
        return create_vault(folder, name="v")["writer"], "/logs/school/deposit", "application/json", 100_000
    create = {"mirror": create_mirror, "witness": create_witness}[kind]
    return create(folder, name=kind)["vault"], "/add-checkpoint", "application/octet-stream", 60_000


@pytest.mark.parametrize("kind", STARTS)
def test_a_client_that_dribbles_is_cut_and_holds_up_nobody(tmp_path, kind):
    folder = tmp_path / kind
    credential, path, media_type, length = made(kind, folder)
    with served(folder, SHORT + STARTS[kind]) as port:
        check_dribblers(port, path, credential, media_type, length)


def test_the_web_cuts_who_dribbles(tmp_path):
    with served(tmp_path, WEB + START) as port:
        check_dribblers(port, "/login", None, "application/x-www-form-urlencoded")


def test_the_web_cuts_who_never_reads(tmp_path):
    with served(tmp_path, WEB + A_LARGE_PAGE + START) as port:
        readers = [connect(port) for _ in range(12)]  # more than there are threads
        for reader in readers:
            reader.sendall(b"GET /any HTTP/1.1\r\nHost: localhost\r\n\r\n")
        time.sleep(0.3)
        assert len(httpx.get(f"http://127.0.0.1:{port}/any", trust_env=False).content) == 20_000_000
        taken = [taken_after_a_rest(reader, 2.5 if reader is readers[0] else 0) for reader in readers]
        assert max(taken) < 10_000_000


def test_readers_that_never_read_are_cut_and_hold_up_nobody(tmp_path):
    credentials = create_vault(tmp_path / "vault", name="v")
    with served(tmp_path / "vault", SHORT + STARTS["vault"]) as port:
        url = f"http://127.0.0.1:{port}"
        with VaultClient(url, credentials["opener"]) as opener:
            opener.open_log("school")
        with VaultClient(url, credentials["writer"]) as writer:
            writer.deposit(
                "school", [Deposit(str(uuid.uuid4()), secrets.token_bytes(45_000), (), b"", b"") for _ in range(90)]
            )
            asked = json.dumps({"indexes": list(range(90)), "want": "entries"}).encode()
            request = head("/logs/school/read", credentials["reader"], length=len(asked)) + asked
            readers = [connect(port) for _ in range(4)]
            for reader in readers:
                reader.sendall(request)
            began = time.monotonic()
            writer.deposit("school", [Deposit(str(uuid.uuid4()), b"not held up", (), b"", b"")])
            assert time.monotonic() - began < 2
            with VaultClient(url, credentials["reader"]) as whole:
                assert len(whole.entries("school", range(91))) == 91
            taken = [taken_after_a_rest(reader, 2.5 if reader is readers[0] else 0) for reader in readers]
            assert max(taken) < 5_000_000  # of 5.4 million
