"""Retention, holds and destruction over HTTP, against a real vault process."""

import hashlib
import json
import os
import uuid

import pytest
from tests.proof.vault.process import Process

from emarge.proof.vault.destruction import plans
from emarge.proof.vault.errors import VaultRefused, VaultUnavailable
from emarge.proof.vault.log import merkle
from emarge.proof.vault.log.checkpoint import open_checkpoint
from emarge.proof.vault.log.deposits import Deposit
from emarge.proof.vault.service.client import VaultClient

pytestmark = pytest.mark.processes
# A vault whose authority says the date in a file beside it.
AGED = """
import json, os, sys
from datetime import datetime
from pathlib import Path
from emarge.proof.vault.service.server import serve

folder = Path(sys.argv[1])

def stamp(digests):
    now = (folder.parent / "now").read_text()
    return [json.dumps([now, digest.hex(), os.urandom(8).hex()]).encode() for digest in digests]

def token_time(token):
    return datetime.fromisoformat(json.loads(token)[0])

serve(folder, port=int(sys.argv[2]), stamp=stamp, token_time=token_time)
"""
LONG_AGO, NOW = "2026-11-23T12:00:00+00:00", "2032-01-01T12:00:00+00:00"


@pytest.fixture
def process(folder):
    (folder.parent / "now").write_text(LONG_AGO)
    process = Process(folder, AGED)
    yield process
    if process.process is not None and process.process.poll() is None:
        process.kill()


@pytest.fixture
def clients(process, credentials):
    process.start()
    clients = {role: VaultClient(process.url, credential) for role, credential in credentials.items()}
    clients["opener"].open_log("school")
    yield clients
    for client in clients.values():
        client.close()


@pytest.fixture
def aged(clients, folder):
    """520 records of 2026, and an order of 2032."""
    deposits = [
        Deposit(str(uuid.uuid4()), b"record %d" % number, (f"student:{number % 7}",), os.urandom(99), os.urandom(32))
        for number in range(520)
    ]
    clients["writer"].deposit("school", deposits)
    (folder.parent / "now").write_text(NOW)
    return deposits


def ordered(clients):
    order = Deposit(str(uuid.uuid4()), b"destroy", (), b"", b"")
    clients["writer"].deposit("school", [order])
    return order.uuid


def refused(work, *values):
    with pytest.raises(VaultRefused) as caught:
        work(*values)
    return caught.value.code


def test_the_end_of_retention_over_http(clients, aged, process, folder):
    destroyer, reader, order = clients["destroyer"], clients["reader"], ordered(clients)
    note = reader.checkpoint("school")
    before = reader.proofs("school", [7, 519], 521)
    done = destroyer.destroy_before("school", order, 515)
    certificate = plans.open_certificate(done.note, reader.vkey("school"))
    assert (certificate.plan.records.text, certificate.plan.entries.text) == ("0-514", "0-511")
    assert done.digest == hashlib.sha256(done.note).hexdigest() == json.loads(done.token)[1]
    assert destroyer.destroy_before("school", order, 515) == done
    assert refused(destroyer.destroy_before, "school", order, 514) == "order_reused"
    assert [one.digest for one in reader.destructions("school")] == [done.digest]
    assert refused(reader.entries, "school", [7]) == "destroyed"
    assert refused(clients["writer"].deposit, "school", [aged[7]]) == "destroyed"
    assert reader.contents("school", [7, 514, 515]).keys() == {515}
    assert set(reader.entries("school", [512, 519])) == {512, 519}
    assert [index for number in range(7) for index in reader.find("school", f"student:{number}") if index < 512] == []
    assert reader.proofs("school", [7, 519], 521) == before
    head = open_checkpoint(note, reader.vkey("school"))
    merkle.verify_inclusion(merkle.leaf_hash(reader.entries("school", [519])[519]), 519, 521, before[519], head.root)
    [gone, kept] = clients["auditor"].metadata("school", [7, 519])
    assert (gone["destroyed"], gone["uuid"], kept["entry_bytes"] > 0) == (order, aged[7].uuid, True)
    merkle.verify_inclusion(bytes.fromhex(gone["leaf"]), 7, 521, before[7], head.root)
    assert refused(reader._call, "GET", "school", "/tile/entries/000") == "destroyed"
    assert refused(reader._call, "GET", "school", "/tile/entries/001.p/9") == "destroyed"
    assert reader._call("GET", "school", "/tile/0/000").content
    clients["writer"].deposit("school", [Deposit(str(uuid.uuid4()), b"new", (), b"", b"")])
    assert process.terminate() == 0
    process.start()
    assert destroyer.destroy_before("school", order, 515) == done
    assert process.terminate() == 0
    assert not any(one.content_key in path.read_bytes() for path in (folder / "keys").iterdir() for one in aged[:515])


def test_a_shredded_content_is_unreadable_and_its_record_still_proved(clients, aged):
    reader, order = clients["reader"], ordered(clients)
    done = clients["destroyer"].destroy_contents("school", order, [3, 511])
    assert reader.contents("school", [2, 3, 511]).keys() == {2}
    head = open_checkpoint(reader.checkpoint("school"), reader.vkey("school"))
    proof = reader.proofs("school", [3], head.size)[3]
    merkle.verify_inclusion(merkle.leaf_hash(reader.entries("school", [3])[3]), 3, head.size, proof, head.root)
    assert b"\nscope contents\n" in done.note
    assert [one["key"] if one else None for one in (m["content"] for m in reader.metadata("school", [2, 3]))] == [
        True,
        None,
    ]


def test_periods_and_holds_over_http(clients, aged):
    destroyer, order, hold = clients["destroyer"], ordered(clients), str(uuid.uuid4())
    assert clients["reader"].retention("school") == {"days": 1827, "periods": [], "holds": []}
    assert destroyer.place_hold("school", hold, None, "2027/114")["holds"][0]["released"] is None
    assert refused(destroyer.destroy_before, "school", order, 512) == "held"
    assert refused(destroyer.destroy_contents, "school", order, [1]) == "held"
    [released] = destroyer.release_hold("school", hold, "2028/3")["holds"]
    assert (released["reference"], released["release_reference"]) == ("2027/114", "2028/3")
    assert destroyer.raise_retention("school", 2192)["days"] == 2192
    assert refused(destroyer.raise_retention, "school", 1827) == "period_shorter"
    assert refused(destroyer.destroy_before, "school", order, 512) == "too_young"
    assert clients["reader"].entries("school", [0])
    assert clients["reader"].destructions("school") == []


def test_a_plan_without_a_readable_time_destroys_nothing(clients, aged, folder):
    order = ordered(clients)
    (folder.parent / "now").write_text("no time")
    with pytest.raises(VaultUnavailable, match="internal"):
        clients["destroyer"].destroy_before("school", order, 512)
    assert clients["reader"].entries("school", [0])
    (folder.parent / "now").write_text(NOW)
    assert clients["destroyer"].destroy_before("school", order, 512).note


ORDER = "0b1cf9de-4f3c-4f10-9d3d-0d5e1f2a3b4c"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("retention", "{}"),
        ("retention", "[1]"),
        ("retention", '{"days": "2000"}'),
        ("retention", '{"days": true}'),
        ("holds", '{"id": "x", "label": null, "reference": "r"}'),
        (f"holds/{ORDER}/release", '{"reference": ""}'),
        ("destroy", ""),
        ("destroy", "{}"),
        ("destroy", f'{{"order": "{ORDER}", "scope": "all", "before": 1}}'),
        ("destroy", f'{{"order": "{ORDER}", "scope": "retention", "before": 0}}'),
        ("destroy", f'{{"order": "{ORDER}", "scope": "retention", "indexes": [1]}}'),
        ("destroy", f'{{"order": "{ORDER}", "scope": "contents", "indexes": []}}'),
        ("destroy", f'{{"order": "{ORDER}", "scope": "contents", "indexes": [2, 1]}}'),
        ("destroy", f'{{"order": "{ORDER}", "scope": "contents", "indexes": [1, 1]}}'),
        ("destroy", f'{{"order": "{ORDER.upper()}", "scope": "contents", "indexes": [1]}}'),
    ],
)
def test_a_malformed_request_is_refused(ask, path, body):
    assert ask("POST", f"/logs/school/{path}", role="destroyer", content=body) == (400, "bad_request")


def test_the_vaults_own_log_is_never_destroyed(ask):
    body = f'{{"order": "{ORDER}", "scope": "retention", "before": 1}}'
    assert ask("POST", "/logs/vault/destroy", role="destroyer", content=body) == (403, "reserved_log")
    assert ask("POST", f"/logs/school/holds/{ORDER}/release", "destroyer", content='{"reference": "r"}')[0] == 404
