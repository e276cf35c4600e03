"""Deposits per second through HTTP into a real vault with a real timestamp authority, both processes of their own.

Run: ``python -m benchmarks.vault [--seconds N]``. The yardstick of the same run is what the disk allows at best: a
plain append and fdatasync per 100 records of the same size. Prints a table and, last, one JSON object.
"""

import argparse
import asyncio
import base64
import json
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path

import httpx

from benchmarks.http_load import Connection
from emarge.proof.timestamping import authority
from emarge.proof.vault import mirroring
from emarge.proof.vault.check import check_vault
from emarge.proof.vault.client import VaultClient
from emarge.proof.vault.create import create_vault
from emarge.proof.vault.mirror import create_mirror, vkey_of

LOG = "benchmark"
PAYLOAD = 600  # bytes: a record
CONTENT = 3_400  # bytes: a drawn signature
BATCH = 100
# (clients, deposits a request); the last one is a relay that catches up
LOADS = ((1, 1), (16, 1), (64, 1), (128, 1), (1, 100))


def body(count: int) -> bytes:
    """A request of ``count`` new records with contents."""
    deposits = [
        {
            "uuid": str(uuid.uuid4()),
            "payload": base64.b64encode(secrets.token_bytes(PAYLOAD)).decode(),
            "labels": [f"meeting:{uuid.uuid4()}", f"student:{secrets.token_hex(32)}"],
            "content": base64.b64encode(secrets.token_bytes(CONTENT)).decode(),
            "content_key": base64.b64encode(secrets.token_bytes(32)).decode(),
        }
        for _ in range(count)
    ]
    return json.dumps({"deposits": deposits}).encode()


async def load(url: str, credential: str, clients: int, size: int, seconds: float) -> tuple[float, list[float]]:
    """Deposits per second over the run, and the time of each request in milliseconds, sorted."""
    headers = f"Authorization: Bearer {credential}\r\n"
    times: list[float] = []
    until = time.perf_counter() + seconds

    async def client() -> None:
        connection = Connection(url)
        while (start := time.perf_counter()) < until:
            status, answer = await connection.request("POST", f"/logs/{LOG}/deposit", headers=headers, body=body(size))
            if status != 200:
                raise RuntimeError(f"the vault answered {status}: {answer!r}")
            times.append((time.perf_counter() - start) * 1000)
        connection.close()

    began = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(clients)))
    return len(times) * size / (time.perf_counter() - began), sorted(times)


def yardstick(folder: Path, entry: int, seconds: float) -> float:
    """Records per second of a plain append and fdatasync per 100 records of ``entry`` bytes."""
    descriptor = os.open(folder / "yardstick", os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
    data, batches = secrets.token_bytes(entry * BATCH), 0
    began = time.perf_counter()
    while time.perf_counter() - began < seconds:
        os.write(descriptor, data)
        os.fdatasync(descriptor)
        batches += 1
    os.close(descriptor)
    return batches * BATCH / (time.perf_counter() - began)


def resident(process: "subprocess.Popen[bytes]") -> float:
    """Memory of a process in MiB (RSS)."""
    for line in Path(f"/proc/{process.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("the process is gone")


def processor(process: "subprocess.Popen[bytes]") -> float:
    """Processor seconds that a process used."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def started(data: Path, part: str, environment: dict[str, str]) -> Iterator[tuple["subprocess.Popen[bytes]", str]]:
    """A real process of the product, ready; its address."""
    with socket.socket() as chosen:
        chosen.bind(("127.0.0.1", 0))
        port = chosen.getsockname()[1]
    command = [sys.executable, "-m", "emarge", part, "serve", "--data", str(data), "--port", str(port)]
    process = subprocess.Popen(command, env={**os.environ, **environment})
    url = f"http://127.0.0.1:{port}"
    try:
        while True:
            try:
                httpx.get(f"{url}/health", trust_env=False).raise_for_status()
                break
            except httpx.HTTPError:
                if process.poll() is not None:
                    raise RuntimeError(f"the {part} process stopped at its start") from None
                time.sleep(0.02)
        yield process, url
    finally:
        process.terminate()
        process.wait(timeout=20)


def prepare(data: Path) -> dict[str, str]:
    """A vault and an authority; the vault's credentials."""
    (data / "credentials").mkdir()
    stamping = authority.create(data / "timestamping", name="Benchmark", now=datetime.now(UTC))
    (data / "credentials" / "timestamping").write_text(stamping)
    return create_vault(data / "vault", name="benchmark.example")


@contextmanager
def mirrored(data: Path) -> Iterator[dict[str, str]]:
    """A mirror of the vault in a process of its own; what the vault's environment needs to find it."""
    for role, credential in create_mirror(data / "mirror", name="mirror.example").items():
        (data / "credentials" / f"mirror-{role}").write_text(credential)
    mirroring.configure(data / "vault", mirroring.Mirroring(vkey_of(data / "mirror"), mirroring.SYNC))
    with started(data, "mirror", {}) as (_, url):
        yield {"EMARGE_MIRROR_URL": url}


def measure(data: Path, seconds: float, *, mirror: bool) -> dict[str, object]:
    """Every load in turn, each beside a yardstick of its own moment."""
    credentials = prepare(data)
    rows: list[dict[str, float]] = []
    with (
        started(data, "timestamping", {}) as (stamping, stamping_url),
        mirrored(data) if mirror else nullcontext({}) as found,
        started(data, "vault", {"EMARGE_TIMESTAMP_URL": stamping_url, **found}) as (vault, url),
    ):
        with VaultClient(url, credentials["opener"]) as opener:
            opener.open_log(LOG)
        empty = resident(vault)
        asyncio.run(load(url, credentials["writer"], 4, 1, 0.5))
        with VaultClient(url, credentials["reader"]) as reader:
            entry = len(reader.entries(LOG, [0])[0])
        for clients, size in LOADS:
            disk = yardstick(data, entry, min(1.0, seconds))
            used = processor(vault)
            rate, times = asyncio.run(load(url, credentials["writer"], clients, size, seconds))
            used = processor(vault) - used
            rows.append(
                {
                    "clients": clients,
                    "records_a_request": size,
                    "deposits_per_second": round(rate),
                    "p50_ms": round(times[len(times) // 2], 1),
                    "p99_ms": round(times[len(times) * 99 // 100], 1),
                    "vault_cpu_ms_per_deposit": round(used * 1000 / (len(times) * size), 3),
                    "append_fdatasync_per_second": round(disk),
                    "ratio_to_append": round(rate / disk, 4),
                }
            )
        memory = {"vault_empty": empty, "vault": resident(vault), "timestamping": resident(stamping)}
        with VaultClient(url, credentials["writer"]) as writer:
            count = writer.count(LOG)
    began = time.perf_counter()
    [checked] = check_vault(data / "vault")
    if checked.size != count:
        raise RuntimeError("the check counts other records than the vault")
    return {
        "benchmark": "vault",
        "mirror": mirror,
        "seconds_a_load": seconds,
        "entry_bytes": entry,
        "content_bytes": CONTENT,
        "loads": rows,
        "rss_mib": {name: round(value, 1) for name, value in memory.items()},
        "records": count,
        "check_records_per_second": round(count / (time.perf_counter() - began)),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0, help="of load for each row (default: %(default)s)")
    parser.add_argument("--mirror", action="store_true", help="acknowledge only what a mirror has cosigned")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="emarge-benchmark-") as folder:
        result = measure(Path(folder), arguments.seconds, mirror=arguments.mirror)
    columns = list(result["loads"][0])  # type: ignore[index]
    print(" | ".join(columns))
    for row in result["loads"]:  # type: ignore[attr-defined]
        print(" | ".join(str(row[column]).rjust(len(column)) for column in columns))
    print(f"memory (MiB): {result['rss_mib']}; check: {result['check_records_per_second']} records/s")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
