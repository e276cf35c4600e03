"""What a check finds of destructions: certified holes are none, everything else is a named fault."""

import hashlib
import json
import shutil
import uuid
from dataclasses import replace

import pytest
from tests.proof.vault.aged import Authority, Old, contents, retention

from emarge.proof.vault.checking.check import check_vault
from emarge.proof.vault.destruction.plans import Certificate, Sealed, open_certificate, sign_certificate
from emarge.proof.vault.errors import CorruptVault, StampUnavailable
from emarge.proof.vault.setup.create import create_vault


@pytest.fixture(scope="module")
def pristine(tmp_path_factory):
    """A vault in which 512 records were destroyed, closed; made once and copied."""
    folder = tmp_path_factory.mktemp("pristine") / "vault"
    create_vault(folder, name="vault.example")
    old = Old(folder, Authority())
    old.vault.contents.empty_logs()
    shutil.copytree(folder, folder.with_name("before"))
    old.destroy(contents(old.ordered(), [599]))
    old.destroy(retention(old.order, 515))
    old.vault.close()
    return old


@pytest.fixture
def folder(pristine, tmp_path):
    shutil.copytree(pristine.folder, tmp_path / "vault")
    return tmp_path / "vault"


@pytest.fixture
def certificate(pristine, folder):
    return folder / "retention" / "school" / f"{pristine.order}.certificate"


def check(folder):
    return check_vault(folder, token_digest=Authority.digest)


def fault(folder):
    with pytest.raises(CorruptVault) as caught:
        check(folder)
    return str(caught.value)


def forget(folder, order):
    for path in (folder / "retention" / "school").glob(f"{order}.*"):
        path.unlink()


def test_a_certified_destruction_is_no_fault(pristine, folder):
    [checked] = check(folder)
    assert checked.size == 602
    assert not (folder / "logs/school/tile/entries/000").exists()


def test_a_hole_without_a_certificate_is_a_fault(pristine, folder):
    forget(folder, pristine.order)
    assert fault(folder) == "school: tile/entries/000 is missing"


def test_a_certificate_covers_its_bundles_alone(pristine, folder):
    shutil.rmtree(folder / "logs/school/tile/entries/002.p")
    assert fault(folder).startswith("school: tile/entries/002.p/")


def test_what_came_back_is_named(pristine, folder):
    before, bundle = pristine.folder.with_name("before"), "logs/school/tile/entries/001"
    shutil.copy(before / bundle, folder / bundle)
    assert fault(folder) == f"school: tile/entries/001 is there again, which the order {pristine.order} destroyed"
    (folder / bundle).unlink()
    shutil.copy(before / "keys/keys.sqlite3", folder / "keys/keys.sqlite3")
    assert "a key is there again" in fault(folder)


def test_a_changed_hash_tile_is_found_though_its_entries_are_gone(folder):
    tile = folder / "logs/school/tile/0/000"
    tile.write_bytes(bytes(32) + tile.read_bytes()[32:])
    assert fault(folder).startswith("school: ")


def test_a_certificate_of_other_records_is_a_fault_even_signed(pristine, folder, certificate):
    log = pristine.vault.writers["school"].log
    sealed = Sealed.load(certificate.read_bytes())
    done = open_certificate(sealed.note, log.vkey)
    other = Certificate(replace(done.plan, leaves=bytes(32)), done.decided)
    note = sign_certificate(other, log.key)
    certificate.with_suffix(".plan").unlink()
    certificate.write_bytes(Sealed(note, sealed.token).dump())
    assert "is not about the records of this log" in fault(folder)


def test_a_certificate_without_its_order_is_a_fault(pristine, folder, certificate):
    log = pristine.vault.writers["school"].log
    sealed = Sealed.load(certificate.read_bytes())
    done = open_certificate(sealed.note, log.vkey)
    name = str(uuid.uuid4())
    plan = replace(done.plan, order=retention(name, 515))
    note = sign_certificate(Certificate(plan, done.decided), log.key)
    [token] = Authority().stamp([hashlib.sha256(note).digest()])
    forget(folder, pristine.order)
    certificate.with_name(f"{name}.certificate").write_bytes(Sealed(note, token).dump())
    assert fault(folder) == f"school: the order {name} of a destruction is not the record 600"


def test_a_token_of_something_else_is_a_fault(folder, certificate):
    values = json.loads(certificate.read_bytes())
    for token in (Authority().stamp([bytes(32)])[0], b"no token"):
        certificate.write_bytes(Sealed(values["note"].encode(), token).dump())
        assert "the token of the order" in fault(folder)
    assert check_vault(folder)


def test_an_unfinished_destruction_is_no_fault(folder, pristine):
    shutil.rmtree(folder)
    shutil.copytree(pristine.folder.with_name("before"), folder)
    old = Old.again(folder, Authority(), pristine)
    tokens = [old.authority.stamp]

    def stamp(digests):
        if not tokens:
            raise StampUnavailable("told so by the test")
        return tokens.pop()(digests)

    old.destroyer._stamp = stamp
    with pytest.raises(StampUnavailable):
        old.destroy(retention(pristine.order, 515))
    [checked] = check(folder)
    assert checked.size == 601
    assert not (folder / "logs/school/tile/entries/000").exists()
    old.vault.close()
