"""Which witnesses a vault has."""

import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from emarge.proof.vault.errors import CheckpointError, CorruptVault, VaultRefused
from emarge.proof.vault.log import cosignature
from emarge.proof.vault.service.opened import Vault
from emarge.proof.vault.setup import mirroring, witnessing
from emarge.proof.vault.setup.create import LOCK
from emarge.proof.vault.setup.mirroring import Mirroring
from emarge.proof.vault.storage import files


def vkey(name):
    return cosignature.vkey(name, Ed25519PrivateKey.generate().public_key())


ONE, TWO, MIRROR = vkey("one"), vkey("two"), vkey("mirror")


def refused(call, *values):
    with pytest.raises(VaultRefused) as caught:
        call(*values)
    return caught.value.code


def test_witnesses_are_added_and_taken_away(folder):
    assert witnessing.read(folder) == ()
    for one in (ONE, TWO, ONE):
        witnessing.add(folder, one)
    assert witnessing.read(folder) == (ONE, TWO)
    witnessing.remove(folder, "one")
    assert witnessing.read(folder) == (TWO,)
    assert refused(witnessing.remove, folder, "one") == "no_witness"


def test_a_name_is_had_once(folder):
    mirroring.configure(folder, Mirroring(MIRROR, "sync"))
    witnessing.add(folder, ONE)
    assert [refused(witnessing.add, folder, vkey(name)) for name in ("one", "mirror")] == ["same_name"] * 2
    with pytest.raises(CheckpointError):
        witnessing.add(folder, "nonsense")
    assert witnessing.read(folder) == (ONE,)


def test_not_while_the_vault_runs(folder):
    held = files.lock(folder / LOCK)
    assert (refused(witnessing.add, folder, ONE), refused(witnessing.remove, folder, "one")) == ("in_use", "in_use")
    files.unlock(held)


def test_what_the_folder_names_must_have_an_address(folder):
    witnessing.add(folder, ONE)
    assert refused(Vault, folder, list) == "no_witness"


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"witnesses": ["x"]}', '{"witnesses": 7}', json.dumps([ONE])])
def test_what_cannot_be_read_is_named(folder, text):
    (folder / witnessing.FILE).write_text(text)
    with pytest.raises(CorruptVault, match=witnessing.FILE):
        witnessing.read(folder)


def test_two_of_one_name_are_named(folder):
    (folder / witnessing.FILE).write_text(json.dumps({"witnesses": [ONE, vkey("one")]}))
    with pytest.raises(CorruptVault, match="twice"):
        witnessing.read(folder)
