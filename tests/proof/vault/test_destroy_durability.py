"""Each durable call of a destruction made to fail, or the vault killed at it, by strace in a real vault process.

Whatever happens the check finds no fault, and the same order finishes what was begun.
EMARGE_ALL_FAILURES=1 tries more calls than those that stand for each step.
"""

import os
import shutil
import uuid

import pytest
from tests.proof.vault.process import Process
from tests.proof.vault.test_destroy import AGED, LONG_AGO, NOW
from tests.proof.vault.test_durability import STRACE, can_trace, starts

from emarge.proof.vault.checking.check import check_vault
from emarge.proof.vault.errors import VaultUnavailable
from emarge.proof.vault.log.deposits import Deposit
from emarge.proof.vault.service.client import VaultClient
from emarge.proof.vault.setup.create import create_vault

pytestmark = pytest.mark.processes


class Vault:
    """A vault with 300 records of 2026 and an order of 2032, and the credentials to it."""

    def __init__(self, folder, credentials, deposits, order):
        self.folder, self.credentials, self.deposits, self.order = folder, credentials, deposits, order
        self.process = Process(folder, AGED)

    def client(self, role="destroyer"):
        return VaultClient(self.process.url, self.credentials[role])

    def copy(self, parent):
        shutil.copytree(self.folder.parent, parent, dirs_exist_ok=True)
        return Vault(parent / "vault", self.credentials, self.deposits, self.order)

    def raw(self):
        return b"".join(path.read_bytes() for path in self.folder.rglob("*") if path.is_file())


@pytest.fixture(scope="module")
def pristine(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pristine") / "vault"
    (folder.parent / "now").write_text(LONG_AGO)
    deposits = [
        Deposit(str(uuid.uuid4()), b"record %d" % n, ("all",), os.urandom(50), os.urandom(32)) for n in range(300)
    ]
    order = Deposit(str(uuid.uuid4()), b"order", (), b"", b"")
    vault = Vault(folder, create_vault(folder, name="vault.example"), deposits, order.uuid)
    vault.process.start()
    with vault.client("opener") as opener, vault.client("writer") as writer:
        opener.open_log("school")
        writer.deposit("school", deposits)
        (folder.parent / "now").write_text(NOW)
        writer.deposit("school", [order])
    assert vault.process.terminate() == 0
    return vault


@pytest.fixture
def vault(pristine, tmp_path):
    if not can_trace():
        pytest.skip("strace is not on this machine, or may not trace")
    vault = pristine.copy(tmp_path)
    yield vault
    if vault.process.process is not None and vault.process.process.poll() is None:
        vault.process.kill()


CALLS = [
    "fsync retention/school/ORDER.plan.tmp",
    "rename retention/school/ORDER.plan",
    "fsync retention/school",
    "fsync retention",
    "fdatasync keys/keys.sqlite3-wal",
    "fdatasync contents/contents.sqlite3-wal",
    "fdatasync keys/keys.sqlite3",
    "ftruncate keys/keys.sqlite3-wal",
    "fdatasync keys/keys.sqlite3-wal",
    "fdatasync contents/contents.sqlite3",
    "ftruncate contents/contents.sqlite3-wal",
    "fdatasync contents/contents.sqlite3-wal",
    "fdatasync sequencer.sqlite3-wal",
    "fdatasync sequencer.sqlite3",
    "ftruncate sequencer.sqlite3-wal",
    "fdatasync sequencer.sqlite3-wal",
    "unlink logs/school/tile/entries/000",
    "fsync logs/school/tile/entries",
    "fsync retention/school/ORDER.certificate.tmp",
    "rename retention/school/ORDER.certificate",
    "fsync retention/school",
    "fsync retention",
]
# A call, the file that it is about, and which one of them in the thread.
STEPS = [
    "rename retention/school/ORDER.plan.tmp 1",
    "fsync retention/school 1",
    "fdatasync keys/keys.sqlite3-wal 1",
    "ftruncate keys/keys.sqlite3-wal 1",
    "unlink logs/school/tile/entries/000 1",
    "fsync retention/school/ORDER.certificate.tmp 1",
]
KILLED = STEPS[1::2]
if os.environ.get("EMARGE_ALL_FAILURES"):
    elsewhere = {"fsync logs/school/tile/entries", "fsync retention"}  # these are synced at the start too
    again = [call + ".tmp" if call.startswith("rename") else call for call in CALLS if call not in elsewhere]
    STEPS = sorted({*STEPS, *(f"{call} 1" for call in again)})
    STEPS += [f"fdatasync {name}-wal {n}" for name in ("keys/keys.sqlite3", "sequencer.sqlite3") for n in (2, 3, 4)]
    KILLED = STEPS
FAIL, KILL = "error=EIO", "signal=SIGKILL"
CUTS = [(step, FAIL) for step in STEPS] + [(step, KILL) for step in KILLED]


def test_a_destruction_makes_the_calls_of_its_format_page_in_their_order(vault):
    trace = vault.folder.parent / "trace"
    calls = "trace=fsync,fdatasync,rename,unlink,ftruncate"
    vault.process.start(STRACE, "-D", "-f", "-qq", "-y", "-o", str(trace), "-e", calls)
    before = len(trace.read_text().splitlines())
    with vault.client() as destroyer:
        destroyer.destroy_before("school", vault.order, 256)
    made = []
    for line in trace.read_text().splitlines()[before:]:
        name, _, rest = line.partition(" ")[2].strip().partition("(")
        path = rest.split(f"{vault.folder}/")[-1].split(">")[0].split(chr(34))[0]
        made.append(f"{name} {path.replace(vault.order, 'ORDER')}")
    left = iter(made)
    assert [call for call in CALLS if call not in left] == [], made


@pytest.mark.parametrize(("step", "how"), CUTS)
def test_a_destruction_that_is_cut_short_is_finished(vault, step, how):
    call, name, number = step.replace("ORDER", vault.order).split()
    path, inject = vault.folder / name, f"inject={call}:{how}:when={number}"
    command = [STRACE, "-D", "-f", "-qq", "-o", "/dev/null", "-P", str(path), "-e", f"trace={call}", "-e", inject]
    assert starts(vault.process, *command)
    with vault.client() as destroyer:
        with pytest.raises(VaultUnavailable):
            destroyer.destroy_before("school", vault.order, 256)
        assert vault.process.process.wait(timeout=20) == (1 if how == FAIL else -9)
        [checked] = check_vault(vault.folder)
        assert checked.size == 301
        vault.process.start()
        done = destroyer.destroy_before("school", vault.order, 256)
        assert destroyer.destroy_before("school", vault.order, 256) == done
        raw = vault.raw()
    gone, kept = vault.deposits[:256], vault.deposits[256:]
    assert not any(one.content_key in raw or one.content in raw or one.payload + b"[" in raw for one in gone)
    assert all(one.content_key in raw for one in kept)
    assert not (vault.folder / "logs/school/tile/entries/000").exists()
    assert vault.process.terminate() == 0
    [checked] = check_vault(vault.folder)
    assert checked.size == 301
