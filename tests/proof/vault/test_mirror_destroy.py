"""A mirror forgets what the vault destroyed: told at once, told late, told by a stolen key, or come later itself."""

import json
import os
import time
import uuid
from contextlib import ExitStack
from datetime import UTC, datetime

import pytest
from tests.proof.vault.aged import Authority, Old, contents, retention
from tests.proof.vault.mirrored import Site
from tests.proof.vault.process import Process

from emarge.proof.vault.checking.check import check_vault
from emarge.proof.vault.errors import CorruptVault, VaultRefused
from emarge.proof.vault.log.deposits import Deposit
from emarge.proof.vault.mirror.check import check_mirror
from emarge.proof.vault.mirror.cosigner import folder_name
from emarge.proof.vault.mirror.mirror import Mirror, NotNextError, create_mirror, vkey_of
from emarge.proof.vault.mirror.wire import Package, Upload, dump_checkpoint, dump_destroyed, dump_entries
from emarge.proof.vault.service.client import VaultClient
from emarge.proof.vault.setup import mirroring

ORIGIN = "vault.example/school"
HASH = folder_name(ORIGIN)
READ = """
import json, os, sys
from datetime import datetime
from pathlib import Path

def token_time(token):
    return datetime.fromisoformat(json.loads(token)[0])
"""
MIRROR = (
    READ
    + """
from emarge.proof.vault.mirror.http import serve

serve(Path(sys.argv[1]), port=int(sys.argv[2]), token_time=token_time)
"""
)
VAULT = (
    READ
    + """
from emarge.proof.vault.mirror.client import MirrorClient
from emarge.proof.vault.service.server import serve

folder = Path(sys.argv[1])

def stamp(digests):
    now = (folder.parent / "now").read_text()
    return [json.dumps([now, digest.hex(), os.urandom(8).hex()]).encode() for digest in digests]

serve(folder, port=int(sys.argv[2]), stamp=stamp, mirror=MirrorClient(*sys.argv[3:]), token_time=token_time)
"""
)


class AgedSite(Site):
    """Both processes, which read the times of the vault's tokens; the vault's authority says a date in a file."""

    def __init__(self, folder, policy):
        super().__init__(folder, policy)
        self.mirror = Process(self.mirror_folder, MIRROR)
        self.vault = Process(folder, VAULT, self.mirror.url, self.credentials["vault"])

    def another_mirror(self):
        """A new and empty mirror in the place of the one there was."""
        self.mirror_folder = self.folder.with_name("other")
        self.credentials = create_mirror(self.mirror_folder, name="other.example")
        self.mirror = Process(self.mirror_folder, MIRROR)
        mirroring.configure(self.folder, mirroring.Mirroring(vkey_of(self.mirror_folder), "sync"))
        self.vault = Process(self.folder, VAULT, self.mirror.url, self.credentials["vault"])

    def bundles(self):
        return sorted(path.name for path in (self.mirror_folder / "logs" / HASH / "tile" / "entries").iterdir())

    def await_forgotten(self, reader):
        for _ in range(1000):
            listed = reader.destructions("school")
            if all(one.mirror == "forgotten" for one in listed):
                return
            time.sleep(0.01)
        raise RuntimeError(listed)


@pytest.fixture
def site(folder):
    (folder.parent / "now").write_text("2019-01-02T12:00:00+00:00")
    site = AgedSite(folder, "sync")
    with ExitStack() as stack:
        site.enter = stack.enter_context
        yield site
    site.stop()


def clients_of(site, credentials):
    return {role: site.enter(VaultClient(site.vault.url, credential)) for role, credential in credentials.items()}


def lived(site, credentials):
    """600 records of 2019, and an order of 2025; both processes run."""
    site.mirror.start()
    site.vault.start()
    clients = clients_of(site, credentials)
    clients["opener"].open_log("school")
    new = lambda: Deposit(str(uuid.uuid4()), os.urandom(40), ("all",), b"sealed", os.urandom(32))  # noqa: E731
    clients["writer"].deposit("school", [new() for _ in range(600)])
    (site.folder.parent / "now").write_text("2025-06-01T12:00:00+00:00")
    order = new()
    clients["writer"].deposit("school", [order])
    clients["reader"].checkpoint("school")
    return clients, order.uuid


@pytest.mark.processes
def test_a_mirror_forgets_with_the_vault_also_after_a_time_away(site, credentials):
    clients, order = lived(site, credentials)
    site.mirror.kill()
    done = clients["destroyer"].destroy_before("school", order, 300)
    assert [one.mirror for one in clients["reader"].destructions("school")] == ["waiting"]
    site.mirror.start()
    assert site.bundles()[:2] == ["000", "001"]
    site.await_forgotten(clients["reader"])
    site.await_health("held")
    assert site.bundles()[0] == "001"
    assert site.ask_mirror(f"/{HASH}/tile/entries/000").status_code == 410
    assert site.ask_mirror(f"/{HASH}/tile/0/000").status_code == 200
    second = Deposit(str(uuid.uuid4()), b"again", (), b"", b"")
    clients["writer"].deposit("school", [second])
    clients["destroyer"].destroy_before("school", second.uuid, 600)
    site.await_forgotten(clients["reader"])
    assert site.bundles() == ["002.p"]
    for process in (site.vault, site.mirror):
        assert process.terminate() == 0
    [[checked], _] = check_mirror(site.mirror_folder, token_digest=Authority.digest)
    assert checked.size == 602
    site.mirror.start()
    site.vault.start()
    site.await_health("held")
    site.await_forgotten(clients["reader"])
    assert done.digest in {one.digest for one in clients["reader"].destructions("school")}


@pytest.mark.processes
def test_a_mirror_that_comes_later_is_handed_the_hashes(site, credentials):
    clients, order = lived(site, credentials)
    clients["destroyer"].destroy_before("school", order, 520)
    clients["writer"].deposit("school", [Deposit(str(uuid.uuid4()), b"later", (), b"", b"")])
    for process in (site.vault, site.mirror):
        process.terminate()
    site.another_mirror()
    site.mirror.start()
    site.vault.start()
    clients = clients_of(site, credentials)
    clients["writer"].deposit("school", [Deposit(str(uuid.uuid4()), b"latest", (), b"", b"")])
    site.await_forgotten(clients["reader"])
    assert site.bundles() == ["002.p"]
    for process in (site.vault, site.mirror):
        assert process.terminate() == 0
    [[checked], _] = check_mirror(site.mirror_folder, token_digest=Authority.digest)
    assert (checked.size, checked.root) == (603, check_vault(site.folder)[0].root)


# From here on without processes: what a mirror accepts.

LATER = datetime(2032, 1, 1, tzinfo=UTC)


@pytest.fixture
def old(folder):
    one = Old(folder, Authority())
    yield one
    one.vault.close()


@pytest.fixture
def mirror(tmp_path, old):
    """A mirror that holds all of the vault's records."""
    create_mirror(tmp_path / "mirror", name="mirror.example")
    mirror = Mirror(tmp_path / "mirror", Authority.time)
    mirror.add_log(old.writer.log.vkey)
    mirror.add_checkpoint(dump_checkpoint(0, [], old.writer.handover(0, 0).note), LATER)
    while not isinstance(mirror.add_entries(upload(old, mirror), LATER), bytes):
        pass
    mirror.publish()
    yield mirror
    mirror.close()


def upload(old, mirror):
    return dump_entries(old.writer.upload(mirror.logs[ORIGIN].stored.size, old.writer.size))


def refused(work, *values):
    with pytest.raises(VaultRefused) as caught:
        work(*values)
    return caught.value.code


def entries_of(mirror):
    return sorted(path.name for path in (mirror.logs[ORIGIN].stored.folder / "tile" / "entries").iterdir())


def test_a_certificate_is_taken_once_and_survives_a_start(old, mirror, tmp_path):
    done = old.destroy(retention(old.order, 300))
    for _ in range(2):
        mirror.add_destruction(done.sealed.dump(), LATER)
        assert entries_of(mirror)[0] == "001"
    mirror.add_destruction(old.destroy(contents(old.ordered(), [599])).sealed.dump(), LATER)
    mirror.close()
    again = Mirror(tmp_path / "mirror", Authority.time)
    assert entries_of(again)[0] == "001"
    assert len(list(again.logs[ORIGIN].destructions)) == 2
    again.close()
    [[checked], _] = check_mirror(tmp_path / "mirror", token_digest=Authority.digest)
    assert checked.size == 601


def test_a_young_entry_is_kept_whatever_the_vaults_key_has_signed(old, mirror):
    done = old.destroy(retention(old.order, 300))
    early = datetime(2031, 11, 1, tzinfo=UTC)
    assert refused(mirror.add_destruction, done.sealed.dump(), early) == "too_young"
    assert entries_of(mirror)[:2] == ["000", "001"]
    assert not list(mirror.logs[ORIGIN].destructions)
    mirror.add_destruction(done.sealed.dump(), LATER)


def test_a_mirror_that_cannot_read_times_keeps_everything(old, mirror, tmp_path):
    done = old.destroy(retention(old.order, 300))
    mirror.close()
    blind = Mirror(tmp_path / "mirror")
    assert refused(blind.add_destruction, done.sealed.dump(), LATER) == "too_young"
    blind.close()


def test_a_false_certificate_is_refused(old, mirror, monkeypatch):
    done = old.destroy(retention(old.order, 300))
    values = json.loads(done.sealed.dump())
    assert refused(mirror.add_destruction, b"{}", LATER) == "bad_request"
    bad = json.dumps(values | {"note": values["note"].replace("count 300", "count 301")}).encode()
    assert refused(mirror.add_destruction, bad, LATER) == "bad_signature"
    elsewhere = json.dumps(values | {"note": values["note"].replace(ORIGIN, "other/log")}).encode()
    assert refused(mirror.add_destruction, elsewhere, LATER) == "unknown_log"
    monkeypatch.setattr("emarge.proof.vault.mirror.mirror.leaves_digest", lambda *_: bytes(32))
    assert refused(mirror.add_destruction, done.sealed.dump(), LATER) == "false_certificate"


def test_a_certificate_of_what_is_not_held_yet_must_wait(old, mirror):
    old.write([old.record(601, "student:1")])
    done = old.destroy(contents(old.order, [601]))
    with pytest.raises(NotNextError):
        mirror.add_destruction(done.sealed.dump(), LATER)


@pytest.fixture
def empty(tmp_path, old):
    """A mirror that has nothing, and the pending checkpoint of a vault that destroyed 512 entries."""
    done = old.destroy(retention(old.order, 512))
    create_mirror(tmp_path / "empty", name="mirror.example")
    mirror = Mirror(tmp_path / "empty", Authority.time)
    mirror.add_log(old.writer.log.vkey)
    mirror.add_checkpoint(dump_checkpoint(0, [], old.writer.handover(0, 0).note), LATER)
    yield mirror, done
    mirror.close()


def test_hashes_lead_to_the_checkpoint_or_are_refused(old, empty):
    mirror, done = empty
    good = old.writer.upload_destroyed(0, 601, done)
    assert [package.start for package in good.packages] == [0, 256]
    first = good.packages[0]
    false = Package(0, (bytes(32), *first.entries[1:]), first.proof)
    sealed = done.sealed.dump()
    assert refused(mirror.add_destroyed, dump_destroyed(sealed, Upload(ORIGIN, 0, 601, (false,))), LATER) == (
        "false_package"
    )
    shifted = Upload(ORIGIN, 256, 601, good.packages[1:])
    with pytest.raises(NotNextError):
        mirror.add_destroyed(dump_destroyed(sealed, shifted), LATER)
    beyond = Upload(ORIGIN, 0, 1024, (*good.packages, Package(512, first.entries, first.proof)))
    assert refused(mirror.add_destroyed, dump_destroyed(sealed, beyond), LATER) in {"not_next", "false_certificate"}
    for body in (b"", b"\0\0\0\1x", dump_destroyed(sealed, good)[:-1]):
        assert refused(mirror.add_destroyed, body, LATER) == "bad_request"
    assert mirror.add_destroyed(dump_destroyed(sealed, good), LATER).next == 512
    assert isinstance(mirror.add_entries(upload(old, mirror), LATER), bytes)


def test_an_unfinished_upload_of_hashes_begins_again_after_a_start(old, empty, tmp_path):
    mirror, done = empty
    body = dump_destroyed(done.sealed.dump(), old.writer.upload_destroyed(0, 601, done))
    mirror.add_destroyed(body, LATER)
    mirror.close()
    check_mirror(tmp_path / "empty", token_digest=Authority.digest)
    again = Mirror(tmp_path / "empty", Authority.time)
    assert again.add_destroyed(body, LATER).next == 512
    assert isinstance(again.add_entries(upload(old, again), LATER), bytes)
    again.add_destruction(done.sealed.dump(), LATER)
    again.close()
    [[checked], _] = check_mirror(tmp_path / "empty", token_digest=Authority.digest)
    assert checked.size == 601


def test_a_hole_in_a_mirror_without_a_certificate_is_a_fault(old, mirror, tmp_path):
    (mirror.logs[ORIGIN].stored.folder / "tile" / "entries" / "000").unlink()
    with pytest.raises(CorruptVault, match="tile/entries/000 is missing"):
        check_mirror(tmp_path / "mirror")
