import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta, timezone

import pytest

from emarge.proof.evidence import records
from emarge.proof.evidence.canonical import canonical
from emarge.proof.evidence.errors import RecordError
from emarge.proof.evidence.events import KNOWN
from emarge.proof.evidence.records import Actor, Clock, Record
from emarge.proof.vault.log.deposits import MAX_PAYLOAD

ID = "0b0e8f0e-3c5c-4f0e-9d0a-6a1f2b3c4d5e"
MEETING = "7f9c24e8-3b12-4fef-91e0-aa2b3c4d5e6f"
TEACHER, STUDENT, OTHER, COMMITMENT = "1" * 64, "2" * 64, "3" * 64, "c" * 64
AT = datetime(2026, 11, 23, 9, 0, 0, 250, tzinfo=UTC)
CLOCK = {"state": "in_sync", "bound_ms": 100, "sources": ["gps", "ntp"]}
BASIC = {
    "event": "log.opened",
    "id": ID,
    "at": AT,
    "clock": CLOCK,
    "code": "CFA Démo",
    "actor": {"role": "staff", "person": TEACHER},
}
FULL = {
    **BASIC,
    "event": "sign_in.signed",
    "meeting": MEETING,
    "student": STUDENT,
    "teachers": (TEACHER, OTHER),
    "method": "drawn",
    "corrects": MEETING,
    "commitment": COMMITMENT,
    "details": {"step": 3},
}
LONGER = len(records.build(**BASIC, details={"text": ""}))
LINE = {"expected": True, "minutes_late": 0, "presence": "present", "student": STUDENT}


def test_the_bytes_of_a_record():
    assert (
        records.build(**BASIC)
        == (
            '{"actor":{"person":"' + TEACHER + '","role":"staff"},"at":"2026-11-23T09:00:00.000250Z",'
            '"clock":{"bound_ms":100,"sources":["gps","ntp"],"state":"in_sync"},"code":"CFA Démo",'
            '"event":"log.opened","format":"emarge-record/1","id":"' + ID + '"}'
        ).encode()
    )


def test_reading_gives_every_field_back():
    assert records.parse(records.build(**FULL)) == Record(
        id=ID,
        event="sign_in.signed",
        at=AT,
        clock=Clock("in_sync", 100, ("gps", "ntp")),
        code="CFA Démo",
        actor=Actor("staff", TEACHER),
        meeting=MEETING,
        student=STUDENT,
        teachers=(TEACHER, OTHER),
        method="drawn",
        corrects=MEETING,
        commitment=COMMITMENT,
        details={"step": 3},
    )


def test_empty_fields_are_left_out():
    nothing = {"meeting": None, "student": None, "teachers": (), "method": None, "details": {}}
    assert records.build(**BASIC, **nothing) == records.build(**BASIC)


def test_an_instant_is_written_in_utc_with_six_decimals():
    paris = timezone(timedelta(hours=1))
    assert records.instant(datetime(2026, 11, 23, 10, 0, tzinfo=paris)) == "2026-11-23T09:00:00.000000Z"
    assert records.read_instant("2026-11-23T09:00:00.000000Z") == datetime(2026, 11, 23, 9, tzinfo=UTC)


def test_a_pseudonym_is_a_whole_hmac_under_the_key_of_the_person():
    expected = hmac.new(b"k" * 32, b"Ada", hashlib.sha256).hexdigest()
    assert records.pseudonym(b"k" * 32, "Ada") == expected
    with pytest.raises(RecordError) as caught:
        records.pseudonym(b"short", "Ada")
    assert str(caught.value) == "a person's key is 32 bytes long"


def test_the_system_acts_without_a_person():
    built = records.build(**{**BASIC, "actor": {"role": "system", "person": None}})
    assert records.parse(built).actor == Actor("system", None)


@pytest.mark.parametrize(
    ("field", "value", "text"),
    [
        ("event", "opened", "not the name of an event: 'opened'"),
        ("event", "Log.opened", "not the name of an event: 'Log.opened'"),
        ("event", "a." + "b" * 63, f"not the name of an event: {'a.' + 'b' * 63!r}"),
        ("id", ID.upper(), f"not a UUID: {ID.upper()!r}"),
        ("at", datetime(2026, 11, 23, 9, 0), "an instant has a time zone"),  # noqa: DTZ001 - the fault itself
        ("code", "", "an institution code is 1 to 100 printable characters"),
        ("code", "x" * 101, "an institution code is 1 to 100 printable characters"),
        ("code", "a\nb", "an institution code is 1 to 100 printable characters"),
        ("code", "De\u0301mo", "a string is not in Unicode normal form C"),
        ("clock", {**CLOCK, "state": "fine"}, "not a state of the clock: 'fine'"),
        ("clock", {**CLOCK, "bound_ms": None}, "the bound of a clock is unknown when, and only when, its state is"),
        ("clock", {**CLOCK, "state": "unknown"}, "the bound of a clock is unknown when, and only when, its state is"),
        ("clock", {**CLOCK, "bound_ms": -1}, "the bound of a clock is a whole number of milliseconds"),
        ("clock", {**CLOCK, "bound_ms": True}, "the bound of a clock is a whole number of milliseconds"),
        ("clock", {**CLOCK, "sources": ["gps", "gps"]}, "sources is a list without repetition"),
        ("clock", {**CLOCK, "skew": 1}, "clock lacks [] and has the unknown fields ['skew']"),
        ("actor", {"role": "staff"}, "an actor has a person unless the role is system"),
        ("actor", {"role": "system", "person": TEACHER}, "an actor has a person unless the role is system"),
        ("actor", {"role": "staff", "person": "Ada"}, "not 64 lower-case hexadecimal digits: 'Ada'"),
        ("meeting", "Tuesday", "not a UUID: 'Tuesday'"),
        ("student", STUDENT[:32], f"not 64 lower-case hexadecimal digits: {STUDENT[:32]!r}"),
        ("teachers", (TEACHER, TEACHER), "teachers is a list without repetition"),
        ("method", "by hand", "not a word of lower-case letters, digits and underscores: 'by hand'"),
        ("corrects", "7", "not a UUID: '7'"),
        ("commitment", "C" * 64, f"not 64 lower-case hexadecimal digits: {'C' * 64!r}"),
        ("details", {"ratio": 0.5}, "a float has no canonical form here"),
    ],
)
def test_a_wrong_value_is_refused(field, value, text):
    with pytest.raises(RecordError) as caught:
        records.build(**{**FULL, field: value})
    assert str(caught.value) == text


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"format": "emarge-record/2"}, "the format is not emarge-record/1"),
        ({"name": "Ada"}, "a record lacks [] and has the unknown fields ['name']"),
        ({"student": None}, "not 64 lower-case hexadecimal digits: None"),
        ({"teachers": []}, "teachers is left out when there is none"),
        ({"details": {}}, "details is an object, left out when it is empty"),
        ({"at": "2026-11-23T09:00:00Z"}, "not an instant: '2026-11-23T09:00:00Z'"),
        ({"at": "2026-11-31T09:00:00.000000Z"}, "not an instant: 2026-11-31T09:00:00.000000Z"),
    ],
)
def test_a_record_written_otherwise_is_refused(change, text):
    fields = json.loads(records.build(**FULL)) | change
    with pytest.raises(RecordError) as caught:
        records.parse(canonical(fields))
    assert str(caught.value) == text


@pytest.mark.parametrize("data", [b"[]", b"null", b'"record"'])
def test_what_is_no_object_is_refused(data):
    with pytest.raises(RecordError) as caught:
        records.parse(data)
    assert str(caught.value) == "a record is an object"


def test_a_missing_field_is_named():
    fields = json.loads(records.build(**BASIC))
    del fields["clock"]
    with pytest.raises(RecordError) as caught:
        records.parse(canonical(fields))
    assert str(caught.value) == "a record lacks ['clock'] and has the unknown fields []"


def test_a_record_that_would_not_fit_in_an_entry_is_refused():
    with pytest.raises(RecordError) as caught:
        records.build(**BASIC, details={"text": "x" * (records.MAX_RECORD - LONGER + 1)})
    assert str(caught.value) == "a record is at most 49152 bytes long, this one has 49153"
    longest = records.build(**BASIC, details={"text": "x" * (records.MAX_RECORD - LONGER)})
    assert len(longest) == records.MAX_RECORD == MAX_PAYLOAD


@pytest.mark.parametrize("event", sorted(event for event, asked in KNOWN.items() if asked.fields or asked.details))
def test_a_known_event_says_what_it_requires(event):
    required = KNOWN[event]
    with pytest.raises(RecordError) as caught:
        records.build(**{**BASIC, "event": event})
    missing = [*required.fields, *(f"details.{name}" for name in required.details)]
    assert str(caught.value) == f"{event} lacks {', '.join(missing)}"


@pytest.mark.parametrize("event", ["audit_trail.downloaded", "scan.accepted", "meeting.moved.twice"])
def test_an_event_that_is_not_known_yet_is_free(event):
    assert records.parse(records.build(**{**BASIC, "event": event, "details": {"roster": 1}})).event == event


@pytest.mark.parametrize(
    ("roster", "text"),
    [
        ({}, "a roster is a list of at most 300 lines"),
        ([LINE] * 301, "a roster is a list of at most 300 lines"),
        ([STUDENT], "a line of this roster has the fields expected, minutes_late, presence, student"),
        ([{**LINE, "name": "Ada"}], "a line of this roster has the fields expected, minutes_late, presence, student"),
        ([LINE, LINE], "a student is twice in the roster"),
        ([{**LINE, "expected": 1}], "not true or false: 1"),
        ([{**LINE, "presence": "ill"}], "not a presence: 'ill'"),
        ([{**LINE, "minutes_late": 5}], "only a late student has minutes of lateness"),
        ([{**LINE, "presence": "late", "minutes_late": 1441}], "not a number of minutes: 1441"),
    ],
)
def test_a_wrong_roster_is_refused(roster, text):
    with pytest.raises(RecordError) as caught:
        build_roster("roll_call.ended", roster)
    assert str(caught.value) == text


def build_roster(event, roster, part=1, parts=1):
    details = {"roster": roster, "part": part, "parts": parts}
    return records.build(**{**BASIC, "event": event, "meeting": MEETING, "details": details})


def test_a_roster_is_read():
    roster = [LINE, {"expected": False, "minutes_late": 12, "presence": "late", "student": OTHER}]
    built = build_roster("roll_call.ended", roster, 2, 3)
    assert records.parse(built).details == {"roster": roster, "part": 2, "parts": 3}


def test_a_roster_at_the_opening_says_who_is_expected_only():
    roster = [{"expected": True, "student": STUDENT}, {"expected": False, "student": OTHER}]
    assert records.parse(build_roster("roll_call.opened", roster)).details["roster"] == roster
    with pytest.raises(RecordError) as caught:
        build_roster("roll_call.opened", [LINE])
    assert str(caught.value) == "a line of this roster has the fields expected, student"


@pytest.mark.parametrize(
    ("part", "parts", "text"),
    [
        (0, 1, "not a number from 1 on: 0"),
        (1, True, "not a number from 1 on: True"),
        ("1", 1, "not a number from 1 on: '1'"),
        (3, 2, "a part 3 of 2"),
    ],
)
def test_a_wrong_part_is_refused(part, parts, text):
    for event in ("roll_call.opened", "roll_call.ended"):
        with pytest.raises(RecordError) as caught:
            build_roster(event, [], part, parts)
        assert str(caught.value) == text


def test_a_mark_is_consistent():
    details = {"presence": "absent", "minutes_late": 3}
    with pytest.raises(RecordError) as caught:
        records.build(
            **{**BASIC, "event": "roll_call.marked", "meeting": MEETING, "student": STUDENT, "details": details}
        )
    assert str(caught.value) == "only a late student has minutes of lateness"


CHANGED = {
    "history": "ab" * 16,
    "first": 4,
    "last": 4,
    "changed_at": "2026-11-23T08:30:06.250000Z",
    "before": "in_sync",
    "state": "in_sync",
    "reason": "two sources agree",
    "excluded": ["gps"],
}
MERGED = {"since": CHANGED["changed_at"], "states": ["in_sync", "unknown"], "excluded": ["gps"]}


def build_change(**changes):
    return records.build(**{**BASIC, "event": "clock.changed", "details": {**CHANGED, **changes}})


@pytest.mark.parametrize("changes", [{}, {"lost": 3}, {"first": 2, "merged": MERGED}, {"excluded": []}])
def test_a_change_of_the_clock_is_read(changes):
    assert records.parse(build_change(**changes)).details == {**CHANGED, **changes}


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"history": "AB" * 16}, f"not the name of a history: {'AB' * 16!r}"),
        ({"first": 5}, "several changes of the clock, and they alone, are merged"),
        ({"first": 3}, "several changes of the clock, and they alone, are merged"),
        ({"merged": MERGED}, "several changes of the clock, and they alone, are merged"),
        ({"first": 0}, "not a number from 1 on: 0"),
        ({"lost": 0}, "not a number from 1 on: 0"),
        ({"changed_at": "today"}, "not an instant: 'today'"),
        ({"state": "in sync"}, "not a state of the clock: 'in sync'"),
        ({"before": []}, "not a state of the clock: []"),
        ({"reason": ""}, "not a text of 1 to 64 characters: ''"),
        ({"excluded": "gps"}, "a list names each once"),
        ({"excluded": ["gps", "gps"]}, "a list names each once"),
        ({"excluded": [{}]}, "not a text of 1 to 64 characters: {}"),
        ({"first": 3, "merged": {}}, "merged changes have the fields excluded, since, states"),
        ({"first": 3, "merged": []}, "merged changes have the fields excluded, since, states"),
        ({"first": 3, "merged": {**MERGED, "states": ["fine"]}}, "not a state of the clock: 'fine'"),
    ],
)
def test_a_wrong_change_of_the_clock_is_refused(changes, text):
    with pytest.raises(RecordError) as caught:
        build_change(**changes)
    assert str(caught.value) == text
