"""A lecture hall: 300 and 1,000 students scan and sign at the same moment. ``python -m benchmarks.lecture_hall``

Real processes: the web process answers over HTTP, the load comes from a process of its own on the same machine
(``benchmarks.hall_load``), every student logged in, with a phone of their own. A visit is the address in the rolling QR
code, *I am here* and *Validate*: two durable transactions' worth of writes. Beside it, in the same run: an empty answer
of the same server, and the same visit posted as forms through Django's own stack. Nothing may be lost or refused: any
other answer ends the run, and the rows are counted at the end. Prints a table and, last, one JSON object for each
database: ``--database sqlite postgresql`` does all of it on both, the second on a server of its own, fsync on.
"""

import argparse
import json
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from benchmarks.processes import processor, resident

ROUNDS = 3
COLUMNS = ("what", "students", "visits", "per_second", "p50_ms", "p99_ms", "sign_p99_ms", "web_cpu_us", "client_cpu_us")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--students", type=int, nargs="+", default=[300, 1000], help="at once (default: %(default)s)")
    parser.add_argument("--relay", action="store_true", help="with the relay at work, as it is when no vault answers")
    parser.add_argument("--database", choices=["sqlite", "postgresql"], nargs="+", default=["sqlite"])
    options = parser.parse_args()
    for database in options.database:
        with tempfile.TemporaryDirectory(prefix="emarge-bench-") as folder, server(database) as address:
            show(measure(Path(folder), options.students, relay=options.relay, address=address))


@contextmanager
def server(database: str) -> Iterator[str]:
    """The address of an empty PostgreSQL database on a server that is started for it; none for SQLite."""
    if database == "sqlite":
        yield ""
        return
    import psycopg
    from tests.proof.vault.servers import postgresql

    with postgresql() as address:
        with psycopg.connect(address("postgres"), autocommit=True) as admin:
            admin.execute("CREATE DATABASE hall")
        yield address("hall")


def show(result: dict[str, Any]) -> None:
    print(result["database"])
    print(" | ".join(column.rjust(len(column)) for column in COLUMNS))
    for row in result["rows"]:
        print(" | ".join(str(row.get(column, "")).rjust(len(column)) for column in COLUMNS))
    print(json.dumps(result))


def measure(data: Path, crowds: list[int], *, relay: bool, address: str = "") -> dict[str, Any]:
    """Every crowd in turn: an empty answer, the visit, the visit through Django."""
    if address:
        (data / "web").mkdir()
        (data / "web" / "database").write_text(address, encoding="utf-8")
    meetings = len(crowds) * (ROUNDS + 1) + 1
    school = build(data, max(crowds), meetings)
    rows, next_meeting = [], 1
    with running(data, relay=relay) as (web, port):
        load(port, school, 0, 1, crowds[0], "json")  # what a process reads and compiles once
        for crowd in crowds:
            rows.append(row(web, port, school, 0, meetings, crowd, "empty"))
            for _ in range(ROUNDS):
                rows.append(row(web, port, school, next_meeting, next_meeting + 1, crowd, "json"))
                next_meeting += 1
            rows.append(row(web, port, school, next_meeting, next_meeting + 1, min(crowd, 300), "forms"))
            next_meeting += 1
        memory = resident(web.pid)
    visits = crowds[0] + sum(one["visits"] for one in rows if one["what"] != "empty")
    return {
        "benchmark": "lecture_hall",
        "database": "postgresql" if address else "sqlite",
        "rows": rows,
        "ratios": {str(crowd): ratios(rows, crowd) for crowd in crowds},
        "visits": visits,
        "lost": visits - count(data, address),
        "web_rss_mib": round(memory, 1),
    }


def ratios(rows: list[dict[str, Any]], crowd: int) -> dict[str, float]:
    """The best visit beside the empty answer and beside Django's path, of one crowd."""
    mine = {
        kind: [one["per_second"] for one in rows if (one["what"], one["students"]) == (kind, crowd)] for kind in KINDS
    }
    forms = mine["forms"] or [one["per_second"] for one in rows if one["what"] == "forms"]
    visit = max(mine["json"])
    return {"to_empty": round(visit / mine["empty"][0], 3), "to_django": round(visit / forms[-1], 1)}


KINDS = ("empty", "json", "forms")


def build(data: Path, students: int, meetings: int) -> str:
    """A school whose roll calls by rolling code run; its JSON."""
    subprocess.run([sys.executable, "-m", "emarge", "vault", "create", "--data", str(data)], check=True, stdout=2)
    command = [sys.executable, "-m", "benchmarks.school", str(data), f"--students={students}", f"--meetings={meetings}"]
    return subprocess.run([*command, "--by-code"], check=True, capture_output=True, text=True).stdout


@contextmanager
def running(data: Path, *, relay: bool) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """The web process, ready, and its port."""
    with socket.socket() as chosen:
        chosen.bind(("127.0.0.1", 0))
        port = chosen.getsockname()[1]
    command = [sys.executable, "-m", "emarge", "web", "--data", str(data), "--port", str(port)]
    process = subprocess.Popen([*command, *([] if relay else ["--no-relay"])])
    try:
        while True:
            try:
                httpx.get(f"http://127.0.0.1:{port}/health", trust_env=False).raise_for_status()
                break
            except httpx.HTTPError:
                if process.poll() is not None:
                    raise SystemExit("the web process did not start") from None
                time.sleep(0.05)
        yield process, port
    finally:
        process.terminate()
        process.wait(timeout=30)


def load(port: int, school: str, first: int, last: int, students: int, kind: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.hall_load", *map(str, (port, first, last, students)), kind]
    done = subprocess.run(command, check=True, input=school, capture_output=True, text=True)
    return dict(json.loads(done.stdout))


def row(
    web: subprocess.Popen[bytes], port: int, school: str, first: int, last: int, students: int, kind: str
) -> dict[str, Any]:
    """One row of the table."""
    before = processor(web.pid)
    found = load(port, school, first, last, students, kind)
    used = processor(web.pid) - before
    visits = students * (last - first)
    whole = found["empty" if kind == "empty" else "visit"]
    return {
        "what": kind,
        "students": students,
        "visits": visits,
        "per_second": round(visits / found["seconds"], 1),
        "p50_ms": whole["p50_ms"],
        "p99_ms": whole["p99_ms"],
        **({} if kind == "empty" else {f"{part}_p99_ms": found[part]["p99_ms"] for part in ("arrive", "scan", "sign")}),
        "web_cpu_us": round(used * 1e6 / visits),
        "client_cpu_us": round(found["processor_seconds"] * 1e6 / visits),
    }


def count(data: Path, address: str) -> int:
    """The signatures in the base."""
    if address:
        import psycopg

        with psycopg.connect(address) as base:
            return int((base.execute("SELECT count(*) FROM attendance_signin").fetchone() or (0,))[0])
    import sqlite3

    with sqlite3.connect(data / "web" / "base.sqlite3") as connection:
        return int(connection.execute("SELECT count(*) FROM attendance_signin").fetchone()[0])


if __name__ == "__main__":
    main()
