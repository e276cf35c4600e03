"""Vault and mirror, two real processes: what is acknowledged when, and which histories are refused.

EMARGE_KILL_ROUNDS sets the number of rounds of kill -9 (6).
"""

import gzip
import os
import random
import shutil
import threading
import time
from contextlib import suppress

import pytest
from tests.proof.vault.mirrored import Site
from tests.proof.vault.naive import checkpoint_body, entries_body

from emarge.proof.vault.checking.check import check_vault
from emarge.proof.vault.errors import CheckpointError, CorruptVault, VaultRefused, VaultUnavailable
from emarge.proof.vault.log.checkpoint import open_checkpoint
from emarge.proof.vault.log.cosignature import open_cosigned
from emarge.proof.vault.mirror.check import check_mirror
from emarge.proof.vault.mirror.cosigner import folder_name
from emarge.proof.vault.service.client import VaultClient
from emarge.proof.vault.service.opened import Vault
from emarge.proof.vault.setup import mirroring
from emarge.proof.vault.setup.create import create_vault
from emarge.proof.vault.setup.logs import load

pytestmark = pytest.mark.processes
ORIGIN = "vault.example/school"
ROUNDS = int(os.environ.get("EMARGE_KILL_ROUNDS", "6"))


@pytest.fixture
def site(folder):
    sites = []

    def site(policy="sync", *, start=True):
        sites.append(Site(folder, policy))
        if start:
            sites[0].mirror.start()
            sites[0].vault.start()
        return sites[0]

    yield site
    for one in sites:
        one.stop()


@pytest.fixture
def begun(site, credentials):
    """A site with an open log, and its writing client."""
    clients = []

    def begun(policy="sync"):
        found = site(policy)
        with VaultClient(found.vault.url, credentials["opener"]) as opener:
            found.log_vkey = opener.open_log("school")
        clients.append(VaultClient(found.vault.url, credentials["writer"]))
        return found, clients[0]

    yield begun
    for client in clients:
        client.close()


def many(deposit, count):
    return [deposit(b"%d" % number, "label", content=b"sealed") for number in range(count)]


def unavailable(call, *values):
    with pytest.raises(VaultUnavailable) as caught:
        call(*values)
    return str(caught.value).partition(":")[0]


def mirrors(note, site):
    return [one.name for one in open_cosigned(note, site.log_vkey, (site.vkey,)).cosignatures]


def stopped(process):
    return process.process.wait(timeout=20)


def start_in_vain(process):
    """It stops before its first answer, or just after, and not well (granian may abort when stopped that early)."""
    with suppress(RuntimeError):
        process.start()
    return stopped(process) != 0


def test_acknowledged_is_held_in_both(begun, deposit, credentials):
    site, writer = begun()
    deposits = many(deposit, 700)
    receipts = writer.deposit("school", deposits)
    assert {receipt.mirror for receipt in receipts} == {"held"}
    [log], refusals = check_mirror(site.mirror_folder)
    assert (log.origin, log.size, refusals) == (ORIGIN, 700, [])
    note = writer.checkpoint("school")
    assert mirrors(note, site) == ["mirror.example"]
    assert writer.cosigners("school") == (site.vkey,)
    assert (site.health(), check_vault(site.folder)[0].root) == ("held", log.root)
    with pytest.raises(CheckpointError, match="one signature"):
        open_checkpoint(note, site.log_vkey)


def test_an_empty_log_is_cosigned_before_its_first_record(begun):
    site, writer = begun()
    site.await_health("held")
    assert mirrors(writer.checkpoint("school"), site) == ["mirror.example"]


def test_sync_acknowledges_nothing_while_the_mirror_is_away(begun, deposit):
    site, writer = begun("sync")
    writer.deposit("school", many(deposit, 3))
    site.mirror.kill()
    waiting, refused = many(deposit, 2), many(deposit, 2)
    assert unavailable(writer.deposit, "school", waiting) == "mirror_unavailable"
    assert site.health() == "unavailable"
    assert unavailable(writer.deposit, "school", refused) == "mirror_unavailable"
    assert writer.count("school") == 5
    assert mirrors(writer.checkpoint("school"), site) == []
    site.mirror.start()
    site.await_health("held")
    receipts = writer.deposit("school", waiting)
    assert [(receipt.index, receipt.mirror) for receipt in receipts] == [(3, "held"), (4, "held")]
    assert mirrors(writer.checkpoint("school"), site) == ["mirror.example"]
    assert check_mirror(site.mirror_folder)[0][0].size == 5


def test_degraded_acknowledges_local_only_and_catches_up_by_itself(begun, deposit):
    site, writer = begun("degraded")
    writer.deposit("school", many(deposit, 3))
    site.mirror.kill()
    deposits = many(deposit, 400)
    receipts = writer.deposit("school", deposits)
    assert {receipt.mirror for receipt in receipts} == {"local_only"}
    assert site.health() == "unavailable"
    assert mirrors(writer.checkpoint("school"), site) == []
    site.vault.kill()
    site.vault.start()
    more = many(deposit, 300)
    assert {receipt.mirror for receipt in writer.deposit("school", more)} == {"local_only"}
    site.mirror.start()
    site.await_health("held")
    assert mirrors(writer.checkpoint("school"), site) == ["mirror.example"]
    assert [receipt.mirror for receipt in writer.deposit("school", deposits[:1])] == ["held"]
    [log], _ = check_mirror(site.mirror_folder)
    assert (log.size, log.root) == (703, check_vault(site.folder)[0].root)


def test_a_mirror_that_comes_late_gets_everything(folder, credentials, deposit, process, site):
    process.start()
    with VaultClient(process.url, credentials["opener"]) as opener:
        opener.open_log("school")
    with VaultClient(process.url, credentials["writer"]) as writer:
        receipts = writer.deposit("school", [deposit(b"x" * 4000) for _ in range(3000)])
    assert {receipt.mirror for receipt in receipts} == {""}
    assert process.terminate() == 0
    found = site()
    found.await_health("held")
    assert check_mirror(found.mirror_folder)[0][0].size == 3000


def test_a_mirror_that_lost_its_disk_gets_everything_again(begun, deposit, tmp_path):
    site, writer = begun()
    empty = tmp_path / "empty"
    site.mirror.kill()
    site.vault.kill()
    shutil.copytree(site.mirror_folder, empty)
    site.mirror.start()
    site.vault.start()
    writer.deposit("school", many(deposit, 300))
    site.mirror.kill()
    shutil.rmtree(site.mirror_folder)
    shutil.copytree(empty, site.mirror_folder)
    site.mirror.start()
    assert {receipt.mirror for receipt in writer.deposit("school", many(deposit, 2))} == {"held"}
    assert check_mirror(site.mirror_folder)[0][0].size == 302


def restore(snapshot, folder):
    shutil.rmtree(folder)
    shutil.copytree(snapshot, folder)


def snapshot_then_more(site, writer, deposit, tmp_path):
    """A copy of the vault's folder with 5 records, taken while it was stopped; then 4 more, acknowledged."""
    writer.deposit("school", many(deposit, 5))
    assert site.vault.terminate() == 0
    shutil.copytree(site.folder, tmp_path / "snapshot")
    site.vault.start()
    writer.deposit("school", many(deposit, 4))
    return tmp_path / "snapshot"


@pytest.mark.parametrize("policy", ["sync", "degraded"])
def test_a_rolled_back_vault_stops_before_it_writes(begun, deposit, tmp_path, policy):
    site, writer = begun(policy)
    snapshot = snapshot_then_more(site, writer, deposit, tmp_path)
    site.vault.kill()
    restore(snapshot, site.folder)
    records = many(deposit, 1)
    ended = threading.Event()

    def load():
        while not ended.is_set():
            with suppress(VaultUnavailable):
                acknowledged.extend(writer.deposit("school", records))

    acknowledged, thread = [], threading.Thread(target=load)
    thread.start()
    assert start_in_vain(site.vault)
    ended.set()
    thread.join()
    assert (acknowledged, check_vault(site.folder)[0].size) == ([], 5)
    [log], refusals = check_mirror(site.mirror_folder)
    assert (log.size, refusals) == (9, [])


@pytest.mark.parametrize("forked", [2, 4, 20])
def test_a_second_history_written_behind_the_mirrors_back_is_refused_and_remembered(begun, deposit, tmp_path, forked):
    """Shorter than what the mirror holds, as long, and longer."""
    site, writer = begun("degraded")
    snapshot = snapshot_then_more(site, writer, deposit, tmp_path)
    site.vault.kill()
    site.mirror.kill()
    restore(snapshot, site.folder)
    site.vault.start()
    receipts = writer.deposit("school", many(deposit, forked))
    assert {receipt.mirror for receipt in receipts} == {"local_only"}
    site.mirror.start()
    assert stopped(site.vault) == 1
    [log], refusals = check_mirror(site.mirror_folder)
    assert (log.size, [(one.origin, one.size) for one in refusals]) == (9, [(ORIGIN, 5 + forked)])
    site.mirror.kill()
    site.mirror.start()
    assert site.ask_mirror("/health").json() == {"status": "ok", "second_histories": 1}
    assert start_in_vain(site.vault)


def test_a_replaced_entry_on_the_vaults_disk_is_caught_by_the_mirror(begun, deposit):
    site, writer = begun("degraded")
    site.mirror.kill()
    writer.deposit("school", many(deposit, 300))
    writer.checkpoint("school")
    assert site.vault.terminate() == 0
    bundle = site.folder / "logs/school/tile/entries/000"
    bundle.write_bytes(bundle.read_bytes().replace(b"\x00\x0299", b"\x00\x0298", 1))
    site.mirror.start()
    assert start_in_vain(site.vault)
    with pytest.raises(CorruptVault, match="school: the entry 99 in tile/entries/000 is not its tile's"):
        check_vault(site.folder)


@pytest.mark.parametrize("name", ["tile/entries/000", "tile/0/000", "tile/1/000.p/2", "tile/0/002.p/88", "checkpoint"])
def test_a_changed_file_of_the_mirror_is_found_by_its_check(begun, deposit, name):
    site, writer = begun()
    writer.deposit("school", many(deposit, 600))
    assert site.vault.terminate() == 0
    assert site.mirror.terminate() == 0
    path = site.mirror_folder / "logs" / folder_name(ORIGIN) / name
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(CorruptVault, match=ORIGIN):
        check_mirror(site.mirror_folder)


def test_kill_either_under_load_and_lose_nothing(begun, deposit):
    """Whatever was acknowledged stands in the mirror after a crash, before the vault could send it again."""
    site, writer = begun()
    chance, acknowledged, ended = random.Random(20261123), [], threading.Event()

    def load():
        while not ended.is_set():
            try:
                acknowledged.extend(writer.deposit("school", many(deposit, chance.choice([1, 7, 60]))))
            except VaultUnavailable:
                continue

    thread = threading.Thread(target=load)
    thread.start()
    for turn in range(ROUNDS):
        time.sleep(chance.uniform(0.05, 0.4))
        before = len(acknowledged)
        victim = site.vault if turn % 3 == 2 else site.mirror
        victim.kill()
        held = check_mirror(site.mirror_folder)[0][0]
        assert held.size >= max((receipt.index + 1 for receipt in acknowledged[:before]), default=0)
        victim.start()
        site.await_health("held")
    ended.set()
    thread.join()
    site.await_health("held")
    [log], refusals = check_mirror(site.mirror_folder)
    assert refusals == []
    assert (log.size, log.root) == (check_vault(site.folder)[0].size, check_vault(site.folder)[0].root)
    assert {receipt.mirror for receipt in acknowledged} == {"held"}


def test_another_mirror_at_the_address_is_not_taken_for_ours(site, credentials, deposit, tmp_path):
    found = site(start=False)
    elsewhere = tmp_path / "elsewhere"
    create_vault(elsewhere / "vault", name="other.example")
    other = Site(elsewhere / "vault", "sync")
    mirroring.configure(found.folder, mirroring.Mirroring(other.vkey, "sync"))
    found.mirror.start()
    found.vault.start()
    with VaultClient(found.vault.url, credentials["opener"]) as opener:
        opener.open_log("school")
    with VaultClient(found.vault.url, credentials["writer"]) as writer:
        assert unavailable(writer.deposit, "school", many(deposit, 1)) == "mirror_unavailable"


def test_a_vault_and_its_configuration_agree_on_having_a_mirror(folder, site):
    site(start=False)
    with pytest.raises(VaultRefused, match="has a mirror both in its folder and at an address"):
        Vault(folder, lambda digests: digests)


def test_another_mirror_takes_over_and_the_former_line_goes(begun, folder, deposit, tmp_path):
    site, writer = begun()
    writer.deposit("school", many(deposit, 3))
    assert mirrors(writer.checkpoint("school"), site) == ["mirror.example"]
    with pytest.raises(VaultRefused, match="in_use"):
        mirroring.configure(folder, mirroring.Mirroring(site.vkey, "degraded"))
    assert site.vault.terminate() == 0
    published = folder / "logs/school/checkpoint"
    mirroring.configure(folder, mirroring.Mirroring(site.vkey, "degraded"))
    assert mirrors(published.read_bytes(), site) == ["mirror.example"]
    create_vault(tmp_path / "elsewhere/vault", name="other.example")
    other = Site(tmp_path / "elsewhere/vault", "sync")
    mirroring.configure(folder, mirroring.Mirroring(other.vkey, "sync"))
    assert load(folder, "vault.example", "school").open(published.read_bytes()).size == 3


@pytest.fixture(scope="module")
def standing(tmp_path_factory):
    folder = tmp_path_factory.mktemp("standing") / "vault"
    create_vault(folder, name="vault.example")
    site = Site(folder, "sync")
    site.mirror.start()
    yield site
    site.stop()


@pytest.mark.parametrize(
    ("method", "path", "role", "status"),
    [
        ("GET", "/nothing", "reader", 404),
        ("POST", "/add-entries", "reader", 403),
        ("GET", "/add-entries", "vault", 405),
        ("GET", f"/{'0' * 64}/checkpoint", "vault", 403),
        ("GET", f"/{'0' * 64}/checkpoint", "reader", 404),
        ("POST", f"/{'0' * 64}/checkpoint", "reader", 405),
        ("POST", "/add-log", "vault", 400),
        ("POST", "/add-checkpoint", "vault", 400),
        ("POST", "/add-entries", "vault", 400),
    ],
)
def test_the_mirror_answers_what_its_page_says(standing, method, path, role, status):
    assert standing.ask_mirror(path, role, method).status_code == status


def test_the_mirror_wants_a_credential(standing):
    answer = standing.ask_mirror("/add-log", method="POST", headers={"authorization": "Bearer wrong"})
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")


def test_a_body_may_come_in_gzip_and_is_bounded(begun):
    site, _ = begun()
    entries = [b"entry"]
    key = load(site.folder, "vault.example", "school").key
    body = checkpoint_body(0, entries, key=key)
    site.await_health("held")
    site.vault.kill()

    def post(path, data, encoding="gzip"):
        headers = {"content-encoding": encoding}
        return site.ask_mirror(path, "vault", "POST", content=data, headers=headers).status_code

    assert post("/add-checkpoint", body) == 400
    assert post("/add-checkpoint", gzip.compress(body)[:-1]) == 400
    assert post("/add-checkpoint", gzip.compress(body) + b"x") == 400
    assert post("/add-checkpoint", gzip.compress(body), "br") == 400
    assert post("/add-checkpoint", gzip.compress(b"\x00" * (33 * 1024 * 1024))) == 413
    assert post("/add-checkpoint", gzip.compress(body)) == 200
    assert post("/add-entries", gzip.compress(entries_body(0, entries))) == 200
    tile = site.ask_mirror(f"/{folder_name(ORIGIN)}/tile/entries/000.p/1")
    assert (tile.status_code, tile.content) == (200, b"\x00\x05entry")
    note = site.ask_mirror(f"/{folder_name(ORIGIN)}/checkpoint").content
    assert open_cosigned(note, site.log_vkey, (site.vkey,)).checkpoint.size == 1
    assert site.ask_mirror(f"/{folder_name(ORIGIN)}/tile/0/000").status_code == 404
