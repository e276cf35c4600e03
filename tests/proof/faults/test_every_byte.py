import random

import pytest
from tests.proof.faults.every_byte import changed, in_the_container, in_the_files, places, survivors

from emarge.proof.evidence import bundle

# A changed certificate may be one that its parser warns about.
pytestmark = pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning")
SAMPLE = 400
_END = 22
_CENTRAL = 46
_LOCAL = 30


@pytest.fixture(scope="module")
def forgeable(played):
    school, data, _ = played
    return data, bundle.read(data), school.anchors.fingerprint


def headers(data, files):
    """Every byte of the container that is not content: local headers, central directory, end."""
    positions, offset = [], 0
    for name in sorted(files):
        positions += range(offset, offset + _LOCAL + len(name))
        offset += _LOCAL + len(name) + len(files[name])
    assert offset + sum(_CENTRAL + len(name) for name in files) + _END == len(data)
    return [*positions, *range(offset, len(data))]


def test_changed_changes_one_byte():
    assert changed(b"\x00\x00\x00", 1) == b"\x00\x02\x00"


def test_no_byte_of_the_headers_is_free(forgeable):
    data, files, fingerprint = forgeable
    assert survivors(in_the_container(data, headers(data, files)), fingerprint) == []


def test_no_byte_of_the_container_is_free(forgeable):
    data, _, fingerprint = forgeable
    positions = random.Random(20261123).sample(range(len(data)), SAMPLE)
    assert survivors(in_the_container(data, positions), fingerprint) == []


@pytest.mark.parametrize("relist", [False, True])
def test_no_byte_of_a_file_is_free_in_a_new_container(forgeable, relist):
    _, files, fingerprint = forgeable
    chosen = random.Random(20261123).sample(places(files), SAMPLE)
    assert survivors(in_the_files(files, chosen, relist=relist), fingerprint) == []


def test_no_byte_of_a_proof_is_free(forgeable):
    _, files, fingerprint = forgeable
    proof = [place for place in places(files) if place[0] in ("produced.tlog-proof", "records/0000000006.tlog-proof")]
    assert survivors(in_the_files(files, proof, relist=False), fingerprint) == []


def test_a_certificate_that_no_parser_reads_is_refused_and_not_a_crash(forgeable):
    """Some bytes of a certificate make the parser raise what is no ValueError."""
    _, files, fingerprint = forgeable
    certificate = [place for place in places(files) if place[0].startswith("certificates/")]
    assert survivors(in_the_files(files, certificate, relist=True), fingerprint) == []
