"""The web spaces on a real PostgreSQL server: several processes at once, kill -9, connections cut, a server away."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import ExitStack

import httpx
import psycopg
import pytest
from benchmarks.http_load import students_of

from tests.cli.commands import emarge
from tests.installation import running, touring
from tests.processes import Server, free_port, start_timestamping, start_vault
from tests.proof.vault.servers import postgresql

STUDENTS = 40
PATIENCE = 90.0  # seconds
NAME = ("--first-name", "Zoé", "--last-name", "ZOLA")

pytestmark = pytest.mark.processes


@pytest.fixture(scope="module")
def server():
    """Gives a new database by name."""
    with postgresql() as address:

        def make(name):
            with psycopg.connect(address("postgres"), autocommit=True) as admin:
                admin.execute(f"CREATE DATABASE {name}")
            return address(name)

        yield make


@pytest.fixture(scope="module")
def school(server, tmp_path_factory):
    """Students with four open class meetings, and two web processes over one database, each with its relay."""
    tmp_path = tmp_path_factory.mktemp("school")
    address = server("school")
    environment = {"EMARGE_DATABASE": address}
    assert emarge("vault", "create", "--data", tmp_path)[0] == 0
    made = subprocess.run(
        [sys.executable, "-m", "benchmarks.school", str(tmp_path), "--students", str(STUDENTS), "--meetings", "4"],
        env={**os.environ, **environment},
        check=True,
        capture_output=True,
        text=True,
    )
    with ExitStack() as stack:
        timestamping = start_timestamping(tmp_path)
        stack.callback(timestamping.stop)
        vault = start_vault(tmp_path, timestamping)
        stack.callback(vault.stop)
        urls = {"EMARGE_VAULT_URL": vault.url, "EMARGE_TIMESTAMP_URL": timestamping.url}
        webs = [Server(["web", "--data", str(tmp_path)], free_port(), urls) for _ in range(2)]
        for web in webs:
            web.start()
            stack.callback(web.stop)
        yield {**json.loads(made.stdout), "data": tmp_path, "address": address, "webs": webs}


def ask(school, statement):
    with psycopg.connect(school["address"], autocommit=True) as connection:
        return connection.execute(statement).fetchall()


async def sign(student, line):
    """Press *Validate* until it is acknowledged, as a person would; the statuses that were not."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        try:
            if await asyncio.wait_for(student.sign(line), timeout=30):
                student.connection.close()
                return True
        except (OSError, TimeoutError):
            student.connection.close()
        await asyncio.sleep(0.1)
    return False


async def all_sign(school, meeting, processes, meanwhile=None):
    """Every student signs the same line at each of these processes at the same moment; how many are acknowledged."""
    signing = [
        sign(student, student.lines[meeting])
        for number in processes
        for student in students_of(school, school["webs"][number].url)
    ]

    async def strike():
        await asyncio.sleep(0.3)
        await asyncio.to_thread(meanwhile or (lambda: None))

    *acknowledged, _ = await asyncio.gather(*signing, strike())
    return sum(acknowledged)


def cut(school):
    """Cut every connection to the base, five times."""
    for _ in range(5):
        ask(school, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'emarge'")
        time.sleep(0.1)


def test_nothing_acknowledged_is_lost_and_nothing_stands_twice(school):
    first = school["webs"][0]
    # Both processes, the same lines at once.
    assert asyncio.run(all_sign(school, 0, [0, 1])) == 2 * STUDENTS

    def kill():
        first.process.send_signal(signal.SIGKILL)
        first.process.wait()
        first.start()

    assert asyncio.run(all_sign(school, 1, [0, 1], kill)) == 2 * STUDENTS
    assert asyncio.run(all_sign(school, 2, [0, 1], lambda: cut(school))) == 2 * STUDENTS
    until = time.monotonic() + PATIENCE
    while (waiting := ask(school, 'SELECT count(*) FROM audit_outboxevent WHERE "index" IS NULL')) != [(0,)]:
        assert time.monotonic() < until, waiting
        time.sleep(0.2)
    signed = ask(
        school,
        "SELECT (SELECT count(*) FROM audit_outboxevent WHERE subject = s.uuid AND event = 'sign_in.signed')"
        " FROM attendance_signin s",
    )
    assert Counter(count for (count,) in signed) == {1: 3 * STUDENTS}
    # The clock may add records meanwhile.
    [(sealed, indexes, last)] = ask(
        school, 'SELECT count("index"), count(DISTINCT "index"), max("index") + 1 FROM audit_outboxevent'
    )
    assert sealed == indexes == last  # the vault has each once, and nothing else
    assert emarge("vault", "check", "--data", school["data"])[0] == 0


def test_a_server_that_is_away_is_said_and_forgotten_when_it_is_back(school):
    web = school["webs"][0]
    with httpx.Client(base_url=web.url, trust_env=False, timeout=60) as client:
        assert client.get("/login").status_code == 200
        with psycopg.connect(school["address"].replace("/school?", "/postgres?"), autocommit=True) as admin:
            admin.execute("ALTER DATABASE school ALLOW_CONNECTIONS false")
            admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'school'")
            away = client.get("/login", headers={"accept-language": "fr"})
            assert (away.status_code, "Rien ne peut être enregistré pour le moment" in away.text) == (503, True)
            assert client.get("/health").status_code == 200
            admin.execute("ALTER DATABASE school ALLOW_CONNECTIONS true")
        assert client.get("/login").status_code == 200
    assert asyncio.run(all_sign(school, 3, [0])) == STUDENTS


def test_the_whole_tour_on_postgresql(server, tmp_path):
    """demo, run, play and user: all find the address in the data folder."""
    data, bundle, address = tmp_path / "school", tmp_path / "bundle.zip", server("tour")
    (data / "web").mkdir(parents=True)
    (data / "web" / "database").write_text(f"{address}\n", encoding="utf-8")
    assert emarge("demo", "--data", data)[0] == 0
    assert emarge("user", "add", "zoe", "--profile", "Administration", *NAME, "--data", data)[0] == 0
    with running(data), touring(data, bundle) as tour:
        trust = re.search(r"Fingerprint to trust: ([0-9a-f]{64})", tour.read_to("Fingerprint to trust"))[1]
        assert tour.process.wait(timeout=60) == 0
    assert emarge("verify", bundle, "--trust", trust)[0] == 0
    assert not (data / "web" / "base.sqlite3").exists()
    (data / "web" / "database").write_text(server("another"), encoding="utf-8")
    code, _told, complaint = emarge("user", "password", "zoe", "--data", data)
    assert (code, "holds no base" in complaint) == (1, True)
