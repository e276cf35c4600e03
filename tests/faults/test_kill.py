"""kill -9 of each process under load: every acknowledged signature is sealed, none is lost, none stands twice."""

import asyncio
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from benchmarks.http_load import Student, students_of

from emarge.proof.vault.log import entry
from emarge.proof.vault.storage.reader import LogReader

STUDENTS = 100
KILL_AFTER = 0.4  # seconds into the load
PATIENCE = 120.0  # seconds

pytestmark = pytest.mark.processes


@pytest.fixture
def school(tmp_path: Path) -> dict[str, Any]:
    """A school of 100 students with four open class meetings, and a vault."""
    _emarge("vault", "create", "--data", str(tmp_path))
    made = subprocess.run(
        [sys.executable, "-m", "benchmarks.school", str(tmp_path), "--students", str(STUDENTS), "--meetings", "4"],
        check=True,
        capture_output=True,
        text=True,
    )
    return {**json.loads(made.stdout), "data": tmp_path}


def test_no_acknowledged_signature_is_lost_when_a_process_is_killed(school: dict[str, Any]) -> None:
    with _running(school["data"]) as url:
        for number, victim in enumerate([("timestamping", "serve"), ("vault", "serve"), ("web",)]):
            acknowledged = asyncio.run(_sign_while_killing(school, url, number, victim))
            assert acknowledged == STUDENTS
        _wait_until_sealed(school["data"])
    _compare(school["data"], signatures=3 * STUDENTS)


def test_no_acknowledged_signature_is_lost_when_the_relay_is_killed(school: dict[str, Any]) -> None:
    data = school["data"]
    ports = {name: _free_port() for name in ("timestamping", "vault", "web")}
    environment = {
        **os.environ,
        "EMARGE_VAULT_URL": f"http://127.0.0.1:{ports['vault']}",
        "EMARGE_TIMESTAMP_URL": f"http://127.0.0.1:{ports['timestamping']}",
    }
    with ExitStack() as stack:
        for name, words in [("timestamping", ["serve"]), ("vault", ["serve"]), ("web", ["--no-relay"])]:
            command = [name, *words, "--data", str(data), "--port", str(ports[name])]
            stack.enter_context(_process(command, environment))
            _wait_for(f"http://127.0.0.1:{ports[name]}")
        relay = stack.enter_context(_process(["relay", "--data", str(data)], environment))
        load = _sign_while(school, f"http://127.0.0.1:{ports['web']}", 0, relay.kill)
        assert asyncio.run(load) == STUDENTS
        assert relay.wait() == -signal.SIGKILL
        stack.enter_context(_process(["relay", "--data", str(data)], environment))
        _wait_until_sealed(data)
    _compare(data, signatures=STUDENTS)


async def _sign_while_killing(school: dict[str, Any], url: str, meeting: int, victim: tuple[str, ...]) -> int:
    return await _sign_while(school, url, meeting, lambda: os.kill(_pid(school["data"], *victim), signal.SIGKILL))


async def _sign_while(school: dict[str, Any], url: str, meeting: int, kill: Any) -> int:
    """Every student validates at once, and again until acknowledged, as a person would; ``kill`` strikes meanwhile."""

    async def strike() -> None:
        await asyncio.sleep(KILL_AFTER)
        kill()

    signing = [_sign(student, student.lines[meeting]) for student in students_of(school, url)]
    *acknowledged, _ = await asyncio.gather(*signing, strike())
    return sum(acknowledged)


async def _sign(student: Student, line: str) -> bool:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        try:
            if await asyncio.wait_for(student.sign(line), timeout=30):
                student.connection.close()
                return True
        except (OSError, TimeoutError):
            student.connection.close()
        await asyncio.sleep(0.2)
    return False


def _compare(data: Path, *, signatures: int) -> None:
    """The base, the outbox and the vault's own files tell one story."""
    with closing(_connect(data)) as base:
        signed = base.execute(
            "SELECT uuid, (SELECT count(*) FROM audit_outboxevent WHERE subject = s.uuid AND event = 'sign_in.signed')"
            " FROM attendance_signin s"
        ).fetchall()
        rows = base.execute(
            'SELECT uuid, "index" FROM audit_outboxevent WHERE "index" IS NOT NULL OR event <> ? ORDER BY id',
            ["clock.changed"],  # those come by themselves, also after the look at what waits
        ).fetchall()
        (log,) = base.execute("SELECT log FROM institutions_institutioncode").fetchone()
    assert Counter(count for _, count in signed) == {1: signatures}
    sealed = dict(enumerate(_records(data / "vault" / "logs" / log)))
    assert {index: record["id"].replace("-", "") for index, record in sealed.items()} == {
        index: uuid for uuid, index in rows
    }
    assert Counter(record["event"] for record in sealed.values())["sign_in.signed"] == signatures
    _emarge("vault", "check", "--data", str(data))


def _records(log: Path) -> Iterator[dict[str, Any]]:
    reader = LogReader(log)
    size = int(reader.checkpoint().split(b"\n")[1])
    for index in range(size):
        yield json.loads(entry.decode(reader.entry(index, size)).payload)


def _connect(data: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{data / 'web' / 'base.sqlite3'}?mode=ro", uri=True, timeout=30)


def _wait_until_sealed(data: Path) -> None:
    until = time.monotonic() + PATIENCE
    with closing(_connect(data)) as base:
        while waiting := base.execute('SELECT count(*) FROM audit_outboxevent WHERE "index" IS NULL').fetchone()[0]:
            assert time.monotonic() < until, f"{waiting} records still wait for the vault"
            time.sleep(0.2)


@contextmanager
def _running(data: Path) -> Iterator[str]:
    """``emarge run`` over a data folder; the address of its web process."""
    port = _free_port()
    with _process(["run", "--data", str(data), "--port", str(port)], dict(os.environ)):
        _wait_for(f"http://127.0.0.1:{port}")
        until = time.monotonic() + PATIENCE
        while not (data / "run" / "addresses.json").exists():
            assert time.monotonic() < until
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"


@contextmanager
def _process(arguments: list[str], environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-m", "emarge", *arguments], env=environment)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(timeout=30)


def _wait_for(url: str) -> None:
    host, _, port = url.removeprefix("http://").partition(":")
    until = time.monotonic() + PATIENCE
    while True:
        try:
            socket.create_connection((host, int(port)), timeout=1).close()
        except OSError:
            assert time.monotonic() < until, f"nothing answers at {url}"
            time.sleep(0.1)
        else:
            return


def _pid(data: Path, *words: str) -> int:
    """The process that ``emarge run`` started as ``emarge WORDS --data DATA``; waits for it to be there."""
    wanted = "\0".join(["emarge", *words, "--data", str(data), ""])
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        for entry_of in Path("/proc").iterdir():
            try:
                if entry_of.name.isdigit() and wanted in (entry_of / "cmdline").read_text():
                    return int(entry_of.name)
            except OSError:
                continue
        time.sleep(0.05)
    raise AssertionError(f"no process {words} over {data}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _emarge(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "emarge", *arguments], check=True)
