import json
from dataclasses import replace
from datetime import date

import pytest
from tests.proof.evidence.school import REQUEST

from emarge.proof.evidence import manifest
from emarge.proof.evidence.canonical import canonical
from emarge.proof.evidence.errors import ManifestError

FILES = {
    "sheet.pdf": b"sheet",
    "records/0000000001.tlog-proof": b"not listed",
    "produced.json": b"not listed",
    "manifest.json": b"not listed",
}
EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_it_lists_all_but_proofs_itself_and_the_production():
    read = manifest.parse(manifest.write("CFA", REQUEST, FILES))
    assert read == manifest.Manifest("CFA", REQUEST, {"sheet.pdf": manifest.digest(b"sheet")})


def test_a_digest_is_sha_256_in_hex():
    assert manifest.digest(b"") == EMPTY


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"format": "emarge-bundle/2"}, "the format is not emarge-bundle/1"),
        ({"more": 1}, "a manifest has the fields code, files, format, request"),
        ({"code": ""}, "an institution code is 1 to 100 printable characters"),
        ({"files": []}, "files is an object"),
        ({"files": {"a": "1"}}, "not 64 lower-case hexadecimal digits: '1'"),
        ({"request": []}, "the request has the fields id, period, reason, reference, who"),
    ],
)
def test_another_manifest_is_refused(change, text):
    with pytest.raises(ManifestError) as caught:
        manifest.parse(canonical(json.loads(manifest.write("CFA", REQUEST, FILES)) | change))
    assert str(caught.value) == text


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"id": "7"}, "not a UUID: '7'"),
        ({"who": 7}, "not a text of at most 2000 characters: 7"),
        ({"period": {"from": "2026-11-01"}}, "the period has the fields from, to"),
        ({"period": {"from": "2026-11-02", "to": "2026-11-01"}}, "the period ends before it begins"),
        ({"period": {"from": "20261101", "to": "2026-11-01"}}, "not a day: '20261101'"),
        ({"period": {"from": "soon", "to": "2026-11-01"}}, "not a day: 'soon'"),
        ({"period": {"from": 1, "to": "2026-11-01"}}, "not a day: 1"),
    ],
)
def test_another_request_is_refused(change, text):
    fields = json.loads(manifest.write("CFA", REQUEST, FILES))
    fields["request"] |= change
    with pytest.raises(ManifestError) as caught:
        manifest.parse(canonical(fields))
    assert str(caught.value) == text


def test_a_request_that_cannot_be_written_is_refused():
    with pytest.raises(ManifestError) as caught:
        manifest.write("CFA", replace(REQUEST, period_to=date(2026, 1, 1)), FILES)
    assert str(caught.value) == "the period ends before it begins"
    with pytest.raises(ManifestError) as caught:
        manifest.write("CFA", replace(REQUEST, reason="controle\u0302"), FILES)
    assert str(caught.value) == "a string is not in Unicode normal form C"
