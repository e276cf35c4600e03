"""Retention, holds and destruction certificates from the command line, over a real vault with a real authority."""

import hashlib
import json
import subprocess
import uuid

import pytest

from emarge.cli.arguments import credential
from emarge.cli.tokens import token_digest, token_time
from emarge.proof.vault.checking.check import check_vault
from emarge.proof.vault.errors import DestructionError, VaultRefused
from emarge.proof.vault.log.deposits import Deposit
from emarge.proof.vault.service.client import VaultClient
from tests.cli.commands import emarge
from tests.processes import proof_servers

pytestmark = pytest.mark.processes


@pytest.fixture(scope="module")
def servers(tmp_path_factory):
    with proof_servers(tmp_path_factory.mktemp("installation")) as servers:
        (servers.data / "run").mkdir()
        (servers.data / "run" / "addresses.json").write_text(json.dumps({"vault": servers.vault.url}))
        with VaultClient(servers.vault.url, credential(servers.data, "vault-opener")) as opener:
            opener.open_log("school")
        yield servers


def vault(servers, *words):
    return emarge("vault", *words, "--log", "school", "--data", servers.data)


@pytest.fixture(scope="module")
def shredded(servers):
    """An order to shred the first of two records, carried out."""
    deposits = [Deposit(str(uuid.uuid4()), b"%d" % n, (), b"sealed", b"k%d" % n * 16) for n in range(2)]
    order = Deposit(str(uuid.uuid4()), b"order", (), b"", b"")
    with VaultClient(servers.vault.url, credential(servers.data, "vault-writer")) as writer:
        writer.deposit("school", [*deposits, order])
    with VaultClient(servers.vault.url, credential(servers.data, "vault-destroyer")) as destroyer:
        with pytest.raises(VaultRefused, match="too_young"):
            destroyer.destroy_before("school", order.uuid, 2)
        yield destroyer.destroy_contents("school", order.uuid, [0])


def test_certificates_are_listed_and_saved_for_stock_tools(servers, shredded, tmp_path):
    code, out, _ = vault(servers, "destructions", "--save", tmp_path)
    assert (code, f"{shredded.order}  contents  1 records" in out, shredded.digest in out) == (0, True, True)
    assert (tmp_path / f"{shredded.order}.certificate").read_bytes() == shredded.note
    token = (tmp_path / f"{shredded.order}.token").read_bytes()
    assert token_digest(token) == hashlib.sha256(shredded.note).digest()
    assert token_time(token).year >= 2026
    with pytest.raises(DestructionError):
        token_time(shredded.note)
    with pytest.raises(DestructionError):
        token_digest(b"")
    [checked] = check_vault(servers.data / "vault", token_digest=token_digest)
    assert checked.size == 3


def test_openssl_reads_the_token_of_a_certificate(servers, shredded, tmp_path):
    (tmp_path / "certificate").write_bytes(shredded.note)
    (tmp_path / "token").write_bytes(shredded.token)
    folder = servers.data / "timestamping"
    texts = [path.read_text() for path in folder.rglob("*.pem")]
    (tmp_path / "all.pem").write_text("".join(text for text in texts if "BEGIN CERTIFICATE" in text))
    command = "openssl ts -verify -in token -token_in -data certificate -CAfile all.pem -untrusted all.pem"
    done = subprocess.run(command.split(), cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


def test_holds_are_placed_listed_and_released(servers):
    code, name, _ = vault(servers, "hold", "add", "--reference", "2027/114", "--label", "student:7")
    name = name.strip()
    assert (code, str(uuid.UUID(name))) == (0, name)
    assert vault(servers, "hold", "release", name, "--reference", "2028/3")[0] == 0
    code, out, _ = vault(servers, "hold", "list")
    assert (code, name in out, "student:7" in out, "(2028/3)" in out) == (0, True, True, True)
    code, _, complaint = vault(servers, "hold", "release", str(uuid.uuid4()), "--reference", "x")
    assert (code, "unknown_hold" in complaint) == (1, True)


def test_the_period_is_told_and_raised_never_lowered(servers):
    assert vault(servers, "retention")[1].startswith("school: records are kept 1827 days;")
    assert vault(servers, "retention", "--raise", "2192")[1].startswith("school: records are kept 2192 days;")
    code, _, complaint = vault(servers, "retention", "--raise", "2000")
    assert (code, "period_shorter" in complaint) == (1, True)


def test_a_vault_that_does_not_run_is_said(tmp_path):
    emarge("vault", "create", "--data", tmp_path)
    code, _, complaint = emarge("vault", "hold", "list", "--log", "school", "--data", tmp_path)
    assert (code, "is not running" in complaint) == (1, True)
