"""Bundles whose checkpoint a mirror cosigned, and the verifier that requires it."""

from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.proof.evidence.school import NINE, School
from tests.proof.faults.every_byte import in_the_files, survivors

from emarge.proof.evidence import bundle, layout
from emarge.proof.evidence.errors import EvidenceError
from emarge.proof.evidence.verdict import Caution, Mirror, Warn
from emarge.proof.evidence.verify import verify_bundle

PROOF = layout.PRODUCED + layout.PROOF


def played(folder, mirrors=("mirror.example",), absent=()):
    keys = {name: Ed25519PrivateKey.generate() for name in mirrors}
    school = School(folder / "authority", mirrors=keys, absent=set(absent)).play()
    return school.bundle(), school.anchors.fingerprint


def refusal(data, fingerprint):
    with pytest.raises(EvidenceError) as caught:
        verify_bundle(data, fingerprint, require_mirror=True)
    return str(caught.value)


def test_the_verdict_names_the_mirrors(tmp_path):
    data, fingerprint = played(tmp_path, ("mirror.example", "mirror.example/2"))
    at = NINE + timedelta(days=2)
    verdict = verify_bundle(data, fingerprint, require_mirror=True)
    assert verdict.mirrors == (Mirror("mirror.example", at), Mirror("mirror.example/2", at))
    assert verdict == verify_bundle(data, fingerprint)
    assert Caution(Warn.NOT_MIRRORED) not in verdict.warnings


def test_a_missing_cosignature_is_a_warning_or_a_refusal(tmp_path):
    data, fingerprint = played(tmp_path, ("mirror.example", "mirror.example/2"), absent=["mirror.example/2"])
    verdict = verify_bundle(data, fingerprint)
    assert ([one.name for one in verdict.mirrors], verdict.warnings.count(Caution(Warn.NOT_MIRRORED))) == (
        ["mirror.example"],
        1,
    )
    expected = f"not_mirrored: {PROOF}: mirror.example/2 did not cosign the checkpoint"
    assert refusal(data, fingerprint) == expected


def test_a_bundle_without_mirror_is_refused_when_one_is_required(tmp_path):
    data, fingerprint = played(tmp_path, ())
    assert verify_bundle(data, fingerprint).mirrors == ()
    assert refusal(data, fingerprint) == "not_mirrored: trust.json: the trust anchors name no mirror"


def test_a_cosignature_taken_away_from_all_proofs_is_missed(tmp_path):
    data, fingerprint = played(tmp_path)
    files = bundle.read(data)
    for name in files:
        if name.endswith(layout.PROOF):
            files[name] = b"".join(files[name].splitlines(keepends=True)[:-1])
    assert refusal(bundle.write(files), fingerprint) == (
        f"not_mirrored: {PROOF}: mirror.example did not cosign the checkpoint"
    )


def test_no_byte_of_a_cosigned_proof_is_free(tmp_path):
    data, fingerprint = played(tmp_path)
    files = bundle.read(data)
    places = [(PROOF, position) for position in range(len(files[PROOF]))]
    assert survivors(in_the_files(files, places, relist=False), fingerprint) == []
