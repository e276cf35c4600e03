"""Each kind of write of a real vault made to fail by strace: it stops, is intact, and has what it acknowledged.

EMARGE_ALL_FAILURES=1 tries ten files and errors in the place of three.
"""

import os
import shutil
import subprocess
from contextlib import suppress

import pytest

from emarge.proof.vault.checking.check import check_vault
from emarge.proof.vault.errors import VaultUnavailable
from emarge.proof.vault.service.client import VaultClient
from emarge.proof.vault.setup.create import create_vault
from tests.faults.test_disk import deposits, gone
from tests.proof.vault.process import Process

pytestmark = pytest.mark.processes
STRACE = shutil.which("strace")
LOG = "logs/school"
# The call, the file that it is for, the error.
FAILURES = [
    ("write", f"{LOG}/staging", "EIO"),
    ("pwrite64", "sequencer.sqlite3-wal", "ENOSPC"),
    ("write", f"{LOG}/tile/0/000.p/7.tmp", "EROFS"),
]
if os.environ.get("EMARGE_ALL_FAILURES"):
    FAILURES += [
        ("pwrite64", "contents/contents.sqlite3-wal", "EIO"),
        ("pwrite64", "keys/keys.sqlite3-wal", "ENOSPC"),
        ("write", f"{LOG}/staging", "ENOSPC"),
        ("pwrite64", "sequencer.sqlite3-wal", "EIO"),
        ("write", f"{LOG}/tile/entries/000.p/7.tmp", "EIO"),
        ("write", f"{LOG}/checkpoint.tmp", "EDQUOT"),
        ("ftruncate", f"{LOG}/staging", "EIO"),
    ]


@pytest.fixture
def tracing():
    if STRACE is None or subprocess.run([STRACE, "-qq", "-o", "/dev/null", "true"], check=False).returncode:
        pytest.skip("strace is not on this machine, or may not trace")


@pytest.mark.usefixtures("tracing")
@pytest.mark.parametrize(("call", "file", "error"), FAILURES)
def test_a_failed_write_stops_the_vault_and_loses_nothing(tmp_path, call, file, error):
    folder = tmp_path / "vault"
    credentials = create_vault(folder, name="v")
    process = Process(folder).start()
    with VaultClient(process.url, credentials["opener"]) as opener:
        opener.open_log("school")
    with VaultClient(process.url, credentials["writer"]) as writer:
        sent = [deposits(3)]
        acknowledged = writer.deposit("school", sent[0])
        assert process.terminate() == 0
        path, inject = f"{folder}/{file}", f"inject={call}:error={error}:when=1+"
        command = [STRACE, "-D", "-f", "-qq", "-o", "/dev/null", "-P", path, "-e", f"trace={call}", "-e", inject]
        with suppress(RuntimeError):  # it may not get through its start, which publishes again
            process.start(*command)
            with pytest.raises(VaultUnavailable):
                deposit_and_read(writer, sent, acknowledged)
        assert gone(process) == 1
        assert check_vault(folder)[0].size >= len(acknowledged)
        process.start()
        again = {receipt.uuid: receipt for batch in sent for receipt in writer.deposit("school", batch)}
    assert {receipt.uuid: receipt for receipt in acknowledged}.items() <= again.items()
    assert process.terminate() == 0
    assert check_vault(folder)[0].size == len(again)


def deposit_and_read(writer, sent, acknowledged):
    """One batch, published before the next."""
    for _ in range(5):
        sent.append(deposits(4))
        acknowledged += writer.deposit("school", sent[-1])
        writer.checkpoint("school")
