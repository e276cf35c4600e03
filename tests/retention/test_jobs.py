"""What the chores do with a real vault: told, destroyed, erased, and resumed after a crash."""

import io
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection
from django_scopes import scope, scopes_disabled
from pypdf import PdfReader

from emarge.attendance.models import ReviewedAnomaly, RollCall, RollCallLine, SignIn
from emarge.audit import keeping, trust, vault
from emarge.audit.actions import pseudonyms
from emarge.audit.models import OutboxEvent, PersonKey, PersonLink
from emarge.audit.relay import flush
from emarge.inspections import actions as inspections
from emarge.institutions.models import Student, Teacher
from emarge.proof.evidence import bundle, records
from emarge.proof.evidence.verify import verify_bundle
from emarge.proof.vault.destruction import plans
from emarge.retention import actions, jobs
from emarge.retention.models import LegalHold, Order, RetentionPeriod
from emarge.retention.rules import Scope
from tests.inspections.requests import ask
from tests.inspections.test_actions import code_of
from tests.retention import aged
from tests.retention.aged import LONG_AGO, NOW
from tests.retention.conftest import played

pytestmark = [pytest.mark.processes, pytest.mark.django_db(transaction=True)]
WHY = {"reference": "R-7", "reason": "asked for"}


@pytest.fixture
def school(vault, aged_vault):
    """A school that called a roll in 2021, all of it sealed then; now it is 2026."""
    data, _server = aged_vault
    aged.set_time(data, LONG_AGO)
    school = played(at=LONG_AGO)
    with scope(base=school.base):
        flush(school.code.log)
        aged.set_time(data, NOW)
        yield school


def reader(work, *arguments):
    with vault.client("reader") as client:
        return getattr(client, work)(*arguments)


def work(school):
    """What relay and chores do, until nothing waits."""
    for _pass in range(3):
        flush(school.code.log)
        jobs.carry_out()
    flush(school.code.log)


def destroy(school):
    facts = {**WHY, "before_on": (LONG_AGO + timedelta(days=1)).date(), "by": school.secretary, "at": NOW}
    order = actions.ask_destruction(school.base, **facts)
    return actions.approve(order, by=school.director, at=NOW)


def erase(school, person):
    facts = {**WHY, "person": person, "acknowledged": True, "by": school.secretary, "at": NOW}
    return actions.approve(actions.ask_erasure(school.base, **facts), by=school.director, at=NOW)


def hold(school, what, **facts):
    chosen = {"student": None, "meeting": None, **facts}
    return actions.place_hold(school.base, **WHY, scope=what, **chosen, by=school.secretary, at=NOW)


def reviewed(school, student):
    """Somebody noted what an anomaly of a student was."""
    line = RollCallLine.objects.get(student=school.students[student])
    said = {"kind": "shared_device", "evidence": "0" * 16, "note": "Borrowed a phone.", "reviewed_at": NOW}
    return ReviewedAnomaly.objects.create(base=school.base, line=line, reviewed_by=school.secretary, **said)


def test_the_end_of_retention(school):
    log = school.code.log
    reviewed(school, "alice")
    old = OutboxEvent.objects.filter(log=log).count()
    order = destroy(school)
    work(school)
    order.refresh_from_db()
    assert (order.state, order.fault, order.count) == ("produced", "", old)
    certificate = plans.open_certificate(bytes(order.certificate), trust.anchors(log, school.code.code).vkey)
    assert (certificate.plan.records.text, certificate.plan.period) == (f"0-{old - 1}", 1827)
    assert reader("contents", log, range(old)) == {}
    assert (RollCall.objects.count(), SignIn.objects.count(), ReviewedAnomaly.objects.count()) == (0, 0, 0)
    rows = OutboxEvent.objects.filter(log=log).order_by("pk")
    assert [row.event for row in rows] == ["destruction.requested", "destruction.approved", "retention.destroyed"]
    told = records.parse(bytes(rows[2].record))
    assert (told.actor.role, told.details["certificate"]) == ("system", order.digest)
    assert actions.download(order, by=school.director, at=NOW) == bytes(order.certificate)
    jobs.carry_out()
    assert OutboxEvent.objects.filter(log=log, event="retention.destroyed").count() == 1


def test_a_crash_at_any_step_is_resumed(school, monkeypatch):
    log = school.code.log
    order = destroy(school)
    flush(log)
    for name in ("delete_roll_calls", "empty_bundles", "forget_who_left_nothing", "record"):
        with monkeypatch.context() as crash:
            crash.setattr(jobs, name, lambda *_a, **_k: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                jobs.carry_out()
        order.refresh_from_db()
        assert (order.state, bool(order.certificate)) == ("approved", True)
    digest = order.digest
    work(school)
    order.refresh_from_db()
    assert (order.state, order.digest) == ("produced", digest)
    assert OutboxEvent.objects.filter(log=log, event="retention.destroyed").count() == 1


def test_while_the_vault_is_down_the_order_waits(school, vault):
    order = destroy(school)
    flush(school.code.log)
    vault.stop()
    with pytest.raises(keeping.vault.VaultUnavailable):
        jobs.carry_out()
    vault.start()
    work(school)
    order.refresh_from_db()
    assert order.state == "produced"


def test_what_a_hold_covers_stays_and_goes_once_it_is_lifted(school):
    log = school.code.log
    alice = school.students["alice"]
    name = pseudonyms([alice.uuid])[alice.uuid]
    held = hold(school, Scope.STUDENT, student=alice)
    order = destroy(school)
    work(school)
    order.refresh_from_db()
    kept = reader("find", log, f"student:{name}")
    assert (order.state, len(reader("contents", log, kept)) >= 2) == ("produced", True)
    assert (RollCall.objects.count(), SignIn.objects.count()) == (1, 2)
    lift = actions.ask_to_lift(held, **WHY, by=school.secretary, at=NOW)
    actions.approve(lift, by=school.director, at=NOW)
    work(school)
    held = LegalHold.objects.get(pk=held.pk)
    assert (held.released, held.told_labels) == (True, held.labels)
    again = destroy(school)
    work(school)
    again.refresh_from_db()
    assert (again.state, RollCall.objects.count()) == ("produced", 0)


def test_a_hold_that_came_after_the_approval_stops_it_until_it_is_lifted(school):
    order = destroy(school)
    held = hold(school, Scope.CODE)
    work(school)
    order.refresh_from_db()
    assert (order.state, order.fault, RollCall.objects.count()) == ("approved", "held", 1)
    lift = actions.ask_to_lift(held, **WHY, by=school.secretary, at=NOW)
    actions.approve(lift, by=school.director, at=NOW)
    Order.objects.filter(pk=order.pk).update(tried_at=NOW - timedelta(days=1))
    work(school)
    order.refresh_from_db()
    assert (order.state, order.fault) == ("produced", "")


def test_the_vault_is_told_a_longer_period_once(school):
    actions.set_years(school.base, years=10, by=school.secretary, at=NOW)
    work(school)
    assert reader("retention", school.code.log)["days"] == 3653
    assert RetentionPeriod.objects.get().told_years == 10
    assert code_of(destroy, school) == "not_at_its_end"


def bundle_of(school):
    day = {"period_from": LONG_AGO.date(), "period_to": LONG_AGO.date()}
    request = inspections.approve(ask(school, at=NOW, **day), by=school.director, at=NOW)
    return inspections.produce(request, by=school.secretary, at=NOW)


def text_of(request) -> str:
    sheet = bundle.read(bytes(request.bundle))["sheet.pdf"]
    text = "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(sheet)).pages)
    return " ".join(text.split())


def test_a_student_who_is_erased_leaves_records_without_a_name(school):
    log, alice = school.code.log, school.students["alice"]
    name = pseudonyms([alice.uuid])[alice.uuid]
    before = bundle_of(school)
    kept = bytes(before.bundle)
    reviewed(school, "alice")
    order = erase(school, alice)
    work(school)
    order.refresh_from_db()
    assert (order.state, order.fault) == ("produced", "")
    assert order.count == len(order.asked["indexes"]) >= 3
    assert reader("contents", log, order.asked["indexes"]) == {}
    alice = Student.objects.select_related("user").get(pk=alice.pk)
    assert (alice.last_name, alice.identifier, alice.birth_on, alice.user.is_active) == ("∅", "", None, False)
    assert bytes(SignIn.objects.get(line__student=alice).drawing) == b""
    assert ReviewedAnomaly.objects.get().note == ""
    people = PersonKey.objects.filter(person=alice.uuid)
    assert (people.count(), PersonLink.objects.filter(person=alice.uuid).count()) == (0, 0)
    # What the funder had verifies as before; it is no longer kept here; a bundle of today has no content of hers.
    assert len(verify_bundle(kept, before.fingerprint).records) == 11
    assert code_of(inspections.download, before, by=school.secretary, at=NOW) == "bundle_emptied"
    today = bundle_of(school)
    verdict = verify_bundle(bytes(today.bundle), today.fingerprint)
    hers = [one for one in verdict.records if one.student and one.student.pseudonym == name]
    assert [(one.event, one.opened, one.student.name) for one in hers] == [
        ("student.flagged", False, None),
        ("sign_in.signed", False, None),
        ("erasure.done", False, None),
    ]
    [gone] = [caution for caution in verdict.warnings if caution.warn == "erased"]
    assert (len(gone.records), "not_opened" in [caution.warn for caution in verdict.warnings]) == (2, False)
    text = text_of(today)
    assert (f"erased on request (record no. {hers[2].index})" in text, "ADAM" in text, "BENOÎT Bao" in text) == (
        True,
        False,
        True,
    )


def test_an_erased_teacher(school):
    teacher = school.teacher
    order = erase(school, teacher)
    work(school)
    order.refresh_from_db()
    assert order.state == "produced"
    teacher = Teacher.objects.get(pk=teacher.pk)
    assert teacher.last_name == "∅"
    with closing(vault.client("reader")) as client:
        opened = keeping._opened(client, school.code.log, range(client.count(school.code.log)))
        names = [person["name"] for _index, content in opened for person in content.get("people", [])]
    assert ("TESSIER Thomas" in names, "ADAM Alice" in names) == (False, True)


def test_a_student_of_two_bases_is_erased_in_both(school, aged_vault):
    data, _server = aged_vault
    aged.set_time(data, LONG_AGO)
    other = played("b", at=LONG_AGO + timedelta(days=1), code=school.code)
    aged.set_time(data, NOW)
    order = erase(school, school.students["bao"])
    assert order.people == [str(each.students["bao"].uuid) for each in (school, other)]
    work(school)
    with scopes_disabled():
        rows = Student.objects.filter(identifier=school.students["bao"].identifier)
        assert (rows.count(), Student.objects.filter(last_name="∅").count()) == (0, 2)
    told = OutboxEvent.objects.filter(event="erasure.done")
    assert told.count() == 2


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL does not promise it (decision 0021)")
def test_what_is_deleted_is_overwritten(school):
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA secure_delete")
        assert cursor.fetchone()[0] == 1
    path = Path(connection.settings_dict["NAME"])
    [drawing] = {bytes(each.drawing) for each in SignIn.objects.all()}
    keeping.empty_the_write_ahead_log()
    assert drawing in path.read_bytes()
    destroy(school)
    work(school)
    raw = b"".join(each.read_bytes() for each in path.parent.glob(f"{path.name}*"))
    assert drawing not in raw
