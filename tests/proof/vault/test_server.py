"""The HTTP interface, against a real process."""

import base64
import os
import signal
import sqlite3
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import httpx
import pytest

from emarge.proof.vault.checking.check import check_vault
from emarge.proof.vault.errors import VaultRefused, VaultUnavailable
from emarge.proof.vault.log import merkle
from emarge.proof.vault.log.checkpoint import open_checkpoint
from emarge.proof.vault.log.entry import decode
from emarge.proof.vault.service.client import SealedContent, VaultClient
from emarge.proof.vault.storage.contents import KEYS

pytestmark = pytest.mark.processes


@pytest.fixture
def clients(process, credentials):
    process.start()
    clients = {role: VaultClient(process.url, credential) for role, credential in credentials.items()}
    yield clients
    for client in clients.values():
        client.close()


def refused(call, *values):
    with pytest.raises(VaultRefused) as caught:
        call(*values)
    return caught.value.code


def test_a_record_from_deposit_to_proof(clients, deposit):
    vkey = clients["opener"].open_log("school")
    assert [client.vkey("school") for client in clients.values()] == [vkey] * 6
    first = deposit(b'{"a":1}', "meeting:m", "student:s", content=b"sealed")
    second = deposit(b'{"b":2}', "meeting:m")
    receipts = clients["writer"].deposit("school", [first, second])
    reader = clients["reader"]
    assert [receipt.index for receipt in receipts] == [0, 1]
    assert (reader.find("school", "meeting:m"), reader.find("school", "student:s")) == ([0, 1], [0])
    assert reader.find("school", "student:é") == []
    assert reader.contents("school", [0, 1]) == {0: SealedContent(b"sealed", b"k" * 32)}
    note = reader.checkpoint("school")
    assert note == receipts[0].checkpoint == clients["writer"].checkpoint("school")
    checkpoint = open_checkpoint(note, vkey)
    entries, proofs = reader.entries("school", [0, 1]), reader.proofs("school", [0, 1], checkpoint.size)
    assert (list(entries), list(proofs)) == ([0, 1], [0, 1])
    for receipt, logged in zip(receipts, (first, second), strict=True):
        entry = entries[receipt.index]
        assert (decode(entry).payload, decode(entry).stamp) == (logged.payload, receipt.stamp)
        leaf = merkle.leaf_hash(entry)
        assert leaf.hex() == receipt.leaf
        merkle.verify_inclusion(leaf, receipt.index, checkpoint.size, proofs[receipt.index], checkpoint.root)
    assert (reader.count("school"), clients["writer"].count("school")) == (2, 2)


def test_opening_again_gives_the_same_key_and_another_log_another(clients):
    opener = clients["opener"]
    vkeys = [opener.open_log(log) for log in ("school", "school", "other")]
    assert (vkeys[0] == vkeys[1], vkeys[0] == vkeys[2]) == (True, False)


def test_the_same_deposit_again_gives_the_same_receipt_also_after_a_restart(clients, deposit, process):
    clients["opener"].open_log("school")
    deposits = [deposit(b"%d" % number) for number in range(3)]
    receipts = clients["writer"].deposit("school", deposits)
    assert clients["writer"].deposit("school", deposits) == receipts
    assert process.terminate() == 0
    process.start()
    assert clients["writer"].deposit("school", deposits[::-1]) == receipts[::-1]
    assert clients["writer"].count("school") == 3


def test_a_reused_uuid_is_refused(clients, deposit):
    clients["opener"].open_log("school")
    [first] = clients["writer"].deposit("school", [deposit(b"one")])
    other = [deposit(b"new"), deposit(b"two", name=first.uuid)]
    assert refused(clients["writer"].deposit, "school", other) == "uuid_reused"
    assert clients["writer"].count("school") == 1


def test_more_than_one_request_holds(clients, deposit):
    clients["opener"].open_log("school")
    deposits = [deposit(b"%d" % number) for number in range(1100)]
    receipts = clients["writer"].deposit("school", deposits)
    assert [(receipt.uuid, receipt.index) for receipt in receipts] == [
        (deposits[index].uuid, index) for index in range(1100)
    ]
    reader = clients["reader"]
    entries = reader.entries("school", reversed(range(1100)))
    assert [(index, decode(entry).payload) for index, entry in entries.items()] == [
        (index, b"%d" % index) for index in range(1100)
    ]
    checkpoint = open_checkpoint(reader.checkpoint("school"), reader.vkey("school"))
    for index, proof in reader.proofs("school", range(1100), 1100).items():
        merkle.verify_inclusion(merkle.leaf_hash(entries[index]), index, 1100, proof, checkpoint.root)
    assert reader.contents("school", range(1100)) == {}
    assert reader.entries("school", []) == {}


def test_a_proof_against_the_size_of_an_earlier_checkpoint(clients, deposit):
    vkey = clients["opener"].open_log("school")
    receipts = clients["writer"].deposit("school", [deposit(b"%d" % number) for number in range(5)])
    earlier = open_checkpoint(receipts[-1].checkpoint, vkey)
    clients["writer"].deposit("school", [deposit(b"later %d" % number) for number in range(300)])
    proofs = clients["reader"].proofs("school", range(5), earlier.size)
    for receipt in receipts:
        leaf = bytes.fromhex(receipt.leaf)
        merkle.verify_inclusion(leaf, receipt.index, earlier.size, proofs[receipt.index], earlier.root)


def test_large_contents_travel_in_several_requests(clients, deposit):
    clients["opener"].open_log("school")
    deposits = [deposit(b"%d" % number, content=os.urandom(1024 * 1024)) for number in range(9)]
    clients["writer"].deposit("school", deposits)
    contents = clients["reader"].contents("school", range(9))
    assert [(index, one.ciphertext) for index, one in contents.items()] == [
        (index, one.content) for index, one in enumerate(deposits)
    ]


def test_an_answer_stops_before_four_mebibytes_are_exceeded(clients, deposit, process, credentials):
    clients["opener"].open_log("school")
    content = os.urandom(1024 * 1024)
    sizes = [content, content, content, content[:-1], b"", b"x", b"y"]
    clients["writer"].deposit("school", [deposit(b"%d" % n, content=one) for n, one in enumerate(sizes)])
    answer = httpx.post(
        f"{process.url}/logs/school/read",
        headers={"authorization": f"Bearer {credentials['reader']}"},
        json={"indexes": list(range(7)), "want": "contents"},
        trust_env=False,
    )
    assert [one and len(base64.b64decode(one["ciphertext"])) for one in answer.json()["contents"]] == [
        1024 * 1024,
        1024 * 1024,
        1024 * 1024,
        1024 * 1024 - 1,
        None,
        1,
    ]
    found = clients["reader"].contents("school", range(7))
    assert {index: one.ciphertext for index, one in found.items()} == {
        index: one for index, one in enumerate(sizes) if one
    }


def test_a_destroyed_key_takes_its_content_and_nothing_else(clients, deposit, process, folder):
    clients["opener"].open_log("school")
    clients["writer"].deposit("school", [deposit(b"%d" % number, content=b"sealed") for number in range(2)])
    process.terminate()
    with closing(sqlite3.connect(folder / KEYS)) as keys, keys:
        keys.execute("DELETE FROM sealed WHERE rowid = 1")
    process.start()
    assert list(clients["reader"].contents("school", [0, 1])) == [1]
    assert list(clients["reader"].entries("school", [0, 1])) == [0, 1]


def test_concurrent_deposits_of_the_same_and_of_other_records(clients, deposit, folder):
    clients["opener"].open_log("school")
    shared = [deposit(b"shared %d" % number) for number in range(20)]

    def work(worker):
        own = [deposit(b"own %d %d" % (worker, number)) for number in range(20)]
        receipts = []
        for mine, ours in zip(own, shared, strict=True):
            receipts += clients["writer"].deposit("school", [mine, ours])
        return receipts

    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(work, range(12)))
    assert {tuple(answer[1::2]) for answer in answers} == {tuple(answers[0][1::2])}
    indexes = {receipt.index for answer in answers for receipt in answer}
    assert indexes == set(range(12 * 20 + 20))
    assert clients["reader"].count("school") == len(indexes)
    assert [checked.size for checked in check_vault(folder)] == [len(indexes)]


def test_two_payloads_under_one_uuid_at_once_only_one_is_logged(clients, deposit):
    clients["opener"].open_log("school")
    for attempt in range(10):
        name = str(uuid.uuid4())
        barrier = threading.Barrier(4)

        def work(worker, name=name, barrier=barrier):
            barrier.wait()
            try:
                clients["writer"].deposit("school", [deposit(b"%d" % worker, name=name)])
            except VaultRefused as refusal:
                return refusal.code
            return "logged"

        with ThreadPoolExecutor(4) as pool:
            answers = sorted(pool.map(work, range(4)))
        assert answers == ["logged"] + ["uuid_reused"] * 3
        assert clients["writer"].count("school") == attempt + 1


def test_without_tokens_deposits_wait_and_reading_goes_on(clients, deposit, folder):
    clients["opener"].open_log("school")
    clients["writer"].deposit("school", [deposit(b"one")])
    (folder.parent / "no-stamps").touch()
    waiting = deposit(b"two")
    with pytest.raises(VaultUnavailable, match=r"^stamp_unavailable: the timestamp authority gives no tokens"):
        clients["writer"].deposit("school", [waiting])
    assert clients["reader"].count("school") == 1
    (folder.parent / "no-stamps").unlink()
    assert [receipt.index for receipt in clients["writer"].deposit("school", [waiting])] == [1]


def test_a_vault_that_does_not_answer_is_unavailable(process, credentials):
    with VaultClient(process.url, credentials["writer"]) as client, pytest.raises(VaultUnavailable):
        client.count("school")


def test_an_index_beyond_the_size_or_a_size_beyond_the_log_is_unknown(clients, deposit):
    clients["opener"].open_log("school")
    clients["writer"].deposit("school", [deposit(b"one"), deposit(b"two")])
    reader = clients["reader"]
    assert refused(reader.entries, "school", [1, 2]) == "unknown_index"
    assert refused(reader.contents, "school", [2]) == "unknown_index"
    assert refused(reader.proofs, "school", [1], 1) == "unknown_index"
    assert refused(reader.proofs, "school", [1], 3) == "unknown_index"
    assert refused(reader.entries, "other", [0]) == "unknown_log"
    assert refused(clients["writer"].contents, "school", [0]) == "wrong_role"


def test_tiles_are_served_as_c2sp_lays_them_out(clients, deposit, process, credentials):
    clients["opener"].open_log("school")
    for number in range(3):
        clients["writer"].deposit("school", [deposit(b"%d" % (number * 100 + n)) for n in range(100)])

    def get(path):
        headers = {"authorization": f"Bearer {credentials['reader']}"}
        return httpx.get(f"{process.url}/logs/school/{path}", headers=headers, trust_env=False)

    checkpoint = get("checkpoint")
    assert checkpoint.headers["content-type"] == "text/plain; charset=utf-8"
    full, partial = get("tile/0/000"), get("tile/0/000.p/100")
    assert full.headers["content-type"] == "application/octet-stream"
    assert (len(full.content), partial.content) == (8192, full.content[:3200])
    assert len(get("tile/0/001.p/44").content) == 44 * 32
    assert get("tile/1/000.p/1").content == merkle.root_hash(
        [full.content[start : start + 32] for start in range(0, 8192, 32)]
    )
    assert (get("tile/0/001").status_code, get("tile/0/001.p/45").status_code) == (404, 404)
    entry = clients["reader"].entries("school", [0])[0]
    assert get("tile/entries/000.p/1").content == len(entry).to_bytes(2, "big") + entry


def test_a_second_process_on_one_vault_stops_at_once(process, clients):
    second = type(process)(process.folder)
    with pytest.raises(RuntimeError, match=r"^the vault process did not start: 1$"):
        second.start()
    assert httpx.get(f"{process.url}/health", trust_env=False).json() == {"status": "ok"}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_told_to_stop_it_finishes_and_publishes(clients, deposit, process, folder, number):
    clients["opener"].open_log("school")
    clients["writer"].deposit("school", [deposit(b"one")])
    process.process.send_signal(number)
    assert process.process.wait(timeout=20) == 0
    assert [(checked.size, checked.staged) for checked in check_vault(folder)] == [(1, 0)]
