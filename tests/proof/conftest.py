"""One school for the tests of a module that only read its bundle; a fresh one for those that write."""

import pytest
from tests.proof.evidence.school import School


@pytest.fixture
def school(tmp_path):
    return School(tmp_path / "authority")


@pytest.fixture(scope="session")
def played(tmp_path_factory):
    """A school that has produced a bundle: (school, bundle, fingerprint)."""
    school = School(tmp_path_factory.mktemp("school") / "authority").play()
    data = school.bundle()
    return school, data, school.anchors.fingerprint
