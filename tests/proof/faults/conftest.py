"""A school that has played its day, and the bundle of it: made once for all attempts."""

import pytest
from tests.proof.evidence.school import School


@pytest.fixture(scope="package")
def school(tmp_path_factory):
    return School(tmp_path_factory.mktemp("faults") / "authority").play()


@pytest.fixture(scope="package")
def data(school):
    return school.bundle()
