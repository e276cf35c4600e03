"""A restored snapshot under ``emarge run``: the vault stays down and says what to do, people go on signing."""

import shutil
import sqlite3
import time
from contextlib import closing

import httpx
import pytest

from tests.cli.commands import emarge
from tests.installation import pid_of, running, touring

pytestmark = pytest.mark.processes


def waiting(data):
    with closing(sqlite3.connect(f"file:{data / 'web/base.sqlite3'}?mode=ro", uri=True, timeout=30)) as base:
        return base.execute('SELECT count(*) FROM audit_outboxevent WHERE "index" IS NULL').fetchone()[0]


def await_nothing_waits(data):
    until = time.monotonic() + 30
    while waiting(data):
        assert time.monotonic() < until
        time.sleep(0.05)


def test_a_restored_snapshot_stays_down_while_people_sign(tmp_path):
    data, printed = tmp_path / "school", tmp_path / "printed"
    assert emarge("demo", "--data", data)[0] == 0
    with running(data, "--witness"):
        await_nothing_waits(data)
        shutil.copytree(data / "vault", tmp_path / "old")
        with touring(data, tmp_path / "bundle.zip") as tour:
            tour.read_to("Fingerprint")
    (data / "vault").rename(tmp_path / "newest")
    shutil.copytree(tmp_path / "old", data / "vault")

    with running(data, output=printed) as addresses:
        until = time.monotonic() + 30
        while "stays down until somebody has looked: its message" not in printed.read_text():
            assert time.monotonic() < until
            time.sleep(0.05)
        with touring(data, tmp_path / "never.zip") as tour:
            tour.read_to("The secretariat validated the class meeting.")
        with pytest.raises(LookupError):
            pid_of(data, "vault", "serve")
        assert httpx.get(f"{addresses['web']}/health", trust_env=False).is_success
        assert waiting(data) > 5
    text = printed.read_text()
    assert (text.count("THE VAULT STOPS"), text.count("bring back the newest one")) == (1, 1)
    assert "this vault was rolled back, or restored from an old copy" in text
    assert not (tmp_path / "never.zip").exists()

    shutil.rmtree(data / "vault")
    (tmp_path / "newest").rename(data / "vault")
    with running(data):
        await_nothing_waits(data)
    assert emarge("vault", "check", "--data", data)[0] == 0
