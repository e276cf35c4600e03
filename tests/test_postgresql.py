"""Tests that run on PostgreSQL too: the settings of a session, and a selection of the suite on a real server.

All of it runs there with ``EMARGE_TEST_DATABASE=postgresql``.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.db import connection

from emarge.lib.databases import database_of, postgresql
from emarge.lib.env import MissingSettingError

TESTS = Path(__file__).parent
SELECTION = [
    "attendance/actions/test_at_once.py",
    "attendance/actions/test_burst.py",
    "attendance/actions/test_hall.py",
    "attendance/actions/test_sign_in.py",
    "attendance/test_live_between.py",
    "audit/test_actions.py",
    "audit/test_locks.py",
    "spaces/students/test_both_paths.py",
    "test_postgresql.py",
]


@pytest.mark.skipif(connection.vendor == "postgresql", reason="this is that run")
def test_the_heart_on_a_real_server():
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *[str(TESTS / name) for name in SELECTION]],
        cwd=TESTS.parent,
        env={**os.environ, "EMARGE_TEST_DATABASE": "postgresql"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:]


@pytest.mark.skipif(connection.vendor != "postgresql", reason="on a real server")
@pytest.mark.django_db
def test_a_session_is_durable_and_reads_what_is_committed():
    with connection.cursor() as cursor:
        settings = {}
        for name in ("synchronous_commit", "transaction_isolation", "lock_timeout", "application_name"):
            cursor.execute(f"SHOW {name}")
            settings[name] = cursor.fetchone()[0]
    assert settings == {
        "synchronous_commit": "on",
        "transaction_isolation": "read committed",
        "lock_timeout": "30s",
        "application_name": "emarge",
    }


def test_the_environment_wins_over_the_file_and_without_either_it_is_sqlite(tmp_path, monkeypatch):
    monkeypatch.delenv("EMARGE_DATABASE", raising=False)
    (tmp_path / "web").mkdir()
    assert database_of(tmp_path)["NAME"] == tmp_path / "web" / "base.sqlite3"
    (tmp_path / "web" / "database").write_text("postgresql://ana@db.example:6543/school?sslmode=verify-full\n")
    found = database_of(tmp_path)
    assert [found[name] for name in ("NAME", "USER", "HOST", "PORT")] == ["school", "ana", "db.example", "6543"]
    assert found["OPTIONS"]["sslmode"] == "verify-full"
    assert "synchronous_commit=on" in found["OPTIONS"]["options"]
    monkeypatch.setenv("EMARGE_DATABASE", "postgresql:///other?host=/var/run/postgresql")
    assert (database_of(tmp_path)["NAME"], database_of(tmp_path)["HOST"]) == ("other", "/var/run/postgresql")


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("postgresql://ana:secret@db.example/school", "Keep the password out"),
        ("postgresql://db.example", "names no database"),
        ("mysql://db.example/school", "cannot be read"),
    ],
)
def test_an_address_that_is_not_fit_is_refused_without_repeating_it(address, said):
    with pytest.raises(MissingSettingError, match=said) as refused:
        postgresql(address)
    assert "secret" not in str(refused.value)
