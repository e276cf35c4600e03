"""Each durable system call made to fail in turn, by strace, in a real vault process under load.

Whatever fails, the process must stop with an error, say nothing false, and lose nothing acknowledged.
EMARGE_ALL_FAILURES=1 tries more calls than the eight that stand for each kind.
"""

import os
import shutil
import subprocess

import pytest

from emarge.proof.vault.checking.check import check_vault
from emarge.proof.vault.errors import VaultUnavailable
from emarge.proof.vault.service.client import VaultClient

pytestmark = pytest.mark.processes
STRACE = shutil.which("strace")
# Counted for each thread: the first ones hit the start, the next the log's own thread. The 2nd, 5th and 9th fdatasync
# are SQLite's, of the folder of a write-ahead log: it ignores their failure, and we have synced that folder before.
FAILURES = [
    "fdatasync 1",
    "fdatasync 3",
    "fdatasync 6",
    "fdatasync 7",
    "fdatasync 8",
    "fsync 5",
    "fsync 12",
    "rename 2",
]
if os.environ.get("EMARGE_ALL_FAILURES"):
    FAILURES += [f"fdatasync {number}" for number in (4, 10, 11, 14, 15)]
    FAILURES += [f"fsync {number}" for number in (1, 3, 6, 8, 16)]
    FAILURES += [f"rename {number}" for number in (1, 3, 5)]


def can_trace():
    return (
        STRACE is not None and subprocess.run([STRACE, "-qq", "-o", "/dev/null", "true"], check=False).returncode == 0
    )


@pytest.fixture
def tracing():
    if not can_trace():
        pytest.skip("strace is not on this machine, or may not trace")


@pytest.fixture
def acknowledged(process, credentials, deposit):
    """A log with a little history."""
    process.start()
    with VaultClient(process.url, credentials["opener"]) as opener:
        opener.open_log("school")
    with VaultClient(process.url, credentials["writer"]) as writer:
        receipts = writer.deposit("school", [deposit(b"%d" % number, content=b"sealed") for number in range(3)])
    assert process.terminate() == 0
    return receipts


def starts(process, *command):
    try:
        process.start(*command)
    except RuntimeError:
        return False
    return True


def deposit_on(writer, deposit, sent, acknowledged):
    """Deposit one record after the other, each published before the next, until the vault is gone."""
    while len(sent) < 50:
        sent.append(deposit(b"%d" % len(sent), content=b"sealed"))
        acknowledged += writer.deposit("school", sent[-1:])
        writer.checkpoint("school")


@pytest.mark.usefixtures("tracing")
@pytest.mark.parametrize("failure", FAILURES)
def test_a_failed_call_stops_the_vault_and_loses_nothing(process, credentials, deposit, acknowledged, failure):
    call, number = failure.split()
    inject = f"inject={call}:error=EIO:when={number}"
    command = [STRACE, "-D", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e", inject]
    sent = []
    with VaultClient(process.url, credentials["writer"]) as writer:
        if starts(process, *command):
            with pytest.raises(VaultUnavailable):
                deposit_on(writer, deposit, sent, acknowledged)
        assert process.process.wait(timeout=20) == 1
        [checked] = check_vault(process.folder)
        assert checked.size - len(acknowledged) in {0, 1}
        process.start()
        again = writer.deposit("school", sent)
    assert [receipt.index for receipt in again] == list(range(3, 3 + len(sent)))
    assert again[: len(acknowledged) - 3] == acknowledged[3:]
    assert process.terminate() == 0
    assert [checked.size for checked in check_vault(process.folder)] == [3 + len(sent)]


@pytest.mark.usefixtures("tracing", "acknowledged")
def test_a_batch_makes_the_calls_of_its_format_page_in_their_order(
    tracing, process, credentials, deposit, acknowledged
):
    trace = process.folder.parent / "trace"
    command = [STRACE, "-D", "-f", "-qq", "-y", "-o", str(trace), "-e", "trace=fsync,fdatasync,rename,ftruncate"]
    process.start(*command)
    with VaultClient(process.url, credentials["writer"]) as writer:
        for number in range(2):
            before = len(trace.read_text().splitlines())
            writer.deposit("school", [deposit(b"%d" % number, content=b"sealed")])
            writer.checkpoint("school")
    root = f"{process.folder}/"
    calls = []
    for line in trace.read_text().splitlines()[before:]:
        name, _, rest = line.partition(" ")[2].strip().partition("(")
        calls.append(f"{name} {rest.split(root)[-1].split('>')[0].split(chr(34))[0]}")
    school = "logs/school"
    publication = [
        f"fsync {school}/tile/entries/000.p/5.tmp",
        f"rename {school}/tile/entries/000.p/5",
        f"fsync {school}/tile/0/000.p/5.tmp",
        f"rename {school}/tile/0/000.p/5",
        f"fsync {school}/tile/entries/000.p",
        f"fsync {school}/tile/entries",
        f"fsync {school}/tile/0/000.p",
        f"fsync {school}/tile/0",
        f"fsync {school}/tile",
        f"fsync {school}",
        f"fsync {school}/checkpoint.tmp",
        f"rename {school}/checkpoint",
        f"fsync {school}",
        f"ftruncate {school}/staging",
        f"fdatasync {school}/staging",
    ]
    assert [call for call in calls if "journal/" not in call] == [
        "fdatasync contents/contents.sqlite3-wal",
        "fdatasync keys/keys.sqlite3-wal",
        f"fdatasync {school}/staging",
        "fdatasync sequencer.sqlite3-wal",
        *publication,
    ]
