"""Each durable system call of a real mirror process made to fail in turn, by strace, while a vault hands over records.

Whatever fails, the mirror must stop with an error, hold what it cosigned, and catch up once it is started again.
"""

import shutil
import subprocess
from contextlib import suppress

import httpx
import pytest
from tests.proof.vault.mirrored import Site

from emarge.proof.vault.checking.check import check_vault
from emarge.proof.vault.errors import VaultUnavailable
from emarge.proof.vault.mirror.check import check_mirror
from emarge.proof.vault.service.client import VaultClient

pytestmark = pytest.mark.processes
STRACE = shutil.which("strace")
# Counted for each thread: the first ones hit the start, where tiles are published, or the mirror's own thread. The 2nd
# fdatasync of that thread is SQLite's, of the folder of a write-ahead log: it ignores its failure.
FAILURES = [
    "fdatasync 1",
    "fdatasync 3",
    "fdatasync 5",
    "fsync 1",
    "fsync 4",
    "fsync 9",
    "rename 1",
    "rename 2",
    "rename 3",
]


@pytest.fixture
def tracing():
    if STRACE is None or subprocess.run([STRACE, "-qq", "-o", "/dev/null", "true"], check=False).returncode:
        pytest.skip("strace is not on this machine, or may not trace")


@pytest.fixture
def site(folder):
    site = Site(folder, "sync")
    yield site
    site.stop()


def hand_over(site, writer, deposit, acknowledged):
    """Deposit and have the mirror publish, until it is gone."""
    while len(acknowledged) < 60:
        acknowledged += writer.deposit("school", [deposit(b"%d" % len(acknowledged), content=b"sealed")])
        site.ask_mirror(f"/{'0' * 64}/checkpoint")  # any read publishes first


@pytest.mark.usefixtures("tracing")
@pytest.mark.parametrize("failure", FAILURES)
def test_a_failed_call_stops_the_mirror_and_loses_nothing(site, credentials, deposit, failure):
    site.mirror.start()
    site.vault.start()
    with VaultClient(site.vault.url, credentials["opener"]) as opener:
        opener.open_log("school")
    with VaultClient(site.vault.url, credentials["writer"]) as writer:
        acknowledged = writer.deposit("school", [deposit(b"before") for _ in range(3)])
        assert site.mirror.terminate() == 0
        call, number = failure.split()
        inject = f"inject={call}:error=EIO:when={number}"
        command = [STRACE, "-D", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e", inject]
        with suppress(RuntimeError):  # it may not get through its start
            site.mirror.start(*command)
            with pytest.raises((VaultUnavailable, httpx.HTTPError)):
                hand_over(site, writer, deposit, acknowledged)
        assert site.mirror.process.wait(timeout=20) == 1
        [held], refusals = check_mirror(site.mirror_folder)
        assert held.size >= len(acknowledged)
        site.mirror.start()
        site.await_health("held")
        assert writer.deposit("school", [deposit(b"after")])[0].mirror == "held"
    [log], again = check_mirror(site.mirror_folder)
    assert (log.size, log.root) == (check_vault(site.folder)[0].size, check_vault(site.folder)[0].root)
    assert (refusals, again) == ([], [])
