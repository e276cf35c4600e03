"""Deposits per second through HTTP into a real vault with a real timestamp authority, both processes of their own.

Run: ``python -m benchmarks.vault [--seconds N] [--mirror]``. The clients run on the same processors, in a process of
their own (``benchmarks.vault_load``). The yardstick of the same run is what the disk allows at best: a plain append and
fdatasync per 100 records of the same size. Prints a table and, last, one JSON object.
"""

import argparse
import json
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path

import httpx

from benchmarks.processes import processor, resident
from benchmarks.vault_load import CONTENT, LOG
from emarge.proof.timestamping import authority
from emarge.proof.vault.checking.check import check_vault
from emarge.proof.vault.mirror.mirror import create_mirror, vkey_of
from emarge.proof.vault.service.client import VaultClient
from emarge.proof.vault.setup import mirroring
from emarge.proof.vault.setup.create import create_vault

BATCH = 100
# (clients, deposits a request); the last two are relays: small batches of many, and one that catches up
LOADS = ((1, 1), (16, 1), (64, 1), (128, 1), (128, 4), (1, 100))


def load(url: str, credential: str, clients: int, size: int, seconds: float) -> dict[str, float]:
    """What came of a load, which a process of its own makes (see ``benchmarks.vault_load``)."""
    port = url.rpartition(":")[2]
    command = [sys.executable, "-m", "benchmarks.vault_load", port, str(clients), str(size), str(seconds)]
    done = subprocess.run(command, input=credential + "\n", capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr)
    found: dict[str, float] = json.loads(done.stdout)
    return found


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
def mirrored(data: Path) -> Iterator[tuple[dict[str, "subprocess.Popen[bytes]"], dict[str, str]]]:
    """A mirror of the vault in a process of its own; what the vault's environment needs to find it."""
    for role, credential in create_mirror(data / "mirror", name="mirror.example").items():
        (data / "credentials" / f"mirror-{role}").write_text(credential)
    mirroring.configure(data / "vault", mirroring.Mirroring(vkey_of(data / "mirror"), mirroring.SYNC))
    with started(data, "mirror", {}) as (process, url):
        yield {"mirror": process}, {"EMARGE_MIRROR_URL": url}


def measured(
    processes: dict[str, "subprocess.Popen[bytes]"], url: str, credential: str, load_: tuple[int, int], seconds: float
) -> dict[str, float]:
    """One row: a load, and the processor that each process used for it."""
    clients, size = load_
    before = {name: processor(process.pid) for name, process in processes.items()}
    found = load(url, credential, clients, size, seconds)
    used = {name: processor(process.pid) - before[name] for name, process in processes.items()}
    used["clients"] = found["processor_seconds"]
    return {
        "clients": clients,
        "records_a_request": size,
        "deposits_per_second": round(found["records"] / found["seconds"]),
        "p50_ms": round(found["p50_ms"], 1),
        "p99_ms": round(found["p99_ms"], 1),
        "longest_ms": round(found["longest_ms"], 1),
        **{f"{name}_cpu_us": round(one * 1e6 / found["records"]) for name, one in used.items()},
    }


def fill(url: str, credential: str, records: int) -> None:
    """Have the log hold about so many records before anything is measured."""
    done = 0.0
    while done < records:
        done += load(url, credential, *LOADS[-2], 1.0)["records"]


def measure(data: Path, options: argparse.Namespace) -> dict[str, object]:
    """Every load in turn, each beside a yardstick of its own moment."""
    credentials = prepare(data)
    rows: list[dict[str, float]] = []
    with (
        started(data, "timestamping", {}) as (stamping, stamping_url),
        mirrored(data) if options.mirror else nullcontext(({}, {})) as (mirrors, found),
        started(data, "vault", {"EMARGE_TIMESTAMP_URL": stamping_url, **found}) as (vault, url),
    ):
        with VaultClient(url, credentials["opener"]) as opener:
            opener.open_log(LOG)
        empty = resident(vault.pid)
        load(url, credentials["writer"], 4, 1, 0.5)
        fill(url, credentials["writer"], options.before)
        with VaultClient(url, credentials["reader"]) as reader:
            entry = len(reader.entries(LOG, [0])[0])
        processes = {"vault": vault, "authority": stamping, **mirrors}
        for one in LOADS if options.load is None else [options.load]:
            disk = yardstick(data, entry, min(1.0, options.seconds))
            row = measured(processes, url, credentials["writer"], one, options.seconds)
            rows.append(row | {"append_fdatasync_per_second": round(disk)})
        memory = {"vault_empty": empty} | {name: resident(process.pid) for name, process in processes.items()}
        with VaultClient(url, credentials["writer"]) as writer:
            count = writer.count(LOG)
    began = time.perf_counter()
    [checked] = check_vault(data / "vault")
    if checked.size != count:
        raise RuntimeError("the check counts other records than the vault")
    return {
        "benchmark": "vault",
        "mirror": options.mirror,
        "records_before": options.before,
        "seconds_a_load": options.seconds,
        "entry_bytes": entry,
        "content_bytes": CONTENT,
        "loads": rows,
        "rss_mib": {name: round(value, 1) for name, value in memory.items()},
        "records": count,
        "check_records_per_second": round(count / (time.perf_counter() - began)),
    }


def clients_by_records(text: str) -> tuple[int, int]:
    """``128x4`` in numbers."""
    clients, _, size = text.partition("x")
    return int(clients), int(size)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0, help="of load for each row (default: %(default)s)")
    parser.add_argument("--mirror", action="store_true", help="acknowledge only what a mirror has cosigned")
    parser.add_argument("--load", type=clients_by_records, help="one load alone, as CLIENTSxRECORDS")
    parser.add_argument("--before", type=int, default=0, help="records in the log before the first load")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="emarge-benchmark-") as folder:
        result = measure(Path(folder), options)
    columns = list(result["loads"][0])  # type: ignore[index]
    print(" | ".join(columns))
    for row in result["loads"]:  # type: ignore[attr-defined]
        print(" | ".join(str(row[column]).rjust(len(column)) for column in columns))
    print(f"memory (MiB): {result['rss_mib']}; check: {result['check_records_per_second']} records/s")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
