from datetime import date, timedelta

import pytest
from django_scopes import scope

from emarge.attendance.models import RollCall
from emarge.audit import links
from emarge.audit.models import OutboxEvent
from emarge.lib.refusal import Refused
from emarge.proof.evidence import records
from emarge.retention import actions, queries
from emarge.retention.models import LegalHold, Order
from emarge.retention.rules import Scope
from tests.attendance.journey import call_roll, events, last_event, open_the_sign_in, opened, sign
from tests.cast import NOON, TEN, make_school

LATER = NOON + timedelta(days=1)
WHY = {"reference": "R-7", "reason": "dispute"}


@pytest.fixture
def school(db):
    school = make_school()
    with scope(base=school.base):
        yield school


def code_of(call, *args, **facts) -> str:
    with pytest.raises(Refused) as caught:
        call(*args, **facts)
    return caught.value.code


def hold(school, scope=Scope.CODE, *, by=None, student=None, meeting=None, **changes):
    facts = {**WHY, "scope": scope, "student": student, "meeting": meeting, **changes}
    return actions.place_hold(school.base, **facts, by=by or school.secretary, at=LATER)


def erase(school, person, *, acknowledged=True, by=None, **changes):
    facts = {**WHY, **changes, "person": person, "acknowledged": acknowledged}
    return actions.ask_erasure(school.base, **facts, by=by or school.secretary, at=LATER)


def seal_all(days=0):
    """As if the vault had certified everything, that many days ago."""
    for index, row in enumerate(OutboxEvent.objects.order_by("pk")):
        if row.index is None:
            stamped_at = LATER - timedelta(days=days)
            OutboxEvent.objects.filter(pk=row.pk).update(index=index, stamped_at=stamped_at)


def test_a_period_is_raised_once_and_recorded(school):
    for _time in range(2):
        actions.set_years(school.base, years=6, by=school.secretary, at=LATER)
    assert (queries.years_of(school.code), events()) == (6, ["retention.changed"])
    assert dict(records.parse(bytes(last_event().record)).details) == {"years": 6, "days": 2192}
    assert code_of(actions.set_years, school.base, years=5, by=school.secretary, at=LATER) == "years_lowered"
    assert code_of(actions.set_years, school.base, years=7, by=school.director, at=LATER) == "no_right"


def test_a_hold_on_a_student_covers_them_in_every_base(school):
    call_roll(school)
    alice, elsewhere = school.students["alice"], make_school("b").students["alice"].uuid
    links.remember(school.code.log, elsewhere, links.Identity("ine", alice.identifier, alice.birth_on))
    placed = hold(school, Scope.STUDENT, student=alice)
    assert placed.people == [str(alice.uuid), str(elsewhere)]
    assert len(placed.labels) == 2
    record = records.parse(bytes(last_event().record))
    assert (record.event, record.details["scope"], record.student is not None) == ("hold.placed", "student", True)
    content = opened(last_event())
    assert (content["reason"], [person["name"] for person in content["people"]]) == ("dispute", ["SIMON Sylvie"])


@pytest.mark.parametrize(
    ("scope", "changes", "code"),
    [
        (Scope.STUDENT, {}, "student_missing"),
        (Scope.MEETING, {}, "meeting_unknown"),
        (Scope.CODE, {"reason": " "}, "reason_missing"),
        (Scope.CODE, {"reference": ""}, "reference_missing"),
        (Scope.CODE, {"reference": "x" * 101}, "too_long"),
    ],
)
def test_a_hold_that_lacks_something_writes_nothing(school, scope, changes, code):
    assert code_of(hold, school, scope, **changes) == code
    assert (LegalHold.objects.count(), events()) == (0, [])


def test_a_hold_is_lifted_by_two_persons(school):
    placed = hold(school)
    order = actions.ask_to_lift(placed, **WHY, by=school.secretary, at=LATER)
    assert code_of(actions.ask_to_lift, placed, **WHY, by=school.secretary, at=LATER) == "already_asked"
    assert code_of(actions.approve, order, by=school.secretary, at=LATER) == "no_right"
    school.secretary.profile.rights = [*school.secretary.profile.rights, "approve_destructions"]
    assert code_of(actions.approve, order, by=school.secretary, at=LATER) == "same_person"
    assert queries.code_is_held(school.code)
    actions.approve(order, by=school.director, at=LATER)
    assert not queries.code_is_held(school.code)
    assert events() == ["hold.placed", "hold.lift_requested", "hold.lifted"]
    assert code_of(actions.ask_to_lift, placed, **WHY, by=school.secretary, at=LATER) == "already_lifted"


def test_a_lifting_that_is_refused_leaves_the_hold(school):
    order = actions.ask_to_lift(hold(school), **WHY, by=school.secretary, at=LATER)
    actions.refuse_order(order, reason="the trial goes on", by=school.director, at=LATER)
    assert (queries.code_is_held(school.code), events()[-1]) == (True, "hold.lift_refused")


def test_only_what_has_reached_its_end_is_destroyed(school):
    call_roll(school)
    seal_all(days=1900)
    ask = {**WHY, "by": school.secretary, "at": LATER}
    assert code_of(actions.ask_destruction, school.base, before_on=date(2021, 11, 24), **ask) == "not_at_its_end"
    assert code_of(actions.ask_destruction, school.base, before_on=date(2021, 1, 1), **ask) == "nothing_at_its_end"
    placed = hold(school)
    assert code_of(actions.ask_destruction, school.base, before_on=date(2021, 11, 23), **ask) == "held"
    LegalHold.objects.filter(pk=placed.pk).update(lifted_at=LATER)
    order = actions.ask_destruction(school.base, before_on=date(2021, 11, 23), **ask)
    assert code_of(actions.ask_destruction, school.base, before_on=date(2021, 11, 23), **ask) == "already_asked"
    actions.set_years(school.base, years=6, by=school.secretary, at=LATER)
    assert code_of(actions.approve, order, by=school.director, at=LATER) == "not_at_its_end"
    assert Order.objects.get().state == "requested"


def test_an_erasure_asks_for_a_second_thought_while_the_retention_runs(school):
    sign(school, open_the_sign_in(school), "alice")
    alice = school.students["alice"]
    assert code_of(erase, school, alice, acknowledged=False) == "retention_runs"
    order = erase(school, alice)
    assert order.retained_until == date(2031, 11, 24)
    assert code_of(erase, school, alice) == "already_asked"
    record = records.parse(bytes(last_event().record))
    assert (record.event, record.details["retained_until"]) == ("erasure.requested", "2031-11-24")
    assert [person["name"] for person in opened(last_event())["people"]] == ["SIMON Sylvie"]
    assert erase(school, school.teacher).people == [str(school.teacher.uuid)]
    assert erase(school, school.students["dan"], acknowledged=True).retained_until == date(2031, 11, 24)


@pytest.mark.parametrize("what", ["code", "student", "meeting"])
def test_a_hold_forbids_an_erasure_before_and_after_it_is_asked(school, what):
    call_roll(school)
    alice = school.students["alice"]
    order = erase(school, alice)
    hold(school, Scope(what), student=alice, meeting=RollCall.objects.get())
    assert code_of(actions.approve, order, by=school.director, at=LATER) == "held"
    Order.objects.all().delete()
    assert code_of(erase, school, alice) == "held"


def test_another_student_is_not_held_with_one(school):
    call_roll(school)
    hold(school, Scope.STUDENT, student=school.students["alice"])
    assert erase(school, school.students["dan"]).state == "requested"


def test_rights(school):
    call_roll(school)
    for person in (school.director, school.teacher.user):
        assert code_of(hold, school, by=person) == "no_right"
        assert code_of(erase, school, school.students["alice"], by=person) == "no_right"
    order = erase(school, school.students["alice"])
    assert code_of(actions.download, order, by=school.teacher.user, at=LATER) == "no_right"
    assert code_of(actions.download, order, by=school.director, at=LATER) == "no_certificate"


def test_what_is_kept_by_year(school):
    call_roll(school)
    seal_all(days=1900)
    hold(school)
    seal_all()
    rows = [(row.year, row.ended) for row in queries.kept_by_year(school.code, LATER)]
    assert rows == [(2021, False), (2026, False)]
    assert queries.kept_by_year(school.code, TEN + timedelta(days=400))[0].ended is True


def test_nobody_known_is_no_consultation(school):
    facts = {"period_from": date(2026, 1, 1), "period_to": date(2026, 12, 31), "reason": "x", "at": LATER}
    nobody = links.Identity("ine", "000000000AA", date(2000, 1, 1))
    consult = actions.consult
    assert code_of(consult, school.base, student=None, identity=nobody, by=school.secretary, **facts) == "nobody_known"
    assert (
        code_of(consult, school.base, student=None, identity=None, by=school.secretary, **facts) == "identity_missing"
    )
    assert code_of(consult, school.base, student=None, identity=nobody, by=school.director, **facts) == "no_right"
    assert events() == []
