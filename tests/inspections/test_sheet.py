"""The sheet over records as the vault gives them, here taken from the outbox: its text is what a reader sees."""

import hashlib
import io
from datetime import timedelta

import pytest
from pypdf import PdfReader

from emarge.attendance import actions as attendance
from emarge.attendance.rules import Method
from emarge.audit.models import OutboxEvent
from emarge.audit.trails import OpenedRecord
from emarge.inspections import sheet
from emarge.inspections.drawings import svg_of
from emarge.inspections.gathered import gather
from emarge.proof.evidence import contents, records
from emarge.proof.evidence.seal import Gathered
from emarge.proof.timestamping.verify import Timestamp
from tests.attendance.journey import DRAWING, line_of, open_the_sign_in, sign
from tests.cast import NOON
from tests.inspections.requests import ASKED_AT, ask_and_approve


def gathered(row: OutboxEvent, index: int) -> OpenedRecord:
    record = records.parse(bytes(row.record))
    sealed = record.commitment is not None
    opened = contents.open_content(bytes(row.content), bytes(row.content_key), record.commitment) if sealed else None
    stamp = Timestamp(record.at + timedelta(seconds=2), timedelta(milliseconds=500), index, "1.2.3")
    digest = hashlib.sha256(bytes(row.record)).hexdigest()
    return OpenedRecord(index, record, digest, stamp, opened, Gathered(index, b""))


def read(school, request) -> str:
    """The whole text of the sheet, on one line."""
    found = [gathered(row, index) for index, row in enumerate(OutboxEvent.objects.order_by("id"))]
    document = sheet.draw(request, found, by=school.secretary, at=ASKED_AT)
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
        "Entered by SIMON Sylvie, 24 Nov. 2026 12:00:00 (record no. 7)",
        "Approved by DUPRE Denis, 24 Nov. 2026 12:05:00 (record no. 8)",
        "This bundle holds 9 records.",
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
    assert ("DAVID" in text, "DEMONSTRATION" in text, "11117210" in text) == (False, False, False)


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
    assert [f"{digest[:32]} {digest[32:]}" in text for digest in digests] == [True] * 9


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


def test_a_roster_in_several_records_is_read_whole(school, monkeypatch):
    monkeypatch.setattr("emarge.attendance.rules.ROSTER_PART", 3)
    open_the_sign_in(school)
    found = [gathered(row, index) for index, row in enumerate(OutboxEvent.objects.order_by("id"))]
    ended = [one.record.details["part"] for one in found if one.record.event == "roll_call.ended"]
    lines = gather(found).meetings[0].roster
    assert (ended, len(lines), [line["presence"] for line in lines].count("absent")) == ([1, 2], 4, 1)


def test_content_that_was_not_opened_is_said(school):
    roll_call = open_the_sign_in(school)
    sign(school, roll_call, "alice")
    request = ask_and_approve(school)
    found = []
    for index, row in enumerate(OutboxEvent.objects.order_by("id")):
        one = gathered(row, index)
        closed = OpenedRecord(index, one.record, one.digest, one.timestamp, None, one.gathered)
        found.append(closed if one.record.event == "sign_in.signed" else one)
    document = sheet.draw(request, found, by=school.secretary, at=ASKED_AT)
    text = " ".join(" ".join(page.extract_text() for page in PdfReader(io.BytesIO(document)).pages).split())
    assert ("not opened" in text, "ADAM" in text) == (True, False)


def test_the_same_records_give_the_same_bytes(story):
    request = ask_and_approve(story)
    found = [gathered(row, index) for index, row in enumerate(OutboxEvent.objects.order_by("id"))]
    first = sheet.draw(request, found, by=story.secretary, at=ASKED_AT)
    assert sheet.draw(request, found, by=story.secretary, at=ASKED_AT) == first


def test_signature_image_holds_only_numbers():
    assert svg_of(DRAWING) == (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="-67.5 -17 240 90">'
        '<path d="M10 20L25 16L55 28L95 28M80 40" fill="none" stroke="#1b2a6b" stroke-width="3.5" '
        'stroke-linecap="round" stroke-linejoin="round"/></svg>'
    )
