"""500 live screens while 1,000 students sign, beside the same without a screen. ``python -m benchmarks.live``

One web process answers over HTTP; watchers and students are raw sockets in a process of their own on the same machine
(``benchmarks.live_load``). Each rate is run without and with watchers, each on a class meeting of its own: 100
signatures a second, and as fast as 64 students at once are answered. *Screen* is from the acknowledgement of a
signature to each watcher's event with it. A watcher that missed one ends the run. Prints a
table and, last, one JSON object.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.lecture_hall import running

RATES = (100, 0)
COLUMNS = (
    "per_second",
    "watchers",
    "signatures",
    "seconds",
    "sign_p99_ms",
    "web_cpu_seconds",
    "events_a_watcher",
    "screen_p50_ms",
    "screen_p95_ms",
    "screen_max_ms",
    "kib_a_watcher",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--watchers", type=int, default=500)
    parser.add_argument("--students", type=int, default=1000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="emarge-bench-") as folder:
        rows = measure(Path(folder), options.watchers, options.students)
    print(" | ".join(COLUMNS))
    for row in rows:
        print(" | ".join(str(row[column]).rjust(len(column)) for column in COLUMNS))
    print(json.dumps({"benchmark": "live", "rows": rows, "added_cpu": added(rows)}))


def measure(data: Path, watchers: int, students: int) -> list[dict[str, Any]]:
    """Every rate without and with watchers, after one run that only warms up."""
    subprocess.run([sys.executable, "-m", "emarge", "vault", "create", "--data", str(data)], check=True, stdout=2)
    command = [sys.executable, "-m", "benchmarks.school", str(data), f"--students={students}"]
    meetings = f"--meetings={2 * len(RATES) + 1}"
    school = subprocess.run([*command, meetings], check=True, capture_output=True, text=True).stdout
    rows = []
    with running(data, relay=False) as (web, port):
        load(port, 0, watchers=0, rate=0, web=web.pid, school=school)
        for number, rate in enumerate(RATES):
            for with_them in (0, 1):
                meeting, many = 2 * number + 1 + with_them, watchers * with_them
                found = load(port, meeting, watchers=many, rate=rate, web=web.pid, school=school)
                told = {name: round(value, 2) for name, value in found.items()}
                rows.append({"per_second": rate or "most", "watchers": many, **told})
    return rows


def load(port: int, meeting: int, *, watchers: int, rate: int, web: int, school: str) -> dict[str, float]:
    """One run of ``benchmarks.live_load``."""
    command = [sys.executable, "-m", "benchmarks.live_load", *map(str, (port, meeting, watchers, rate, web))]
    done = subprocess.run(command, check=True, input=school, stdout=subprocess.PIPE, text=True)
    return dict(json.loads(done.stdout))


def added(rows: list[dict[str, Any]]) -> dict[str, float]:
    """Processor seconds of the web process with watchers over those without, by rate."""
    return {
        str(without["per_second"]): round(beside["web_cpu_seconds"] / without["web_cpu_seconds"], 2)
        for without, beside in zip(rows[::2], rows[1::2], strict=True)
    }


if __name__ == "__main__":
    main()
