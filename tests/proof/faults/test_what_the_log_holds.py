"""The log is true, what it says is not right: the bundle cannot be made, and does not verify if it were."""

from datetime import timedelta

import pytest
from tests.proof.evidence.school import (
    DRAWING,
    MEETING,
    NINE,
    UNKNOWN,
    School,
    named,
    pseudonym,
)

from emarge.proof.evidence import contents, records
from emarge.proof.evidence.errors import EvidenceError, Fault
from emarge.proof.evidence.verify import verify_bundle
from emarge.proof.vault.log import entry


def refused(school, **others):
    with pytest.raises(EvidenceError) as caught:
        school.bundle(**others)
    return caught.value.fault, caught.value.file


@pytest.fixture
def school(tmp_path):
    return School(tmp_path / "authority")


@pytest.fixture
def ended(school):
    school.end_roll_call({"ada": ("present", 0), "élise": ("absent", 0)})
    school.open_sign_in()
    return school


def test_a_sign_in_of_an_absent_student(ended):
    ended.sign("élise", NINE + timedelta(minutes=30))
    assert refused(ended) == (Fault.PRESENCE, "records/0000000002.json")


def test_a_sign_in_of_a_student_who_was_not_expected(ended):
    ended.sign("alan", NINE + timedelta(minutes=30))
    assert refused(ended) == (Fault.PRESENCE, "records/0000000002.json")


def test_a_roster_that_lacks_a_part(school):
    school.end_roll_call({"ada": ("present", 0)}, part=1, parts=3)
    school.end_roll_call({"alan": ("present", 0)}, part=2, parts=3)
    school.end_roll_call({"élise": ("absent", 0)}, part=3, parts=3)
    assert len(verify_bundle(school.bundle(), school.anchors.fingerprint).records) == 3
    assert refused(school, indexes=[0, 1]) == (Fault.ROSTER, "records/0000000001.json")
    assert refused(school, indexes=[0, 2]) == (Fault.ROSTER, "records/0000000002.json")
    assert refused(school, indexes=[1, 2]) == (Fault.ROSTER, "records/0000000001.json")


def test_a_sign_in_after_the_window(ended):
    ended.sign("ada", NINE + timedelta(hours=2, microseconds=1))
    assert refused(ended) == (Fault.WINDOW, "records/0000000002.json")


def test_a_request_approved_by_who_entered_it(ended):
    ended.ask(approver="blaise")
    assert refused(ended) == (Fault.APPROVAL, "records/0000000003.json")


def test_a_record_twice(ended):
    payload = entry.decode(ended.entries[0]).payload
    ended.entries.append(entry.encode(payload, ended.stamp(payload, NINE + timedelta(hours=1))))
    assert refused(ended) == (Fault.RECORD_REPEATED, "records/0000000002.json")


def test_a_token_given_before_the_act(school):
    school.add(
        "meeting.validated",
        "blaise",
        NINE,
        meeting=MEETING,
        clock={"state": "in_sync", "bound_ms": 100, "sources": ["gps"]},
        certified=timedelta(milliseconds=-601),
    )
    assert refused(school) == (Fault.TIME, "records/0000000000.json")


def test_a_token_as_early_as_both_clocks_allow(school):
    good = {"state": "in_sync", "bound_ms": 100, "sources": ["gps"]}
    certified = timedelta(milliseconds=-600)
    school.add("meeting.validated", "blaise", NINE, meeting=MEETING, clock=good, certified=certified)
    assert verify_bundle(school.bundle(), school.anchors.fingerprint).records[0].delay == certified


def test_a_record_of_another_institution(school):
    school.add("log.opened", "blaise", NINE)
    school.code = "Another"
    school.add("log.opened", "blaise", NINE)
    assert refused(school) == (Fault.CODE, "records/0000000000.json")


def test_a_bundle_without_a_record(school):
    assert refused(school) == (Fault.FILE_MISSING, "records/")


@pytest.mark.parametrize(
    ("content", "method"),
    [
        ({"people": named("ada"), "drawing": DRAWING, "event": "teacher.signed"}, "drawn"),
        ({"people": named("ada"), "drawing": DRAWING, "record": MEETING}, "drawn"),
        ({"people": named("ada", "alan"), "drawing": DRAWING}, "drawn"),
        ({"people": named("ada", "ada"), "drawing": DRAWING}, "drawn"),
        ({"people": "Ada Lovelace", "drawing": DRAWING}, "drawn"),
        ({"people": [{"name": "Ada Lovelace"}], "drawing": DRAWING}, "drawn"),
        ({"people": ["Ada Lovelace"], "drawing": DRAWING}, "drawn"),
        ({"drawing": DRAWING}, "drawn"),
        ({"people": named("ada"), "drawing": ""}, "drawn"),
        ({"people": named("ada")}, "drawn"),
    ],
)
def test_a_content_that_does_not_go_with_its_record(ended, content, method):
    ended.sign("ada", NINE + timedelta(minutes=30), method=method, content=content)
    assert refused(ended) == (Fault.CONTENT, "contents/0000000002.bin")


def test_a_content_that_is_no_content(school):
    sealed = contents.seal({"a": 1})
    broken = sealed.ciphertext[:-1]
    commitment = contents.commit(sealed.key, broken)
    payload = records.build(
        event="parameters.changed",
        id=MEETING,
        at=NINE,
        clock=UNKNOWN,
        code=school.code,
        actor={"role": "staff", "person": pseudonym("blaise")},
        commitment=commitment,
    )
    school.entries.append(entry.encode(payload, school.stamp(payload, NINE)))
    school.sealed[0] = contents.Sealed(broken, sealed.key, commitment)
    assert refused(school) == (Fault.CONTENT, "contents/0000000000.bin")
