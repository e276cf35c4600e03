"""Signatures per second through the whole HTTP path, and the memory of each process. ``python -m benchmarks.sign_in``

Real processes (`emarge run`), real sessions, CSRF, rules, one durable transaction each, the relay delivering to the
vault meanwhile. The yardstick of the same run is an empty page of the same server (`/health`), and a log-in page, which
is Django without a write. Prints a table and, last, one JSON object.
"""

import argparse
import asyncio
import json
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.http_load import Connection, students_of

CLIENTS = (64, 300)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--meetings", type=int, default=4, help="signatures per student (default: %(default)s)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="emarge-bench-") as folder:
        data = Path(folder)
        create_vault(data)
        school = make_school(data, max(CLIENTS), args.meetings * len(CLIENTS))
        with running(data) as url:
            results = asyncio.run(_measure(school, url, args.meetings))
            results["memory_mib"] = _memory(data)
    _print(results)


def create_vault(data: Path) -> None:
    """Make the vault and the authority of a new data folder."""
    subprocess.run([sys.executable, "-m", "emarge", "vault", "create", "--data", str(data)], check=True)


def make_school(data: Path, students: int, meetings: int, *, password: bool = False) -> dict[str, Any]:
    """A school as ``benchmarks.school`` makes it; ``password``: its students may log in."""
    command = [sys.executable, "-m", "benchmarks.school", str(data), f"--students={students}", f"--meetings={meetings}"]
    command += ["--password"] * password
    made = subprocess.run(command, check=True, capture_output=True, text=True)
    return dict(json.loads(made.stdout))


async def _measure(school: dict[str, Any], url: str, meetings: int) -> dict[str, Any]:
    results: dict[str, Any] = {}
    for number, clients in enumerate(CLIENTS):
        people = students_of(school, url)[:clients]
        mine = range(number * meetings, (number + 1) * meetings)
        for name, path in (("empty", "/health"), ("page", "/login")):
            connections = [Connection(url) for _ in people]
            results[f"{name}_{clients}"] = await _load(
                [[_get(connection, path)] * meetings for connection in connections]
            )
        results[f"sign_in_{clients}"] = await _load(
            [[_signing(person, person.lines[meeting]) for meeting in mine] for person in people]
        )
        results[f"ratio_to_empty_{clients}"] = round(
            results[f"sign_in_{clients}"]["per_second"] / results[f"empty_{clients}"]["per_second"], 4
        )
    return results


def _get(connection: Connection, path: str) -> Callable[[], Awaitable[bool]]:
    async def call() -> bool:
        status, _ = await connection.request("GET", path)
        return status == 200

    return call


def _signing(person: Any, line: str) -> Callable[[], Awaitable[bool]]:
    return lambda: person.sign(line)


async def _load(calls: list[list[Callable[[], Awaitable[bool]]]]) -> dict[str, float]:
    """Run each client's calls one after the other, all clients at once."""
    times: list[float] = []

    async def client(mine: list[Callable[[], Awaitable[bool]]]) -> None:
        for call in mine:
            start = time.perf_counter()
            if not await call():
                raise SystemExit("a request was not answered as it should be: the figures would not be true")
            times.append(time.perf_counter() - start)

    start = time.perf_counter()
    await asyncio.gather(*(client(mine) for mine in calls))
    elapsed = time.perf_counter() - start
    ranked = statistics.quantiles(times, n=100)
    return {
        "count": len(times),
        "per_second": round(len(times) / elapsed, 1),
        "p50_ms": round(ranked[49] * 1000, 1),
        "p99_ms": round(ranked[98] * 1000, 1),
    }


@contextmanager
def running(data: Path) -> Iterator[str]:
    """The address of ``emarge run`` over a data folder, stopped at the end."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "emarge", "run", "--data", str(data), "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        while not (data / "run" / "addresses.json").exists():
            if process.poll() is not None:
                raise SystemExit("emarge run did not start")
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def _memory(data: Path) -> dict[str, float]:
    """Resident memory of each process over the folder, in MiB."""
    found = {}
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            words = (status.parent / "cmdline").read_text().split("\0")
            if str(data) in words and "emarge" in words and "run" not in words:
                resident = next(line for line in status.read_text().splitlines() if line.startswith("VmRSS"))
                found[words[words.index("emarge") + 1]] = round(int(resident.split()[1]) / 1024, 1)
        except (OSError, StopIteration):
            continue
    return found


def _print(results: dict[str, Any]) -> None:
    print(f"{'what':<14}{'clients':>8}{'count':>8}{'per s':>10}{'p50 ms':>10}{'p99 ms':>10}")
    for clients in CLIENTS:
        for name in ("empty", "page", "sign_in"):
            row = results[f"{name}_{clients}"]
            figures = f"{row['count']:>8}{row['per_second']:>10}{row['p50_ms']:>10}{row['p99_ms']:>10}"
            print(f"{name:<14}{clients:>8}{figures}")
    print("memory, MiB:", ", ".join(f"{name} {mib}" for name, mib in sorted(results["memory_mib"].items())))
    print(json.dumps(results))


if __name__ == "__main__":
    main()
