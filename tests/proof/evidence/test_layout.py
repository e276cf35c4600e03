import pytest

from emarge.proof.evidence import layout
from emarge.proof.evidence.errors import EvidenceError, Fault
from emarge.proof.evidence.layout import Layout

FIXED = {
    "README.txt",
    "trust.json",
    "manifest.json",
    "sheet.pdf",
    "produced.json",
    "produced.tst",
    "produced.tlog-proof",
}
RECORD = {"records/0000000007.json", "records/0000000007.tst", "records/0000000007.tlog-proof"}
CONTENT = {"contents/0000000007.bin", "contents/0000000007.key"}
CERTIFICATE = {"certificates/tsa.pem"}


def test_what_the_names_say():
    assert layout.read(FIXED | RECORD | CONTENT | CERTIFICATE) == Layout((7,), (7,), ("certificates/tsa.pem",))
    assert layout.read(FIXED | RECORD | CERTIFICATE) == Layout((7,), (), ("certificates/tsa.pem",))


@pytest.mark.parametrize("name", sorted(FIXED | RECORD | CONTENT))
def test_every_file_is_needed(name):
    with pytest.raises(EvidenceError) as caught:
        layout.read((FIXED | RECORD | CONTENT | CERTIFICATE) - {name})
    assert (caught.value.fault, caught.value.file) == (Fault.FILE_MISSING, name)


@pytest.mark.parametrize(
    "name",
    [
        "records/7.json",
        "records/0000000007.txt",
        "contents/0000000007.json",
        "certificates/A.pem",
        "notes",
        "produced.pdf",
    ],
)
def test_any_other_file_is_unexpected(name):
    with pytest.raises(EvidenceError) as caught:
        layout.read(FIXED | RECORD | CONTENT | CERTIFICATE | {name})
    assert (caught.value.fault, caught.value.file) == (Fault.FILE_UNEXPECTED, name)


def test_a_bundle_has_a_certificate():
    with pytest.raises(EvidenceError) as caught:
        layout.read(FIXED | RECORD)
    assert (caught.value.fault, caught.value.file) == (Fault.FILE_MISSING, "certificates/")
