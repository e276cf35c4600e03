"""The zip file around a bundle has one spelling."""

import io
import zipfile

import pytest
from tests.proof.faults.forged import SIX, fault

from emarge.proof.evidence import bundle
from emarge.proof.evidence.errors import Fault


def test_a_name_twice(school, data):
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as written:
        for name, content in sorted(bundle.read(data).items()):
            written.writestr(name, content)
            if name == f"{SIX}.json":
                with pytest.warns(UserWarning, match="Duplicate name"):
                    written.writestr(name, content)
    assert fault(archive.getvalue(), school.anchors.fingerprint) == (Fault.CONTAINER, f"{SIX}.json")


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_packed_again(school, data, method):
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", method) as written:
        for name, content in sorted(bundle.read(data).items()):
            written.writestr(name, content)
    assert fault(archive.getvalue(), school.anchors.fingerprint) == (Fault.CONTAINER, "README.txt")


def test_a_comment(school, data):
    commented = data[:-2] + b"\x05\x00hello"
    assert fault(commented, school.anchors.fingerprint) == (Fault.CONTAINER, "")


@pytest.mark.parametrize("rubbish", [b"", b"PK", b"%PDF-1.7", b"\x00" * 100, b"PK\x03\x04" + b"\xff" * 200])
def test_no_container(school, rubbish):
    assert fault(rubbish, school.anchors.fingerprint) == (Fault.CONTAINER, "")


def test_cut_short(school, data):
    assert fault(data[:-1], school.anchors.fingerprint) == (Fault.CONTAINER, "")
    assert fault(data[:2000], school.anchors.fingerprint) == (Fault.CONTAINER, "README.txt")
