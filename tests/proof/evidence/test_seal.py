"""A bundle from a real vault: what the writer logged, the reader proves, and the stranger verifies."""

from datetime import timedelta

import pytest
from tests.proof.evidence.school import NINE, REQUEST, SHEET, named

from emarge.proof.evidence import bundle, records, seal
from emarge.proof.evidence.errors import EvidenceError, Fault
from emarge.proof.evidence.readme import README
from emarge.proof.evidence.seal import Gathered
from emarge.proof.evidence.trust import TrustAnchors
from emarge.proof.evidence.verify import verify_bundle
from emarge.proof.timestamping import messages
from emarge.proof.vault.log.deposits import Deposit
from emarge.proof.vault.service.opened import Vault
from emarge.proof.vault.setup.create import create_vault
from emarge.proof.vault.storage.reader import LogReader

LATER = NINE + timedelta(days=3)


@pytest.fixture
def writer(school, tmp_path):
    authority = school.authorities[0]

    def stamp(digests):
        requests = [messages.build_request(digest, nonce=7) for digest in digests]
        return [messages.read_response(authority.respond(request, now=LATER)) for request in requests]

    create_vault(tmp_path / "vault", name="vault.example")
    vault = Vault(tmp_path / "vault", stamp)
    yield vault.open_log("cfa-demo")
    vault.close()


@pytest.fixture
def logged(school, writer):
    """Five hundred sign-ins in the vault, so that proofs cross tiles."""
    deposits = []
    for minute in range(500):
        at = NINE + timedelta(minutes=minute)
        payload, sealed = school.record("meeting.moved", "ada", at, content={"people": named("ada")})
        school.entries.append(payload)
        deposits.append(Deposit(records.parse(payload).id, payload, (), sealed.ciphertext, sealed.key))
    (receipts,) = writer.write([deposits])
    return deposits, receipts


def test_a_bundle_of_a_real_vault_verifies(school, writer, logged):
    deposits, receipts = logged
    writer.publish()
    reader, log = LogReader(writer.log.folder), writer.log
    anchors = TrustAnchors(log.origin, log.vkey, school.code, school.anchors.timestamp_roots)
    chosen = (0, 255, 256, 499)
    drafted = seal.draft(
        anchors=anchors,
        request=REQUEST,
        gathered=[
            Gathered(index, reader.entry(index, 500), deposits[index].content, deposits[index].content_key)
            for index in chosen
        ],
        sheet=SHEET,
        certificates=school.chain,
    )
    details = {"request": REQUEST.id, "manifest": drafted.digest}
    payload, _ = school.record("audit_trail.produced", "sophie", LATER, details=details)
    ((receipt,),) = writer.write([[Deposit(records.parse(payload).id, payload, (), b"", b"")]])
    writer.publish()
    data = seal.assemble(
        drafted,
        produced=Gathered(receipt.index, reader.entry(receipt.index, 501)),
        hashes={index: reader.inclusion_proof(index, 501) for index in (*chosen, receipt.index)},
        checkpoint=receipt.checkpoint,
    )
    verdict = verify_bundle(data, anchors.fingerprint)
    assert [record.index for record in verdict.records] == list(chosen)
    assert [record.actor.name for record in verdict.records] == ["Ada Lovelace"] * 4
    assert (verdict.size, verdict.produced_index, receipts[499].index) == (501, 500, 499)


def test_the_guide_travels_in_both_languages(played):
    _, data, _ = played
    text = bundle.read(data)["README.txt"].decode()
    assert text == README
    assert [line for line in text.splitlines() if line.isupper()] == ["DOSSIER DE PREUVE", "EVIDENCE BUNDLE"]


def test_a_bundle_that_would_not_verify_is_not_given_back(school):
    school.add("log.opened", "blaise", NINE)
    drafted = school.draft()
    produced = school.produce("0" * 64)
    with pytest.raises(EvidenceError) as caught:
        seal.assemble(
            drafted,
            produced=Gathered(produced, school.entries[produced]),
            hashes={index: school.hashes(index) for index in (0, produced)},
            checkpoint=school.note(),
        )
    assert caught.value.fault == Fault.MANIFEST_NOT_RECORDED
