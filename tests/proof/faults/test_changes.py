"""A bundle changed by a forger: each change gets the name of its fault."""

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.proof.evidence.school import (
    NINE,
    REQUEST,
    School,
    relisted,
    rewrite,
)
from tests.proof.faults.forged import CASES, EARLIER, SIX, append, edit, fault, put

from emarge.proof.evidence import bundle, layout, manifest
from emarge.proof.evidence.errors import Fault
from emarge.proof.evidence.verify import verify_bundle
from emarge.proof.vault.log import checkpoint, merkle
from emarge.proof.vault.log.tlog_proof import format_proof, parse_proof


@pytest.mark.parametrize("case", CASES)
def test_a_change_is_named(school, data, case):
    change, expected, _ = CASES[case]
    assert fault(rewrite(data, change), school.anchors.fingerprint) == expected


@pytest.mark.parametrize("case", [case for case in CASES if CASES[case][2]])
def test_a_change_is_named_after_the_manifest_is_redone(school, data, case):
    change, _, expected = CASES[case]
    assert fault(rewrite(data, change, relist=True), school.anchors.fingerprint) == expected


def test_a_certificate_is_written_in_one_way(school, data):
    name = min(name for name in bundle.read(data) if name.endswith(".pem"))
    forged = rewrite(data, append(name, b"\n"), relist=True)
    assert fault(forged, school.anchors.fingerprint) == (Fault.CERTIFICATE, name)


def test_a_record_rewritten_with_a_new_token_by_the_real_authority_is_not_in_the_log(school, data):
    def change(files):
        edit(f"{SIX}.json", at=EARLIER)(files)
        files[f"{SIX}.tst"] = school.stamp(files[f"{SIX}.json"], NINE + timedelta(days=9))

    forged = rewrite(data, change, relist=True)
    assert fault(forged, school.anchors.fingerprint) == (Fault.NOT_IN_LOG, f"{SIX}.tlog-proof")


def test_a_foreign_fingerprint(data, tmp_path):
    other = School(tmp_path / "authority")
    assert fault(data, other.anchors.fingerprint) == (Fault.TRUST_FINGERPRINT, "trust.json")


def test_foreign_anchors_with_their_own_fingerprint(data, tmp_path):
    other = School(tmp_path / "authority")
    forged = rewrite(data, put("trust.json", other.anchors.to_bytes()), relist=True)
    assert fault(forged, other.anchors.fingerprint) == (Fault.CHECKPOINT, "produced.tlog-proof")


def test_the_log_of_the_school_under_foreign_roots_of_time(school, data, tmp_path):
    other = School(tmp_path / "authority")
    anchors = replace(school.anchors, timestamp_roots=other.anchors.timestamp_roots)
    forged = rewrite(data, put("trust.json", anchors.to_bytes()), relist=True)
    assert fault(forged, anchors.fingerprint) == (Fault.TOKEN, "records/0000000000.tst")


def test_trust_anchors_that_cannot_be_read(data):
    forged = rewrite(data, put("trust.json", b"{}"), relist=True)
    assert fault(forged, manifest.digest(b"{}")) == (Fault.TRUST_MALFORMED, "trust.json")


def test_a_true_checkpoint_of_another_day_in_one_proof(school, data):
    leaves = school.leaves()[:9]
    older = checkpoint.sign(
        checkpoint.Checkpoint(school.anchors.origin, len(leaves), merkle.root_hash(leaves)), school.key
    )

    def change(files):
        proof = parse_proof(files[f"{SIX}.tlog-proof"])
        files[f"{SIX}.tlog-proof"] = format_proof(replace(proof, checkpoint=older))

    assert fault(rewrite(data, change), school.anchors.fingerprint) == (Fault.CHECKPOINT, f"{SIX}.tlog-proof")


def test_a_checkpoint_signed_by_another_key(school, data, tmp_path):
    other = School(tmp_path / "authority")
    other.entries = school.entries

    def change(files):
        for name in files:
            if name.endswith(".tlog-proof"):
                files[name] = format_proof(replace(parse_proof(files[name]), checkpoint=other.note()))

    assert fault(rewrite(data, change), school.anchors.fingerprint) == (Fault.CHECKPOINT, "produced.tlog-proof")


def test_every_fault_has_a_case_here_or_among_the_cross_checks():
    named_here = {expected[0] for _, *both in CASES.values() for expected in both if expected}
    named_by_tests = {
        Fault.CONTAINER,
        Fault.CERTIFICATE,
        Fault.TRUST_MALFORMED,
        Fault.ROSTER,
        Fault.PRESENCE,
        Fault.WINDOW,
        Fault.APPROVAL,
        Fault.RECORD_REPEATED,
        Fault.TIME,
        Fault.CONTENT,
        Fault.TIME_ORDER,  # tests/proof/evidence/test_crosscheck.py
        Fault.NOT_MIRRORED,  # tests/proof/evidence/test_mirrored.py
        Fault.NOT_WITNESSED,  # tests/proof/evidence/test_witnessed.py
    }
    assert named_here | named_by_tests == set(Fault)


def test_a_request_is_bound_to_its_bundle(school, data):
    verdict = verify_bundle(data, school.anchors.fingerprint)
    assert verdict.request == REQUEST
    assert relisted(bundle.read(data))[layout.MANIFEST] == bundle.read(data)[layout.MANIFEST]
