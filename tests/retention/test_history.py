"""The history of a student over two bases of one code, from a real vault."""

from datetime import date, timedelta

import pytest
from django_scopes import scope

from emarge.attendance import actions as attendance
from emarge.audit import links
from emarge.inspections import actions as inspections
from emarge.institutions.identities import Identity
from emarge.proof.evidence.verify import verify_bundle
from emarge.retention import actions
from tests.audit.conftest import module_servers, servers
from tests.cast import TEN
from tests.inspections.requests import ask
from tests.inspections.test_actions import code_of
from tests.retention.conftest import played
from tests.retention.test_jobs import text_of

__all__ = ["module_servers", "servers"]

pytestmark = [pytest.mark.processes, pytest.mark.django_db(transaction=True)]
LAST_YEAR = TEN - timedelta(days=364)
LATER = TEN + timedelta(days=1)


@pytest.fixture
def years(servers):
    """Last year's base and this year's, of one institution code; the same students have other uuids."""
    before = played("a", at=LAST_YEAR, sign_all=("alice",))
    now = played("b", code=before.code)
    with scope(base=now.base):
        yield before, now


def consult(school, *, student=None, identity=None, **changes):
    facts = {
        "period_from": LAST_YEAR.date(),
        "period_to": LATER.date(),
        "reason": "question of the student",
        "at": LATER,
    }
    return actions.consult(school.base, student=student, identity=identity, by=school.secretary, **{**facts, **changes})


def seen(history):
    return [(meeting.starts_at.date(), meeting.presence, meeting.sign_in) for meeting in history.meetings]


def test_a_student_of_this_base_is_found_in_the_base_of_another_year(years):
    _before, now = years
    days = [LAST_YEAR.date(), TEN.date()]
    found = consult(now, student=now.students["alice"])
    assert (found.bases, seen(found)) == (2, [(day, "present", "signed") for day in days])
    found = consult(now, student=now.students["bao"])
    assert seen(found) == [(days[0], "present", "unsigned"), (days[1], "present", "signed")]
    found = consult(now, student=now.students["chloe"])
    assert seen(found) == [(day, "absent", "not_expected") for day in days]
    assert {one.record.event for one in found.others} == {"history.consulted"}
    assert seen(consult(now, student=now.students["alice"], period_from=TEN.date())) == [(days[1], "present", "signed")]


def test_a_student_known_by_identity_alone_and_after_a_correction(years):
    before, now = years
    alice = now.students["alice"]
    said = Identity("ADAM", "Alice", "ine", "999999999HG", alice.birth_on)
    attendance.correct_student(alice, said, reason="new INE", by=now.secretary, at=LATER)
    alice.refresh_from_db()
    for identifier in ("111172100HG", "999999999HG"):
        with scope(base=before.base):
            found = consult(before, identity=links.Identity("ine", identifier, alice.birth_on))
        assert (found.bases, len(found.meetings), found.several_names) == (2, 2, False)
        assert found.identities[-1].event == "student.alias"
        assert found.identities[-1].identifier == "999999999HG"
    stranger = links.Identity("ine", "111172100HG", date(2001, 1, 1))
    assert code_of(consult, now, identity=stranger) == "nobody_known"


def test_an_audit_trail_of_one_student_follows_them_too(years):
    _before, now = years
    period = {"period_from": LAST_YEAR.date(), "period_to": TEN.date()}
    request = inspections.approve(
        ask(now, student=now.students["alice"], at=LATER, **period), by=now.director, at=LATER
    )
    request = inspections.produce(request, by=now.secretary, at=LATER)
    verdict = verify_bundle(bytes(request.bundle), request.fingerprint)
    signed = [record for record in verdict.records if record.event == "sign_in.signed"]
    assert (len(signed), {record.student.name for record in signed}) == (2, {"ADAM Alice"})
    assert len({record.student.pseudonym for record in signed}) == 2
    text = text_of(request)
    assert (text.count("ADAM Alice Present Signed"), "BENOÎT" in text) == (2, False)


def test_another_code_knows_nothing_of_it(years):
    other = played("c", sign_all=())
    with scope(base=other.base):
        alice = other.students["alice"]
        found = consult(other, student=alice)
    assert (found.bases, len(found.meetings)) == (1, 1)
