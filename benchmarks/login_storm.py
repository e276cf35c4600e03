"""A morning's logins: a hall logs in within a minute and all at once, while others sign.

Run: ``python -m benchmarks.login_storm``.
Real processes (`emarge run`), the product's own hasher, CSRF, sessions, counted attempts. Each login is what a browser
does: the login page, then its form. Meanwhile signatures come at a steady pace, whose 99th percentile is compared with
the same pace on a quiet server. What one login costs is named in a process of its own. Prints a table and, last, one
JSON object.
"""

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from benchmarks.http_load import Connection, Student, csrf_secret, students_of
from benchmarks.processes import processor
from benchmarks.school import PASSWORD
from benchmarks.sign_in import create_vault, make_school, running

PACE = 20.0  # signatures a second, beside
QUIET_SECONDS = 8.0
ALONE = 30  # logins whose cost is named


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--students", type=int, default=300, help="who log in (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=60.0, help="of the slow storm (default: %(default)s)")
    parser.add_argument("--only-parts", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.only_parts:
        print(json.dumps(_parts(args.only_parts)))
        return
    with tempfile.TemporaryDirectory(prefix="emarge-bench-") as folder:
        data = Path(folder)
        create_vault(data)
        meetings = 4 + int(args.seconds * PACE) // args.students
        school = make_school(data, args.students, meetings, password=True)
        command = [sys.executable, "-m", "benchmarks.login_storm", "--only-parts", folder]
        parts = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        with running(data) as url:
            results = asyncio.run(_measure(school, url, _web(data), args.students, args.seconds))
    results["one_login_cpu_ms"] = parts
    _print(results)


async def _measure(school: dict[str, Any], url: str, web: int, students: int, seconds: float) -> dict[str, Any]:
    people = students_of(school, url)
    lines = [(person, line) for turn in range(len(people[0].lines)) for person, line in _turn(people, turn)]
    signing = _Signing(lines)
    results: dict[str, Any] = {"cores": os.cpu_count(), "quiet": {"sign": await signing.during(QUIET_SECONDS)}}
    for name, spread in (("within a minute", seconds), ("all at once", 0.0)):
        used, resting = processor(web), asyncio.Event()
        beside = asyncio.create_task(signing.until(resting))
        start = time.perf_counter()
        times = await asyncio.gather(*(_later(spread * n / students, _login(url, n)) for n in range(students)))
        elapsed = time.perf_counter() - start
        resting.set()
        results[name] = {
            "logins_per_second": round(students / elapsed, 1),
            **_ranked("login", times),
            "web_cpu_ms_a_login_signatures_included": round((processor(web) - used) * 1000 / students, 1),
            "web_peak_mib": _peak(web),
            "sign": await beside,
        }
    return results


def _turn(people: Sequence[Student], turn: int) -> list[tuple[Student, str]]:
    return [(person, person.lines[turn]) for person in people]


async def _later(seconds: float, login: Callable[[], Awaitable[float]]) -> float:
    await asyncio.sleep(seconds)
    return await login()


def _login(url: str, number: int) -> Callable[[], Awaitable[float]]:
    async def login() -> float:
        """Seconds from asking for the page to the answer that leads into the space."""
        connection, secret = Connection(url), csrf_secret()
        start = time.perf_counter()
        status, _page = await connection.request("GET", "/login")
        form = {"csrfmiddlewaretoken": secret, "username": f"student{number}", "password": PASSWORD}
        head = f"Cookie: csrftoken={secret}\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        answer, _to = await connection.request("POST", "/login", headers=head, body=urlencode(form).encode())
        connection.close()
        if (status, answer) != (200, 302):
            raise SystemExit(f"a login was answered {status}, {answer}: the figures would not be true")
        return time.perf_counter() - start

    return login


class _Signing:
    """Signatures at a steady pace, each of another line."""

    def __init__(self, lines: Sequence[tuple[Student, str]]) -> None:
        self._lines = iter(lines)

    async def during(self, seconds: float) -> dict[str, float]:
        resting = asyncio.Event()
        asyncio.get_running_loop().call_later(seconds, resting.set)
        return await self.until(resting)

    async def until(self, resting: asyncio.Event) -> dict[str, float]:
        tasks, due = [], time.perf_counter()
        while not resting.is_set():
            tasks.append(asyncio.create_task(self._one(*next(self._lines))))
            due += 1 / PACE
            await asyncio.sleep(max(due - time.perf_counter(), 0))
        return _ranked("sign", await asyncio.gather(*tasks))

    @staticmethod
    async def _one(person: Student, line: str) -> float:
        start = time.perf_counter()
        if not await person.sign_json(line):
            raise SystemExit("a signature was not taken: the figures would not be true")
        return time.perf_counter() - start


def _ranked(name: str, times: Sequence[float]) -> dict[str, float]:
    ranked = statistics.quantiles(times, n=100)
    return {
        f"{name}_count": len(times),
        f"{name}_p50_ms": round(ranked[49] * 1000, 1),
        f"{name}_p99_ms": round(ranked[98] * 1000, 1),
    }


def _parts(data: Path) -> dict[str, float]:
    """CPU milliseconds of one login (the page apart), and where they go; statements and transactions of it."""
    from emarge.cli.django_setup import setup

    setup(data)
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    from emarge.accounts.hashers import Argon2Hasher

    spent = {"hash": 0.0, "sql": 0.0}
    _watch(spent, Argon2Hasher, "verify")

    def timed(execute: Any, *args: Any) -> Any:
        start = time.thread_time()
        try:
            return execute(*args)
        finally:
            spent["sql"] += time.thread_time() - start

    form, headers = {"username": "student0", "password": PASSWORD}, {"host": "localhost"}
    client = Client(headers=headers)

    def post() -> int:
        client.cookies.clear()
        return client.post("/login", form).status_code

    statuses = {post()}
    spent.update(hash=0.0, sql=0.0)
    start = time.thread_time()
    with connection.execute_wrapper(timed):
        statuses |= {post() for _ in range(ALONE)}
    whole = time.thread_time() - start
    with CaptureQueriesContext(connection) as queries:
        statuses.add(post())
    statements = [query["sql"].split(maxsplit=1)[0] for query in queries]
    if statuses != {302}:
        raise SystemExit(f"a login was answered {statuses}")
    client.cookies.clear()
    start = time.thread_time()
    for _ in range(ALONE):
        client.get("/login")
    page = time.thread_time() - start
    rest = whole - spent["hash"] - spent["sql"]
    costs = {"whole": whole, **spent, "django_and_the_rest": rest, "login_page": page}
    return {
        **{name: round(seconds / ALONE * 1000, 2) for name, seconds in costs.items()},
        "statements": sum(word not in {"BEGIN", "COMMIT"} for word in statements),
        "transactions": statements.count("BEGIN"),
    }


def _watch(spent: dict[str, float], owner: Any, name: str) -> None:
    plain = getattr(owner, name)

    def timed(*args: Any, **more: Any) -> Any:
        start = time.thread_time()
        try:
            return plain(*args, **more)
        finally:
            spent["hash"] += time.thread_time() - start

    setattr(owner, name, timed)


def _web(data: Path) -> int:
    """The process that serves the pages of a folder."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_text().split("\0")
        except OSError:
            continue
        if str(data) in words and words[2:4] == ["emarge", "web"]:
            return int(path.parent.name)
    raise SystemExit("emarge web does not run")


def _peak(process: int) -> float:
    """The most memory that a process has held, in MiB."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return round(int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1024, 1)


def _print(results: dict[str, Any]) -> None:
    print(f"{'storm':<16}{'logins/s':>9}{'p50 ms':>9}{'p99 ms':>9}{'sign p50':>10}{'sign p99':>10}{'web MiB':>9}")
    for name in ("quiet", "within a minute", "all at once"):
        row = results[name]
        login = [row.get(key, "") for key in ("logins_per_second", "login_p50_ms", "login_p99_ms")]
        figures = (
            f"{login[0]:>9}{login[1]:>9}{login[2]:>9}{row['sign']['sign_p50_ms']:>10}{row['sign']['sign_p99_ms']:>10}"
        )
        print(f"{name:<16}{figures}{row.get('web_peak_mib', ''):>9}")
    print("one login, CPU ms:", ", ".join(f"{name} {cost}" for name, cost in results["one_login_cpu_ms"].items()))
    print(json.dumps(results))


if __name__ == "__main__":
    main()
