"""A log controlled on request, in a process of its own beside the vault."""

import time

import pytest

from emarge.proof.vault.checking.controls import main
from emarge.proof.vault.errors import VaultRefused
from emarge.proof.vault.log.checkpoint import open_checkpoint
from emarge.proof.vault.service.client import VaultClient

pytestmark = pytest.mark.processes


@pytest.fixture
def clients(process, credentials):
    process.start()
    clients = {role: VaultClient(process.url, credential) for role, credential in credentials.items()}
    clients["opener"].open_log("school")
    yield clients
    for client in clients.values():
        client.close()


def ended(client):
    """The result of the control that runs; the limit only ends a test that would never pass."""
    for _ in range(3000):
        known = client.controlled("school")
        if known["state"] != "running":
            return known
        time.sleep(0.02)
    raise AssertionError("the control never ended")


def test_a_control_says_at_which_size_and_root_the_log_is_intact(clients, deposit):
    clients["writer"].deposit("school", [deposit(b"%d" % n) for n in range(600)])
    assert clients["auditor"].controlled("school") == {"state": "none"}
    begun = clients["controller"].control("school")
    assert (begun["state"], begun["done"]) == ("running", 0)
    again = clients["controller"].control("school")
    assert again["started"] == begun["started"]  # one at a time
    result = ended(clients["auditor"])
    published = open_checkpoint(clients["auditor"].checkpoint("school"), clients["auditor"].vkey("school"))
    assert (result["state"], result["size"], result["root"]) == ("intact", 600, published.root.hex())
    assert (result["staged"], result["started"] < result["finished"]) == (0, True)
    later = clients["controller"].control("school")
    assert (later["state"], later["started"] > begun["started"]) == ("running", True)


def test_a_control_names_the_first_fault_and_the_vault_goes_on(clients, deposit, folder):
    clients["writer"].deposit("school", [deposit(b"%d" % n) for n in range(300)])
    assert clients["reader"].count("school") == 300
    tile = folder / "logs/school/tile/0/000"
    tile.write_bytes(bytes(8192))
    clients["controller"].control("school")
    result = ended(clients["controller"])
    assert result["state"] == "fault"
    assert result["fault"].startswith("school: ")
    assert "tile" in result["fault"]
    assert clients["reader"].count("school") == 300


def test_a_log_that_is_none_is_not_controlled(clients):
    for call in (clients["controller"].control, clients["controller"].controlled):
        with pytest.raises(VaultRefused) as caught:
            call("other")
        assert caught.value.code == "unknown_log"


def test_a_stop_ends_a_control(clients, deposit, process):
    clients["writer"].deposit("school", [deposit(b"one")])
    clients["controller"].control("school")
    assert process.terminate() == 0


def test_a_control_tells_how_far_it_is(folder, opened, deposit, monkeypatch):
    monkeypatch.setattr("emarge.proof.vault.checking.controls._EVERY", -1.0)
    writer = opened().open_log("school")
    writer.write([[deposit(b"%d" % n) for n in range(500)]])
    writer.publish()
    said = []
    main(folder, "school", said.append)
    assert said[:2] == [
        {"state": "running", "done": 256, "total": 500},
        {"state": "running", "done": 500, "total": 500},
    ]
    assert (said[2]["state"], said[2]["size"]) == ("intact", 500)


def test_a_control_of_the_vaults_own_log_checks_the_journal_too(folder, opened):
    opened().open_log("vault")
    (folder / "journal" / "2026-11-23").write_bytes(b"x\n")
    said = []
    main(folder, "vault", said.append)
    assert said == [{"state": "fault", "fault": "the journal of 2026-11-23, line 1, is no line of a journal"}]
