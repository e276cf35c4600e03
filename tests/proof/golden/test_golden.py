"""Bundles that must verify for ever: a change that breaks one of them breaks what was handed to somebody."""

import hashlib
from datetime import timedelta
from pathlib import Path

from tests.proof.evidence.school import NINE, ORIGIN, REQUEST
from tests.proof.golden.make import make

from emarge.proof.evidence.verify import verify_bundle

GOLDEN = Path(__file__).parent


def test_the_first_bundle_verifies():
    data = (GOLDEN / "bundle.zip").read_bytes()
    assert hashlib.sha256(data).hexdigest() == "b9154e2a840f4419b1b32f942ea3067e3f70ca3bb612446d211f657c21f11fc0"
    verdict = verify_bundle(data, (GOLDEN / "fingerprint").read_text(encoding="ascii").strip())
    assert (verdict.log, verdict.size, verdict.request) == (ORIGIN, 12, REQUEST)
    assert [record.index for record in verdict.records] == list(range(11))
    assert verdict.records[6].actor.name == "Ada Lovelace"
    assert verdict.records[6].certified_at == NINE + timedelta(minutes=21, seconds=1)


def test_the_script_makes_another_that_verifies(tmp_path):
    make(tmp_path / "another")
    fingerprint = (tmp_path / "another" / "fingerprint").read_text(encoding="ascii").strip()
    verdict = verify_bundle((tmp_path / "another" / "bundle.zip").read_bytes(), fingerprint)
    assert [record.event for record in verdict.records][-3:] == [
        "meeting.validated",
        "audit_trail.requested",
        "audit_trail.approved",
    ]
