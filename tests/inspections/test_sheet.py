"""The sheet over records as the vault gives them, here taken from the outbox: its text is what a reader sees."""

import hashlib
import io
from dataclasses import replace
from datetime import timedelta

import pytest
from pypdf import PdfReader

from emarge.attendance import actions as attendance
from emarge.attendance.rules import Method
from emarge.audit.models import OutboxEvent
from emarge.audit.trails import OpenedRecord
from emarge.inspections import sheet
from emarge.inspections import sheet_texts as texts
from emarge.inspections.drawings import svg_of
from emarge.inspections.gathered import gather
from emarge.institutions.models import Student
from emarge.proof.evidence import contents, records
from emarge.proof.evidence.events import KNOWN
from emarge.proof.evidence.seal import Gathered
from emarge.proof.timestamping.verify import Timestamp
from tests.attendance.journey import DRAWING, call_roll, line_of, open_the_sign_in, sign
from tests.cast import NOON
from tests.inspections.requests import ASKED_AT, ask_and_approve


def gathered(row: OutboxEvent, index: int) -> OpenedRecord:
    record = records.parse(bytes(row.record))
    sealed = record.commitment is not None
    opened = contents.open_content(bytes(row.content), bytes(row.content_key), record.commitment) if sealed else None
    stamp = Timestamp(record.at + timedelta(seconds=2), timedelta(milliseconds=500), index, "1.2.3")
    digest = hashlib.sha256(bytes(row.record)).hexdigest()
    return OpenedRecord(index, record, digest, stamp, opened, Gathered(index, b""))


def everything() -> list[OpenedRecord]:
    return [gathered(row, index) for index, row in enumerate(OutboxEvent.objects.order_by("id"))]


def read(school, request, *, at=ASKED_AT) -> str:
    """The whole text of the sheet, on one line."""
    document = sheet.draw(request, everything(), by=school.secretary, at=at)
    pages = [page.extract_text() for page in PdfReader(io.BytesIO(document)).pages]
    return " ".join(" ".join(pages).split())


@pytest.fixture
def story(school):
    """Alice draws, Bao signs with the keyboard, Chloe is absent; the meeting is validated."""
    roll_call = open_the_sign_in(school)
    sign(school, roll_call, "alice")
    keyboard = {"method": Method.KEYBOARD, "drawing": "", "consent": True, "typed_name": "Bao Benoît"}
    sign(school, roll_call, "bao", **keyboard)
    attendance.validate_meeting(roll_call, by=school.secretary, at=NOON + timedelta(hours=1))
    return school


def has(text: str, *phrases: str) -> dict[str, bool]:
    return {phrase: phrase in text for phrase in phrases}


def all_of(*phrases: str) -> dict[str, bool]:
    return dict.fromkeys(phrases, True)


def test_what_the_sheet_says(story):
    text = read(story, ask_and_approve(story))
    phrases = (
        "Institution code École-a",
        "Period 23 November 2026",
        "Times are those of Europe/Paris",
        "Requested by OPCO Atlas",
        "Reference ATL-2026/0042",
        "Entered by SIMON Sylvie, 24 Nov. 2026 12:00:00 (record no. 11)",
        "Approved by DUPRE Denis, 24 Nov. 2026 12:05:00 (record no. 12)",
        "This bundle holds 13 records.",
        "R1.01 Initiation au développement, 23 November 2026",
        "Planned 23 Nov. 2026 10:00 – 12:00",
        "Place S102",
        "Public TD · INFO1-G1",
        "TESSIER Thomas 23 Nov. 2026 10:00:00 drawn",
        "ADAM Alice Present Signed, drawn 23 Nov. 2026 10:00:00",
        "BENOÎT Bao Present Signed, with the keyboard 23 Nov. 2026 10:00:00 Bao Benoît",
        "CARON Chloe Absent Not expected — —",
        "1 student of the roster was not subject to sign-in.",
        "certified 10:00:02.000 ± 0.500 s",
        "clock state unknown",
        "emarge verify BUNDLE.zip --trust FINGERPRINT",
    )
    assert has(text, *phrases) == all_of(*phrases)
    assert ("DAVID Dan Present" in text, "DEMONSTRATION" in text, "11117210" in text) == (False, False, False)


def test_one_student(story):
    text = read(story, ask_and_approve(story, student=story.students["alice"]))
    phrases = (
        "Name ADAM Alice",
        "Identifier •••••••00HG",
        "Date of birth 1 January 2005",
        "3 other students of the roster are not concerned by this request.",
    )
    assert has(text, *phrases) == all_of(*phrases)


def test_digests_stand_whole(story):
    text = read(story, ask_and_approve(story))
    digests = [hashlib.sha256(bytes(row.record)).hexdigest() for row in OutboxEvent.objects.all()]
    assert [f"{digest[:32]} {digest[32:]}" in text for digest in digests] == [True] * 13


@pytest.mark.parametrize(
    "name",
    ["O’Brien-Łukasz d'Ävila", '#import "@preview/x": *', "*Bold* _it_ $x$ `raw` <a> @b", "= Heading", "\\u{41} //"],
)
def test_hostile_text_renders_literally(school, name):
    student = school.students["alice"]
    student.last_name, student.first_name = name, "Zoé"
    student.save()
    roll_call = open_the_sign_in(school)
    sign(school, roll_call, "alice")
    request = ask_and_approve(school, inspector=name, reason=f"{name} [#sys.version]")
    text = read(school, request)
    phrases = (f"Requested by {name}", f"Reason {name} [#sys.version]", f"{name} Zoé Present")
    assert has(text, *phrases) == all_of(*phrases)


def test_a_regularised_line_tells_its_reason(school):
    roll_call = open_the_sign_in(school)
    bao = line_of(roll_call, school, "bao")
    attendance.settle(bao, by=school.secretary, reason="no phone", at=NOON + timedelta(hours=1))
    assert "BENOÎT Bao Present Regularised: no phone — —" in read(school, ask_and_approve(school))


def test_who_was_only_there_is_named_by_the_roster(school):
    open_the_sign_in(school)
    text = read(school, ask_and_approve(school))
    phrases = (
        "ADAM Alice Present Not signed in time — —",
        "BENOÎT Bao Present Not signed in time — —",
        "Student: first entered on a roll sheet ADAM Alice TESSIER Thomas teacher",
    )
    assert has(text, *phrases, "…") == {**all_of(*phrases), "…": False}


def test_the_newest_record_says_the_name(school):
    open_the_sign_in(school)
    Student.objects.filter(pk=school.students["alice"].pk).update(last_name="ADAMS")
    alice = Student.objects.get(pk=school.students["alice"].pk)
    attendance.flag_students([alice], subject_to=False, by=school.secretary, at=ASKED_AT)
    text = read(school, ask_and_approve(school))
    assert ("ADAMS Alice Present" in text, "ADAM Alice" in text) == (True, False)


@pytest.mark.parametrize(
    ("at", "said"),
    [
        (NOON + timedelta(minutes=15), "Not signed yet (open until 23 Nov. 2026 12:15:00)"),
        (NOON + timedelta(minutes=15, microseconds=1), "Not signed in time"),
    ],
)
def test_an_unsigned_line_says_whether_the_sign_in_was_still_open(school, at, said):
    open_the_sign_in(school)
    assert f"ADAM Alice Present {said} — —" in read(school, ask_and_approve(school), at=at)


def test_a_sign_in_that_the_teacher_never_opened_is_said(school):
    call_roll(school)
    assert "ADAM Alice Present Sign-in not opened — —" in read(school, ask_and_approve(school))


def test_one_student_who_was_not_subject_to_sign_in_was_not_expected(school):
    open_the_sign_in(school)
    text = read(school, ask_and_approve(school, student=school.students["dan"]))
    assert "DAVID Dan Present Not expected — —" in text


def test_every_event_has_its_words():
    assert texts.EVENTS.keys() == {*KNOWN, "audit_trail.downloaded"}


def test_a_roster_in_several_records_is_read_whole(school, monkeypatch):
    monkeypatch.setattr("emarge.attendance.rules.ROSTER_PART", 3)
    open_the_sign_in(school)
    found = everything()
    ended = [one.record.details["part"] for one in found if one.record.event == "roll_call.ended"]
    lines = gather(found).meetings[0].roster
    assert (ended, len(lines), [line["presence"] for line in lines].count("absent")) == ([1, 2], 4, 1)


def test_content_that_was_not_opened_is_said(school):
    roll_call = open_the_sign_in(school)
    sign(school, roll_call, "alice")
    request = ask_and_approve(school)
    found = []
    for one in everything():
        closed = replace(one, content=None)
        found.append(closed if one.record.event in {"sign_in.signed", "student.listed"} else one)
    document = sheet.draw(request, found, by=school.secretary, at=ASKED_AT)
    text = " ".join(" ".join(page.extract_text() for page in PdfReader(io.BytesIO(document)).pages).split())
    assert ("not opened" in text, "ADAM" in text) == (True, False)


def test_the_same_records_give_the_same_bytes(story):
    request = ask_and_approve(story)
    found = everything()
    first = sheet.draw(request, found, by=story.secretary, at=ASKED_AT)
    assert sheet.draw(request, found, by=story.secretary, at=ASKED_AT) == first


def test_signature_image_holds_only_numbers():
    assert svg_of(DRAWING) == (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="-67.5 -17 240 90">'
        '<path d="M10 20L25 16L55 28L95 28M80 40" fill="none" stroke="#1b2a6b" stroke-width="3.5" '
        'stroke-linecap="round" stroke-linejoin="round"/></svg>'
    )
