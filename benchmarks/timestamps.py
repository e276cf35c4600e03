"""Timestamp tokens per CPU-second beside OpenSSL's own loop, then through HTTP.

    PYTHONPATH=src python benchmarks/timestamps.py [--seconds 1.0] [--rounds 5]

OpenSSL is the machine's libcrypto, called through ctypes: TS_RESP_create_response on the same requests, with a key and
certificates of the same kind (the same files). Both run in this process, one thread, alternating, CPU time of the
process. OpenSSL's serial numbers come from its default callback: it is spared the durable reservation that ours does.
Prints a table and, last, one JSON object.
"""

import argparse
import ctypes
import ctypes.util
import hashlib
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx
from cryptography.hazmat.backends.openssl import backend
from cryptography.hazmat.primitives import serialization

from benchmarks.processes import resident
from emarge.proof.timestamping import messages
from emarge.proof.timestamping.authority import Authority, create
from emarge.proof.timestamping.client import TimestampClient
from emarge.proof.timestamping.clock import SystemClock
from emarge.proof.timestamping.tokens import DEMO_POLICY
from emarge.proof.timestamping.verify import verify_token

BATCH = messages.BATCH_LIMIT
SERVE = """
import sys
from pathlib import Path
from emarge.proof.timestamping.server import serve
serve(Path(sys.argv[1]), port=int(sys.argv[2]))
"""


class OpenSsl:
    """The few functions of libcrypto that an authority in C is made of."""

    def __init__(self, folder: Path) -> None:
        name = ctypes.util.find_library("crypto")
        if name is None:
            raise SystemExit("There is no libcrypto on this machine to compare with.")
        self.crypto = ctypes.CDLL(name)
        for function in (
            "OpenSSL_version",
            "BIO_new_mem_buf",
            "d2i_X509_bio",
            "d2i_PrivateKey_bio",
            "TS_RESP_CTX_new",
            "OBJ_txt2obj",
            "EVP_get_digestbyname",
            "TS_RESP_create_response",
        ):
            getattr(self.crypto, function).restype = ctypes.c_void_p
        self.crypto.OpenSSL_version.restype = ctypes.c_char_p
        self.version = self.crypto.OpenSSL_version(0).decode()
        self.context = self._context(folder)

    def _bio(self, data: bytes) -> ctypes.c_void_p:
        return ctypes.c_void_p(self.crypto.BIO_new_mem_buf(data, len(data)))

    def _context(self, folder: Path) -> ctypes.c_void_p:
        crypto = self.crypto
        with Authority.open(folder) as authority:
            certificate = crypto.d2i_X509_bio(self._bio(authority.certificates[0]), None)
        key = serialization.load_pem_private_key((folder / "tsa-key.pem").read_bytes(), password=None)
        der = key.private_bytes(
            serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        private_key = crypto.d2i_PrivateKey_bio(self._bio(der), None)
        sha256 = ctypes.c_void_p(crypto.EVP_get_digestbyname(b"SHA256"))
        policy = ctypes.c_void_p(crypto.OBJ_txt2obj(DEMO_POLICY.encode(), 1))
        context = ctypes.c_void_p(crypto.TS_RESP_CTX_new())
        done = [
            crypto.TS_RESP_CTX_set_signer_cert(context, ctypes.c_void_p(certificate)),
            crypto.TS_RESP_CTX_set_signer_key(context, ctypes.c_void_p(private_key)),
            crypto.TS_RESP_CTX_set_signer_digest(context, sha256),
            crypto.TS_RESP_CTX_set_ess_cert_id_digest(context, sha256),
            crypto.TS_RESP_CTX_set_def_policy(context, policy),
            crypto.TS_RESP_CTX_add_md(context, sha256),
            crypto.TS_RESP_CTX_set_accuracy(context, 0, 500, 0),
            crypto.TS_RESP_CTX_set_clock_precision_digits(context, 6),
        ]
        if done != [1] * len(done):
            raise SystemExit("OpenSSL refused the settings of its authority.")
        return context

    def respond(self, request: bytes) -> bytes:
        """One TimeStampResp, from DER to DER."""
        crypto = self.crypto
        query = self._bio(request)
        response = ctypes.c_void_p(crypto.TS_RESP_create_response(self.context, query))
        crypto.BIO_free(query)
        buffer = ctypes.c_void_p()
        length = crypto.i2d_TS_RESP(response, ctypes.byref(buffer))
        data = ctypes.string_at(buffer, length)
        crypto.CRYPTO_free(buffer, b"", 0)
        crypto.TS_RESP_free(response)
        return data


def requests() -> list[bytes]:
    """A batch like the vault's: other digests, 64-bit nonces."""
    return [messages.build_request(os.urandom(32), nonce=int.from_bytes(os.urandom(8)) | 1 << 63) for _ in range(BATCH)]


def per_cpu_second(batch: Callable[[], object], seconds: float) -> float:
    """Tokens per second of CPU time of this process."""
    start, count = time.process_time(), 0
    while (spent := time.process_time() - start) < seconds:
        batch()
        count += BATCH
    return count / spent


def alternate(folder: Path, openssl: OpenSsl, *, seconds: float, rounds: int) -> tuple[list[float], list[float]]:
    """Both loops in turn on the same requests."""
    clock, ours, theirs = SystemClock(), [], []
    batch = requests()
    with Authority.open(folder) as authority:
        if not messages.read_response(openssl.respond(batch[0])):
            raise SystemExit("OpenSSL gave no token.")
        for _ in range(rounds):
            ours.append(per_cpu_second(lambda: authority.answer(batch, clock.read()), seconds))
            theirs.append(per_cpu_second(lambda: [openssl.respond(request) for request in batch], seconds))
    return ours, theirs


def verified(folder: Path, seconds: float) -> float:
    """Verifications per CPU-second, in one thread."""
    with Authority.open(folder) as authority:
        trust = [authority.root_certificate], authority.certificates
        query = messages.build_request(hashlib.sha256(b"record").digest(), nonce=1)
        token = messages.read_response(authority.answer([query], SystemClock().read())[0])
        return per_cpu_second(lambda: [verify_token(token, b"record", *trust) for _ in range(BATCH)], seconds)


@contextmanager
def server(folder: Path) -> Iterator[tuple[str, int]]:
    """The real server process: its address and its process number."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen([sys.executable, "-c", SERVE, str(folder), str(port)])
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(200):
            try:
                httpx.get(f"{url}/health", trust_env=False)
                break
            except httpx.TransportError:
                time.sleep(0.05)
        yield url, process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def through_http(url: str, credential: str, *, size: int, seconds: float) -> float:
    """Tokens per second of wall time with one client that sends ``size`` digests a call."""
    digests = [os.urandom(32) for _ in range(size)]
    with TimestampClient(url, credential) as client:
        client.stamp(digests)
        start, count = time.perf_counter(), 0
        while (spent := time.perf_counter() - start) < seconds:
            count += len(client.stamp(digests))
    return count / spent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "authority"
        credential = create(folder, name="Benchmark", now=datetime.now(UTC))
        openssl = OpenSsl(folder)
        ours, theirs = alternate(folder, openssl, seconds=options.seconds, rounds=options.rounds)
        checks = verified(folder, options.seconds)
        with server(folder) as (url, process):
            single = through_http(url, credential, size=1, seconds=options.seconds)
            batched = through_http(url, credential, size=BATCH, seconds=options.seconds)
            memory = resident(process)
    mine, other = statistics.median(ours), statistics.median(theirs)
    result = {
        "tokens_per_cpu_second": round(mine),
        "openssl_tokens_per_cpu_second": round(other),
        "ratio": round(mine / other, 2),
        "ratio_per_round": [round(a / b, 2) for a, b in zip(ours, theirs, strict=True)],
        "verifications_per_cpu_second": round(checks),
        "http_single_tokens_per_second": round(single),
        "http_batch_tokens_per_second": round(batched),
        "server_rss_mib": round(memory, 1),
        "openssl_compared": openssl.version,
        "openssl_ours": backend.openssl_version_text(),
    }
    rows = [
        (f"tokens / CPU s, Émarge ({result['openssl_ours']})", f"{mine:,.0f}"),
        (f"tokens / CPU s, TS_RESP_create_response ({openssl.version})", f"{other:,.0f}"),
        ("ratio", f"{mine / other:.2f}"),
        ("verifications / CPU s", f"{checks:,.0f}"),
        ("tokens / s through HTTP, one a call, one client", f"{single:,.0f}"),
        (f"tokens / s through HTTP, {BATCH} a call, one client", f"{batched:,.0f}"),
        ("resident memory of the server, MiB", f"{memory:.1f}"),
    ]
    for label, value in rows:
        print(f"{label:<75} {value:>10}")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
