"""Bundles whose checkpoint a witness cosigned beside a mirror, and the verifier that requires both."""

from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.proof.evidence.school import NINE, School
from tests.proof.faults.every_byte import in_the_files, survivors

from emarge.proof.evidence import bundle, layout
from emarge.proof.evidence.errors import EvidenceError
from emarge.proof.evidence.verdict import Caution, Mirror, Warn, Witness
from emarge.proof.evidence.verify import verify_bundle

PROOF = layout.PRODUCED + layout.PROOF
AT = NINE + timedelta(days=2)


def played(folder, *, mirrors=("mirror.example",), witnesses=("witness.example",), absent=()):
    keys = [{name: Ed25519PrivateKey.generate() for name in names} for names in (mirrors, witnesses)]
    school = School(folder / "authority", mirrors=keys[0], witnesses=keys[1], absent=set(absent)).play()
    return school.bundle(), school.anchors.fingerprint


def refusal(data, fingerprint, **required):
    with pytest.raises(EvidenceError) as caught:
        verify_bundle(data, fingerprint, **required)
    return str(caught.value)


def test_mirror_and_witness_are_told_apart(tmp_path):
    data, fingerprint = played(tmp_path)
    verdict = verify_bundle(data, fingerprint, require_mirror=True, require_witness=True)
    assert verdict.mirrors == (Mirror("mirror.example", AT),)
    assert verdict.witnesses == (Witness("witness.example", AT),)
    assert not {Warn.NOT_MIRRORED, Warn.NOT_WITNESSED} & {one.warn for one in verdict.warnings}


def test_a_witness_is_no_mirror(tmp_path):
    data, fingerprint = played(tmp_path, mirrors=())
    assert verify_bundle(data, fingerprint, require_witness=True).mirrors == ()
    assert (
        refusal(data, fingerprint, require_mirror=True) == "not_mirrored: trust.json: the trust anchors name no mirror"
    )


def test_a_mirror_is_no_witness(tmp_path):
    data, fingerprint = played(tmp_path, witnesses=())
    assert refusal(data, fingerprint, require_witness=True) == (
        "not_witnessed: trust.json: the trust anchors name no witness"
    )


def test_a_witness_that_was_away_is_a_warning_or_a_refusal(tmp_path):
    data, fingerprint = played(tmp_path, witnesses=("w/1", "w/2"), absent=["w/1"])
    verdict = verify_bundle(data, fingerprint, require_mirror=True)
    assert [one.name for one in verdict.witnesses] == ["w/2"]
    assert verdict.warnings.count(Caution(Warn.NOT_WITNESSED)) == 1
    assert (
        refusal(data, fingerprint, require_witness=True) == f"not_witnessed: {PROOF}: w/1 did not cosign the checkpoint"
    )


def test_the_lines_have_one_order(tmp_path):
    data, fingerprint = played(tmp_path)
    files = bundle.read(data)
    for name in files:
        if name.endswith(layout.PROOF):
            *head, mirror, witness = files[name].splitlines(keepends=True)
            files[name] = b"".join([*head, witness, mirror])
    assert refusal(bundle.write(files), fingerprint).startswith(f"checkpoint: {PROOF}: a line under the checkpoint")


def test_no_byte_of_a_witnessed_proof_is_free(tmp_path):
    data, fingerprint = played(tmp_path)
    last = len(bundle.read(data)[PROOF])
    places = [(PROOF, position) for position in range(last - 200, last)]
    assert survivors(in_the_files(bundle.read(data), places, relist=False), fingerprint) == []
