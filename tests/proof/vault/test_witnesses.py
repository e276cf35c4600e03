"""A vault and its witnesses as real processes: lines under checkpoints, absence, catching up, second histories."""

import shutil
import time
from contextlib import suppress

import httpx
import pytest
from tests.proof.vault.witnessed import Witnessed

from emarge.proof.vault.checking.check import check_vault
from emarge.proof.vault.log.cosignature import open_cosigned
from emarge.proof.vault.mirror import cosigner, wire
from emarge.proof.vault.service.client import VaultClient
from emarge.proof.vault.service.opened import Vault
from emarge.proof.vault.setup import witnessing
from emarge.proof.vault.witness.witness import examine

pytestmark = pytest.mark.processes
ORIGIN = "vault.example/school"
ONE, TWO = "witness.one", "witness.two"


@pytest.fixture
def site(folder):
    site = Witnessed(folder, [ONE, TWO])
    for witness in site.witnesses.values():
        witness.start()
    site.vault.start()
    yield site
    site.stop()


@pytest.fixture
def writer(site, credentials):
    with VaultClient(site.vault.url, credentials["opener"]) as opener:
        site.log_vkey = opener.open_log("school")
    with VaultClient(site.vault.url, credentials["writer"]) as writer:
        yield writer


def names(note, site):
    return [one.name for one in open_cosigned(note, site.log_vkey, site.vkeys).cosignatures]


def wait_until(true, seconds=20):
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until
        time.sleep(0.02)


def stopped_in_error(process):
    return process.process.wait(timeout=20) != 0


def test_checkpoints_carry_the_lines_of_all_and_a_witness_that_is_away_holds_up_nothing(site, writer, deposit):
    writer.deposit("school", [deposit(b"%d" % number) for number in range(300)])
    note = writer.checkpoint("school")
    assert names(note, site) == [ONE, TWO]
    assert (writer.cosigners("school"), writer.witnesses("school")) == ((), tuple(site.vkeys))
    wait_until(lambda: site.health() == {ONE: "held", TWO: "held"})
    assert (site.folder / "logs/school/checkpoint").read_bytes() == note

    site.witnesses[ONE].kill()
    writer.deposit("school", [deposit(b"while away")])
    assert names(writer.checkpoint("school"), site) == [TWO]
    began = time.monotonic()
    for number in range(30):
        writer.deposit("school", [deposit(b"more %d" % number)])
        assert names(writer.checkpoint("school"), site) == [TWO]
    assert time.monotonic() - began < 20  # nobody waits for it: with its 2 s each, it would be a minute
    assert site.health()[ONE] == "unavailable"

    site.witnesses[ONE].start()
    wait_until(lambda: site.health() == {ONE: "held", TWO: "held"})
    assert names(writer.checkpoint("school"), site) == [ONE, TWO]
    logs, refusals = examine(site.folder.with_name(ONE))
    assert (logs[ORIGIN].last.size, logs[ORIGIN].last.root, refusals) == (331, check_vault(site.folder)[0].root, [])

    assert site.vault.terminate() == 0
    site.vault.start()
    assert names(writer.checkpoint("school"), site) == [ONE, TWO]


def test_a_vault_starts_and_takes_deposits_with_all_witnesses_away(site, writer, deposit):
    site.vault.terminate()
    for witness in site.witnesses.values():
        witness.kill()
    site.vault.start()
    assert len(writer.deposit("school", [deposit(b"1")])) == 1
    assert names(writer.checkpoint("school"), site) == []
    assert site.health() == {ONE: "unavailable", TWO: "unavailable"}


def test_a_restored_snapshot_stops_before_it_writes(site, writer, deposit, tmp_path):
    writer.deposit("school", [deposit(b"before")])
    site.vault.terminate()
    shutil.copytree(site.folder, tmp_path / "snapshot")
    site.vault.start()
    writer.deposit("school", [deposit(b"after")])
    assert names(writer.checkpoint("school"), site) == [ONE, TWO]
    site.vault.kill()
    shutil.rmtree(site.folder)
    shutil.copytree(tmp_path / "snapshot", site.folder)
    with suppress(RuntimeError):  # it may be gone before it answered
        site.vault.start()
    assert stopped_in_error(site.vault)
    assert check_vault(site.folder)[0].size == 1
    assert examine(site.folder.with_name(ONE))[1] == []  # it signed no other history


def test_a_second_history_written_behind_their_backs_is_refused_and_remembered(site, writer, deposit, tmp_path):
    writer.deposit("school", [deposit(b"before")])
    site.vault.terminate()
    shutil.copytree(site.folder, tmp_path / "fork")
    site.vault.start()
    writer.deposit("school", [deposit(b"told to the witnesses")])
    assert names(writer.checkpoint("school"), site) == [ONE, TWO]
    site.vault.kill()
    for name in (ONE, TWO):
        witnessing.remove(tmp_path / "fork", name)
    forger = Vault(tmp_path / "fork", lambda digests: [b"token" + digest for digest in digests])
    forger.writers["school"].write([[deposit(b"another story")]])
    forger.close()
    shutil.rmtree(site.folder)
    shutil.copytree(tmp_path / "fork", site.folder)
    for vkey in site.vkeys:
        witnessing.add(site.folder, vkey)
    with suppress(RuntimeError):
        site.vault.start()
    assert stopped_in_error(site.vault)
    [refusal] = examine(site.folder.with_name(ONE))[1]
    assert (refusal.origin, refusal.size, refusal.reason) == (ORIGIN, 2, "have another root")
    assert httpx.get(f"{site.witnesses[ONE].url}/health", trust_env=False).json()["second_histories"] == 1


def test_who_may_ask_what(site, writer, deposit):
    writer.deposit("school", [deposit(b"1")])
    note = writer.checkpoint("school")
    place = f"/{cosigner.folder_name(ORIGIN)}/checkpoint"
    assert open_cosigned(site.ask(ONE, place).content, site.log_vkey, site.vkeys[:1]).checkpoint.size == 1
    asked = [
        (site.ask(ONE, place, "vault"), 403),
        (site.ask(ONE, "/add-checkpoint", "reader", "POST"), 403),
        (site.ask(ONE, "/add-checkpoint", "vault", "GET"), 405),
        (site.ask(ONE, "/tile/0/000", "reader"), 404),
        (site.ask(ONE, f"/{'0' * 64}/checkpoint"), 404),
        (site.ask(ONE, "/add-checkpoint", "vault", "POST", content=b"x" * 70_000), 413),
        (site.ask(ONE, "/add-checkpoint", "vault", "POST", content=b"x"), 400),
        (httpx.get(site.witnesses[ONE].url + place, trust_env=False), 401),
    ]
    assert [answer.status_code for answer, _ in asked] == [status for _, status in asked]
    again = wire.dump_checkpoint(0, [], note)
    answer = site.ask(ONE, "/add-checkpoint", "vault", "POST", content=again)
    assert (answer.status_code, answer.headers["content-type"], answer.text) == (409, "text/x.tlog.size", "1\n")
