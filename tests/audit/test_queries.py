from datetime import timedelta
from unittest.mock import ANY
from uuid import uuid4

from emarge.audit.models import OutboxEvent
from emarge.audit.queries import Sealing, delay, last_record, log_is_known, named_students, sealed_state, waiting_count
from tests.audit.events import NOW, happen

LATER = NOW + timedelta(seconds=3)


def _seal(row, index):
    OutboxEvent.objects.filter(pk=row.pk).update(index=index, stamped_at=LATER)


def test_the_state_of_what_is_sealed_waiting_and_unknown(db, django_assert_num_queries):
    sealed, waiting, partly, unknown = (uuid4() for _ in range(4))
    _seal(happen("log-a", subject=sealed)[0], 7)
    happen("log-a", subject=waiting)
    _seal(happen("log-a", subject=partly)[0], 8)
    happen("log-a", subject=partly, at=LATER)
    with django_assert_num_queries(1):
        states = sealed_state([sealed, waiting, partly, unknown])
    assert states == {
        sealed: Sealing(7, LATER, None, ANY),
        waiting: Sealing(None, None, NOW, ANY),
        partly: Sealing(None, None, LATER, ANY),
    }
    assert states[sealed].sealed
    assert not states[partly].sealed


def test_the_last_sealed_record_speaks_for_its_subject(db):
    subject = uuid4()
    for index in (3, 9):
        _seal(happen("log-a", subject=subject)[0], index)
    assert sealed_state([subject]) == {subject: Sealing(9, LATER, None, ANY)}


def test_delay_is_the_age_of_the_oldest_that_waits(db):
    assert delay(LATER) is None
    first, _ = happen("log-a"), happen("log-a", at=LATER)
    assert (delay(LATER), waiting_count()) == (timedelta(seconds=3), 2)
    _seal(first[0], 0)
    assert (delay(LATER), waiting_count()) == (timedelta(0), 1)


def test_the_last_record_of_a_subject_and_an_event(db):
    subject = uuid4()
    assert last_record(subject, "test.happened") is None
    _, second = happen("log-a", 2, subject=subject)
    happen("log-a", subject=uuid4())
    assert last_record(subject, "test.happened") == second.uuid
    assert last_record(subject, "test.other") is None


def test_a_log_is_known_once_something_was_recorded_for_it(db):
    happen("log-a")
    assert (log_is_known("log-a"), log_is_known("log-b")) == (True, False)


def test_students_are_named_by_their_own_records_in_one_log(db, django_assert_num_queries):
    listed, flagged, elsewhere, marked, unknown = (uuid4() for _ in range(5))
    happen("log-a", 2, event="student.listed", student=listed, subject=listed)
    happen("log-a", event="student.flagged", student=flagged, subject=flagged, details={"flagged": True})
    happen("log-b", event="student.listed", student=elsewhere, subject=elsewhere)
    happen("log-a", student=marked, subject=marked)
    with django_assert_num_queries(1):
        named = named_students("log-a", [listed, flagged, elsewhere, marked, unknown])
    assert named == {listed, flagged}
