"""kill -9 of a real vault process under load, again and again: nothing acknowledged is lost, no history forks.

EMARGE_KILL_ROUNDS sets the number of rounds (20).
"""

import os
import random
import threading
import time

import pytest

from emarge.proof.vault.checking.check import check_vault
from emarge.proof.vault.errors import VaultUnavailable
from emarge.proof.vault.log import merkle
from emarge.proof.vault.log.checkpoint import open_checkpoint
from emarge.proof.vault.service.client import VaultClient
from emarge.proof.vault.storage.reader import LogReader

pytestmark = pytest.mark.processes
ROUNDS = int(os.environ.get("EMARGE_KILL_ROUNDS", "20"))


class Load:
    """Clients that deposit until the vault is gone; they remember what they sent and what was acknowledged."""

    def __init__(self, process, credential, deposit):
        self._process, self._credential, self._deposit = process, credential, deposit
        self._mutex = threading.Lock()
        self.sent, self.acknowledged, self.unexpected = {}, {}, []

    def run(self, seconds):
        threads = [threading.Thread(target=self._work, args=(size,)) for size in (1, 1, 3, 40)]
        for thread in threads:
            thread.start()
        time.sleep(seconds)
        self._process.kill()
        for thread in threads:
            thread.join()

    def _work(self, size):
        with VaultClient(self._process.url, self._credential) as client:
            while True:
                batch = [self._deposit(os.urandom(200), "load", content=b"sealed") for _ in range(size)]
                with self._mutex:
                    self.sent |= {one.uuid: one for one in batch}
                try:
                    receipts = client.deposit("school", batch)
                except VaultUnavailable:
                    return
                except Exception as error:  # noqa: BLE001 - the test fails on it, outside this thread
                    self.unexpected.append(error)
                    return
                with self._mutex:
                    self.acknowledged |= {receipt.uuid: receipt for receipt in receipts}


def test_kill_under_load(process, credentials, folder, deposit):
    chance = random.Random(20261123)
    process.start()
    with VaultClient(process.url, credentials["opener"]) as opener:
        vkey = opener.open_log("school")
    load = Load(process, credentials["writer"], deposit)
    log = folder / "logs" / "school"
    for turn in range(ROUNDS):
        load.run(chance.uniform(0.02, 0.25))
        assert load.unexpected == []
        [crashed] = check_vault(folder)
        process.start()
        [recovered] = check_vault(folder)
        assert (recovered.size, recovered.root, recovered.staged) == (crashed.size, crashed.root, 0), turn
        reader = LogReader(log)
        notes = {receipt.checkpoint for receipt in load.acknowledged.values()}
        for checkpoint in [open_checkpoint(note, vkey) for note in notes]:
            proof = reader.consistency_proof(checkpoint.size, recovered.size)
            merkle.verify_consistency(checkpoint.size, recovered.size, proof, checkpoint.root, recovered.root)
    assert load.acknowledged != {}
    with VaultClient(process.url, credentials["writer"]) as writer:
        again = writer.deposit("school", [load.sent[name] for name in load.acknowledged])
        assert again == list(load.acknowledged.values())
        everything = writer.deposit("school", list(load.sent.values()))
        assert sorted(receipt.index for receipt in everything) == list(range(writer.count("school")))
    with VaultClient(process.url, credentials["reader"]) as reader:
        assert reader.find("school", "load") == list(range(len(load.sent)))
        assert [one.ciphertext for one in reader.contents("school", [len(load.sent) - 1]).values()] == [b"sealed"]
    assert process.terminate() == 0
    assert [checked.size for checked in check_vault(folder)] == [len(load.sent)]
