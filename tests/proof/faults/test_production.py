"""The record that a bundle was produced is that of this bundle."""

from datetime import timedelta

import pytest
from tests.proof.evidence.school import (
    MEETING,
    NINE,
    School,
)

from emarge.proof.evidence import seal
from emarge.proof.evidence.errors import EvidenceError, Fault
from emarge.proof.evidence.seal import Gathered


def assembled(school, drafted, produced):
    return seal.assemble(
        drafted,
        produced=Gathered(produced, school.entries[produced]),
        hashes={index: school.hashes(index) for index in (*drafted.indexes, produced)},
        checkpoint=school.note(),
    )


@pytest.fixture
def school(tmp_path):
    school = School(tmp_path / "authority")
    school.add("log.opened", "blaise", NINE)
    return school


def refused(*arguments):
    with pytest.raises(EvidenceError) as caught:
        assembled(*arguments)
    return caught.value.fault, caught.value.file


def test_the_production_record_of_another_bundle(school):
    school.add("log.opened", "blaise", NINE)
    of_both = school.produce(school.draft([0, 1]).digest)
    assert refused(school, school.draft([0]), of_both) == (Fault.MANIFEST_NOT_RECORDED, "manifest.json")


def test_a_production_for_another_request(school):
    drafted = school.draft()
    produced = school.produce(drafted.digest, request=MEETING)
    assert refused(school, drafted, produced) == (Fault.PRODUCTION, "produced.json")


def test_a_production_that_comes_before_a_record(school):
    produced = school.produce("0" * 64)
    school.add("log.opened", "blaise", NINE + timedelta(days=3))
    assert refused(school, school.draft([0, 2]), produced) == (Fault.PRODUCTION, "produced.json")
