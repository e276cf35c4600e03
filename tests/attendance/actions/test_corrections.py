from dataclasses import replace
from datetime import date, timedelta

import pytest

from emarge.attendance import actions
from emarge.audit import links
from emarge.audit.actions import pseudonyms
from emarge.audit.models import OutboxEvent
from emarge.cli.import_ import roll_call_lockings
from emarge.institutions.identities import Identity
from emarge.institutions.models import Student
from emarge.lib.refusal import Refused
from emarge.proof.evidence import records
from emarge.timetable.files_import import SourceFile, import_files
from tests.attendance.journey import call_roll, events, last_event, opened
from tests.cast import TEN

LATER = TEN + timedelta(days=1)


def correct(school, name, *, reason="Letter of 24/11", by=None, **changes):
    student = Student.objects.get(pk=school.students[name].pk)
    said = replace(Identity.of(student), **changes)
    return actions.correct_student(student, said, reason=reason, by=by or school.secretary, at=LATER)


def link_of(identifier, day):
    return links.Identity("ine", identifier, date(2005, 1, day))


def test_a_new_identifier_is_an_alias_that_the_history_follows(school):
    call_roll(school)
    alice = school.students["alice"].uuid
    assert correct(school, "alice", identifier="999999999HG")
    row = last_event()
    record = records.parse(bytes(row.record))
    assert (record.event, record.student) == ("student.alias", pseudonyms([alice])[alice])
    assert b"999999999HG" not in bytes(row.record)
    content = opened(row)
    assert (content["former"]["identifier"], content["reason"]) == ("111172100HG", "Letter of 24/11")
    assert [person["identifier"] for person in content["people"] if "identifier" in person] == ["999999999HG"]
    for identifier in ("111172100HG", "999999999HG"):
        assert links.known_by(school.code.log, link_of(identifier, 1)) == {alice}


def test_a_name_is_a_correction_and_reaches_the_login(school):
    call_roll(school)
    correct(school, "bao", last_name="BENOIT")
    assert events()[-1] == "student.corrected"
    assert opened(last_event())["former"]["last_name"] == "BENOÎT"
    assert Student.objects.get(pk=school.students["bao"].pk).user.last_name == "BENOIT"


def test_who_is_in_no_record_yet_is_corrected_without_one(school):
    assert correct(school, "alice", last_name="ADAMS")
    assert events() == []
    assert correct(school, "alice") is False


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"reason": " ", "last_name": "X"}, "correction_unexplained"),
        ({"reason": "x" * 501, "last_name": "X"}, "reason_too_long"),
        ({"last_name": ""}, "name_missing"),
        ({"birth_on": None}, "identity_needed"),
        ({"identifier": "111172101HG", "birth_on": date(2005, 1, 2)}, "identity_taken"),
    ],
)
def test_refusals_write_nothing(school, changes, code):
    before = Identity.of(school.students["alice"])
    with pytest.raises(Refused) as caught:
        correct(school, "alice", **changes)
    assert caught.value.code == code
    assert (Identity.of(Student.objects.get(pk=school.students["alice"].pk)), events()) == (before, [])


def test_a_teacher_may_not(school):
    with pytest.raises(Refused) as caught:
        correct(school, "alice", by=school.teacher.user, last_name="X")
    assert caught.value.code == "no_right"


def test_an_import_that_corrects_somebody_of_the_log_is_recorded(school):
    call_roll(school)
    before = OutboxEvent.objects.count()
    text = (
        "Nom;Prénom;INE;Date de naissance\n"
        "ADAM-LEROY;Alice;111172100HG;01/01/2005\nBENOÎT;Bao;111172101HG;12/01/2005\nCARON;Chloe;111172102HG;03/01/2005\n"
    )
    files = [SourceFile("students.csv", text.encode())]
    for _time in range(2):
        import_files(school.base, files, at=LATER, lockings=roll_call_lockings(LATER))
    assert events()[before:] == ["student.corrected", "student.alias"]
    rows = OutboxEvent.objects.order_by("id")[before:]
    assert [opened(row)["people"][0]["name"] for row in rows] == ["ADAM-LEROY Alice", "BENOÎT Bao"]
    assert [records.parse(bytes(row.record)).actor.role for row in rows] == ["operator"] * 2
    bao = school.students["bao"].uuid
    assert links.known_by(school.code.log, link_of("111172101HG", 2)) == {bao}
    assert links.known_by(school.code.log, link_of("111172101HG", 12)) == {bao}
