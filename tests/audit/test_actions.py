from contextlib import suppress
from uuid import UUID, uuid4

import pytest
from django.db import transaction

from emarge.audit import wakeup
from emarge.audit.actions import OutsideTransactionError, pseudonyms, record
from emarge.audit.models import OutboxEvent, PersonKey
from emarge.proof.evidence import contents, records
from tests.audit.events import BASE, NOW, SOMEBODY, happen

MEETING, STUDENT, TEACHER, REQUEST = (UUID(int=number, version=4) for number in range(1, 5))


def test_a_pseudonym_is_stable_and_under_the_person_s_own_key(db):
    first = pseudonyms([STUDENT, TEACHER])
    assert pseudonyms([STUDENT, TEACHER]) == first
    key = bytes(PersonKey.objects.get(person=STUDENT).key)
    assert first[STUDENT] == records.pseudonym(key, str(STUDENT))
    assert PersonKey.objects.count() == 2


def test_a_destroyed_key_cuts_the_link(db):
    before = pseudonyms([STUDENT])[STUDENT]
    PersonKey.objects.all().delete()
    assert pseudonyms([STUDENT])[STUDENT] != before


def test_an_event_is_refused_outside_a_transaction(transactional_db):
    with pytest.raises(OutsideTransactionError):
        record("test.happened", base=BASE, log="log", code="C", at=NOW, actor=SOMEBODY)
    assert OutboxEvent.objects.count() == 0


def test_what_an_event_holds(db):
    (row,) = happen(
        "log-a",
        meeting=MEETING,
        student=STUDENT,
        teachers=[TEACHER],
        method="drawn",
        corrects=uuid4(),
        details={"request": str(REQUEST)},
        content={"reason": "ill"},
        people={STUDENT: {"name": "ADAM Alice"}},
        subject=MEETING,
    )
    names = pseudonyms([STUDENT, TEACHER, SOMEBODY.person])
    read = records.parse(bytes(row.record))
    assert (read.id, read.event, read.at, read.code) == (str(row.uuid), "test.happened", NOW, "École")
    assert (read.student, read.teachers, read.method) == (names[STUDENT], (names[TEACHER],), "drawn")
    assert (read.actor.role, read.actor.person) == ("staff", names[SOMEBODY.person])
    assert (read.clock.state, read.clock.bound_ms, read.clock.sources) == ("unknown", None, ("system",))
    assert row.labels == [
        "event:test.happened",
        "day:2026-11-23",
        f"meeting:{MEETING}",
        f"student:{names[STUDENT]}",
        f"request:{REQUEST}",
        f"teacher:{names[TEACHER]}",
    ]
    assert contents.open_content(bytes(row.content), bytes(row.content_key), read.commitment) == {
        "event": "test.happened",
        "record": str(row.uuid),
        "reason": "ill",
        "people": [{"pseudonym": names[STUDENT], "name": "ADAM Alice"}],
    }


def test_an_event_without_content_has_neither_commitment_nor_key(db):
    (row,) = happen("log-a", content=None)
    assert records.parse(bytes(row.record)).commitment is None
    assert (bytes(row.content), bytes(row.content_key)) == (b"", b"")


def test_texts_are_normalised(db):
    (row,) = happen("log-a", code="E\u0301cole", content={"words": ["e\u0301"], "n": {"k": "o\u0302"}})
    read = records.parse(bytes(row.record))
    assert read.code == "École"
    content = contents.open_content(bytes(row.content), bytes(row.content_key), read.commitment)
    assert (content["words"], content["n"]) == (["é"], {"k": "ô"})


def test_many_teachers_never_exceed_the_labels_of_the_vault(db):
    (row,) = happen(
        "log-a",
        meeting=MEETING,
        student=STUDENT,
        details={"request": str(REQUEST)},
        teachers=[uuid4() for _ in range(20)],
    )
    assert len(row.labels) == 16
    assert len(records.parse(bytes(row.record)).teachers) == 20


def test_the_relay_is_woken_by_the_commit_only(transactional_db):
    wakeup.committed.clear()
    with transaction.atomic():
        happen("log-a")
        assert not wakeup.committed.is_set()
    assert wakeup.committed.is_set()


def test_a_rolled_back_event_is_gone(transactional_db):
    wakeup.committed.clear()
    with suppress(OSError), transaction.atomic():
        happen("log-a")
        raise OSError("disk full")
    assert OutboxEvent.objects.count() == 0
    assert not wakeup.committed.is_set()
