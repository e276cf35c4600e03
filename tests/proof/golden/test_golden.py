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
    assert hashlib.sha256(data).hexdigest() == "db3259a5691831d9f2ae165cbeb12e31248b19ee26cf42987d1299db5996097e"
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
