import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from emarge.proof.vault.errors import CheckpointError, CorruptVault
from emarge.proof.vault.log import cosignature
from emarge.proof.vault.log.deposits import HELD, LOCAL_ONLY, Receipt
from emarge.proof.vault.service import wire
from emarge.proof.vault.setup import mirroring
from emarge.proof.vault.setup.mirroring import Mirroring

VKEY = cosignature.vkey("mirror.example", Ed25519PrivateKey.from_private_bytes(b"\x01" * 32).public_key())
NOTE = b"note"


def test_a_vault_has_no_mirror_until_it_is_given_one(folder):
    assert mirroring.read(folder) is None
    mirroring.configure(folder, Mirroring(VKEY, "degraded"))
    assert mirroring.read(folder) == Mirroring(VKEY, "degraded")
    mirroring.configure(folder, Mirroring(VKEY, "sync"))
    assert mirroring.read(folder) == Mirroring(VKEY, "sync")


def test_a_key_that_is_no_cosigners_is_not_taken(folder):
    with pytest.raises(CheckpointError):
        mirroring.configure(folder, Mirroring("mirror.example+00000000+AA==", "sync"))
    assert mirroring.read(folder) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        json.dumps({"vkey": VKEY}),
        json.dumps({"vkey": "x", "policy": "sync"}),
        json.dumps({"vkey": 7, "policy": "sync"}),
        json.dumps({"vkey": VKEY, "policy": "never"}),
    ],
)
def test_an_unreadable_choice_is_a_fault_and_not_an_absence(folder, text):
    (folder / mirroring.FILE).write_text(text)
    with pytest.raises(CorruptVault, match=mirroring.FILE):
        mirroring.read(folder)


@pytest.mark.parametrize("mirror", ["", HELD, LOCAL_ONLY])
def test_a_receipt_says_over_the_wire_what_the_mirror_held(mirror):
    receipts = [Receipt("u", 0, "00", b"stamp", 1, NOTE, mirror)]
    body = wire.dump_receipts(receipts)
    assert wire.load_receipts(body) == receipts
    assert (b'"mirror"' in body) == (mirror != "")


def test_another_word_about_the_mirror_is_unreadable():
    body = wire.dump_receipts([Receipt("u", 0, "00", b"stamp", 1, NOTE, HELD)])
    with pytest.raises(ValueError, match="hold"):
        wire.load_receipts(body.replace(b'"held"', b'"hold"'))
