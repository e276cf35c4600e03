"""Disks that are full or read-only, for real: each process says so, loses nothing, and goes on afterwards."""

import hashlib
import os
import shutil
import subprocess
import sys
import time
import uuid
from contextlib import closing

import pytest

from emarge.cli.timestamping import create_authority
from emarge.cli.vault import create_vault
from emarge.proof.timestamping.client import TimestampClient
from emarge.proof.timestamping.errors import TimestampUnavailable
from emarge.proof.timestamping.tokens import read_token
from emarge.proof.vault.checking.check import check_vault
from emarge.proof.vault.errors import VaultUnavailable
from emarge.proof.vault.log.deposits import Deposit
from emarge.proof.vault.mirror.check import check_mirror
from emarge.proof.vault.service.client import VaultClient
from emarge.proof.vault.setup import create
from emarge.proof.vault.witness.witness import examine
from tests.cli.commands import emarge
from tests.faults.disk import small_disk
from tests.installation import environment
from tests.processes import Server, free_port, start_timestamping
from tests.proof.vault.mirrored import Site
from tests.proof.vault.process import Process
from tests.proof.vault.witnessed import Witnessed

pytestmark = pytest.mark.processes


@pytest.fixture
def disk(tmp_path):
    with small_disk(tmp_path / "disk") as disk:
        if disk is None:
            pytest.skip("no disk can be mounted here")
        yield disk


@pytest.fixture
def credentials(folder):
    return create.create_vault(folder, name="vault.example")


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "vault"


def secret(data, name):
    return (data / "credentials" / name).read_text(encoding="ascii").strip()


def deposits(count):
    return [Deposit(str(uuid.uuid4()), os.urandom(3000), (), b"sealed" * 100, b"k" * 32) for _ in range(count)]


def deposit_on(writer, sent, acknowledged):
    """Deposit until the vault takes no more."""
    while True:
        sent.append(deposits(4))
        acknowledged += writer.deposit("school", sent[-1])


def gone(process):
    """Its exit code, once it has stopped by itself."""
    return process.process.wait(timeout=20)


def test_a_full_disk_stops_the_vault_and_loses_nothing(disk):
    create_vault(disk.folder, name="v")
    process = Process(disk.folder / "vault")
    acknowledged, sent = [], []
    with VaultClient(process.url, secret(disk.folder, "vault-writer")) as writer:
        for leaving in (0, 150_000):
            process.start()
            with VaultClient(process.url, secret(disk.folder, "vault-opener")) as opener:
                opener.open_log("school")
            disk.fill(leaving)
            with pytest.raises(VaultUnavailable):
                deposit_on(writer, sent, acknowledged)
            assert gone(process) == 1
            assert check_vault(disk.folder / "vault")[0].size >= len(acknowledged)
            disk.make_room()
        process.start()
        again = [receipt for batch in sent for receipt in writer.deposit("school", batch)]
        assert {receipt.uuid: receipt for receipt in acknowledged}.items() <= {one.uuid: one for one in again}.items()
        assert len(acknowledged) > 4
    assert process.terminate() == 0
    assert check_vault(disk.folder / "vault")[0].size == len(again) == 4 * len(sent)


def moved(folder, disk):
    """Put a folder on the disk; it is found where it was."""
    shutil.move(folder, disk.folder / folder.name)
    folder.symlink_to(disk.folder / folder.name)


def test_a_full_disk_stops_the_mirror_and_it_catches_up(disk, credentials, folder):
    site = Site(folder, "sync")
    moved(site.mirror_folder, disk)
    site.mirror.start()
    site.vault.start()
    with VaultClient(site.vault.url, credentials["opener"]) as opener:
        opener.open_log("school")
    with VaultClient(site.vault.url, credentials["writer"]) as writer:
        acknowledged = writer.deposit("school", deposits(3))
        disk.fill(30_000)
        with pytest.raises(VaultUnavailable, match="mirror_unavailable"):
            deposit_on(writer, [], acknowledged)
        assert gone(site.mirror) == 1
        assert check_mirror(site.mirror_folder)[0][0].size >= len(acknowledged)
        disk.make_room()
        site.mirror.start()
        site.await_health("held")
        writer.deposit("school", deposits(1))
    [held], refusals = check_mirror(site.mirror_folder)
    assert (held.root, refusals) == (check_vault(folder)[0].root, [])
    site.stop()


def test_a_full_disk_stops_the_witness_and_it_catches_up(disk, credentials, folder):
    site = Witnessed(folder, ["w"])
    moved(folder.with_name("w"), disk)
    site.witnesses["w"].start()
    site.vault.start()
    with VaultClient(site.vault.url, credentials["opener"]) as opener:
        opener.open_log("school")
    with VaultClient(site.vault.url, credentials["writer"]) as writer:
        disk.fill()
        until = time.monotonic() + 60
        while site.witnesses["w"].process.poll() is None:
            writer.deposit("school", deposits(1))  # never held up
            writer.checkpoint("school")
            assert time.monotonic() < until
        assert gone(site.witnesses["w"]) == 1
        disk.make_room()
        site.witnesses["w"].start()
        writer.deposit("school", deposits(1))
        while site.health() != {"w": "held"}:
            assert time.monotonic() < until
            time.sleep(0.05)
    logs, refusals = examine(folder.with_name("w"))
    assert (logs["vault.example/school"].last.root, refusals) == (check_vault(folder)[0].root, [])
    site.stop()


def test_the_authority_gives_no_token_that_it_cannot_account_for(disk):
    create_authority(disk.folder, name="Full")
    server = start_timestamping(disk.folder)
    with closing(TimestampClient(server.url, secret(disk.folder, "timestamping"))) as client:
        given = set()
        disk.fill()
        with pytest.raises(TimestampUnavailable):
            stamp_on(client, given)
        disk.make_room()
        assert not stamped(client, 1) & given
    assert server.stop() == 0


def stamp_on(client, given):
    """Ask for tokens until there are none: what was reserved before is given."""
    while len(given) < 100_000:
        given |= stamped(client, 100)


def stamped(client, count):
    """The serial numbers of so many new tokens."""
    tokens = client.stamp([hashlib.sha256(os.urandom(8)).digest() for _ in range(count)])
    return {read_token(token).info.serial for token in tokens}


@pytest.mark.parametrize("kind", ["vault", "mirror", "witness", "timestamping"])
def test_a_read_only_disk_is_named_and_nothing_is_changed(disk, kind):
    data = disk.folder
    create_vault(data, name="v")
    if kind in {"mirror", "witness"}:
        assert emarge(kind, "create", "--data", data)[0] == 0
    server = Server([kind, "serve", "--data", str(data)], free_port(), {"EMARGE_TIMESTAMP_URL": "http://127.0.0.1:1"})
    server.start().stop()
    before = contents_of(data)
    command = [sys.executable, "-m", "emarge", *server.arguments, "--port", str(server.port)]
    with disk.read_only():
        ended = subprocess.run(
            command, env={**environment(), **server.environment}, capture_output=True, text=True, check=False
        )
    assert (ended.returncode, ended.stderr.count("its disk is full, read-only or failing"), ended.stdout) == (1, 1, "")
    assert "Traceback" not in ended.stderr
    assert contents_of(data) == before
    assert server.start().stop() == 0


def contents_of(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
