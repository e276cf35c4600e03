import pytest

from emarge.proof.vault.errors import CheckpointError, CorruptVault, VaultRefused
from emarge.proof.vault.service.opened import Vault
from emarge.proof.vault.setup.create import ROLES, create_vault


def test_a_vault_is_made_with_a_credential_for_each_role(folder, credentials, opened):
    vault = opened()
    assert {role: vault.role(credential) for role, credential in credentials.items()} == {role: role for role in ROLES}
    assert [vault.role(wrong) for wrong in ("", "x", credentials["writer"] + "x", "é")] == [None] * 4


def test_no_credential_stands_in_the_vault(folder, credentials):
    for path in folder.rglob("*"):
        if path.is_file():
            assert not any(credential.encode() in path.read_bytes() for credential in credentials.values())


def test_everything_is_for_its_owner_alone(folder, opened):
    opened().open_log("school")
    loose = [path for path in folder.rglob("*") if path.is_file() and path.stat().st_mode & 0o077]
    assert loose == []


def test_a_vault_is_never_made_over_another(folder):
    before = sorted((path, path.stat().st_mtime_ns) for path in folder.rglob("*"))
    with pytest.raises(VaultRefused) as caught:
        create_vault(folder, name="other.example")
    assert caught.value.code == "exists"
    assert sorted((path, path.stat().st_mtime_ns) for path in folder.rglob("*")) == before


def test_a_name_that_cannot_be_a_key_name_makes_nothing(tmp_path):
    with pytest.raises(CheckpointError):
        create_vault(tmp_path / "vault", name="two words")
    assert list(tmp_path.iterdir()) == []


def test_what_a_crash_left_of_a_creation_does_not_stand_in_the_way(tmp_path):
    (tmp_path / "vault.new").mkdir()
    (tmp_path / "vault.new" / "sequencer.sqlite3").write_bytes(b"half")
    create_vault(tmp_path / "vault", name="vault.example")
    Vault(tmp_path / "vault", list).close()
    assert [path.name for path in tmp_path.iterdir()] == ["vault"]


def test_a_wrong_path_makes_nothing(tmp_path):
    with pytest.raises(VaultRefused) as caught:
        Vault(tmp_path / "elsewhere", list)
    assert caught.value.code == "no_vault"
    assert list(tmp_path.iterdir()) == []


def test_a_vault_without_its_sequencer_does_not_open(folder):
    (folder / "sequencer.sqlite3").unlink()
    with pytest.raises(CorruptVault, match=r"sequencer.sqlite3 is missing or unreadable"):
        Vault(folder, list)
    assert not (folder / "sequencer.sqlite3").exists()


def test_two_processes_cannot_open_one_vault(folder, opened):
    opened()
    with pytest.raises(VaultRefused) as caught:
        Vault(folder, list)
    assert caught.value.code == "in_use"
