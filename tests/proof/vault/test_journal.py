"""The journal on disk: chain, days, what a crash leaves, and each fault that a check names."""

import hashlib
import json
from datetime import UTC, datetime, timedelta

import pytest

from emarge.proof.evidence.canonical import parse_canonical
from emarge.proof.vault.errors import CorruptVault
from emarge.proof.vault.journal.journal import NOTHING_BEFORE, Journal, days_of, last_hash, read_day, touched

NOW = datetime(2026, 11, 23, 9, 0, 0, 123456, tzinfo=UTC)
DAY = timedelta(days=1)
CALL = {"function": "count", "role": "reader", "log": "school", "status": 200, "calls": 1, "request": "a-1"}


@pytest.fixture
def kept(tmp_path):
    journals = []

    def start():
        for journal in journals:
            journal.close()
        journals[:] = [Journal(tmp_path / "journal")]
        return journals[0]

    yield start
    for journal in journals:
        journal.close()


def lines_of(tmp_path, day="2026-11-23"):
    return (tmp_path / "journal" / day).read_bytes().splitlines(keepends=True)


def digest(data):
    return hashlib.sha256(data).hexdigest()


def test_each_line_is_canonical_and_names_the_one_before(kept, tmp_path):
    journal = kept()
    journal.append(NOW, [CALL, CALL | touched([7, 3, 4, 3])])
    journal.append(NOW, [CALL])
    lines = lines_of(tmp_path)
    fields = [parse_canonical(line[:-1]) for line in lines]
    assert [one["n"] for one in fields] == [1, 2, 3]
    assert [one["previous"] for one in fields] == [NOTHING_BEFORE, digest(lines[0]), digest(lines[1])]
    assert fields[1] == CALL | {
        "n": 2,
        "previous": digest(lines[0]),
        "at": "2026-11-23T09:00:00.123456Z",
        "records": 4,
        "ranges": [[3, 4], [7, 7]],
    }


def test_a_new_start_goes_on_in_the_same_file_and_a_new_day_in_another(kept, tmp_path):
    kept().append(NOW, [CALL])
    kept().append(NOW, [CALL])
    journal = kept()
    assert not journal.turn(NOW)
    journal.append(NOW + DAY, [CALL])
    assert days_of(tmp_path / "journal") == ["2026-11-23", "2026-11-24"]
    assert journal.ended() == ["2026-11-23"]
    old, new = lines_of(tmp_path), lines_of(tmp_path, "2026-11-24")
    assert json.loads(new[0])["previous"] == digest(old[1]) == last_hash(tmp_path / "journal", "2026-11-24")
    summary = journal.summary("2026-11-23")
    assert summary == read_day(tmp_path / "journal", "2026-11-23").summary()
    assert (summary.lines, summary.first, summary.last) == (2, digest(old[0]), digest(old[1]))
    assert summary.digest == digest(b"".join(old))


def test_a_clock_that_goes_back_over_midnight_writes_no_day_that_is_over(kept, tmp_path):
    journal = kept()
    journal.append(NOW + DAY, [CALL])
    journal.append(NOW, [CALL])
    kept().append(NOW, [CALL])
    assert days_of(tmp_path / "journal") == ["2026-11-24"]
    assert read_day(tmp_path / "journal", "2026-11-24").lines == 3


def test_a_day_over_is_ended_without_a_call(kept):
    journal = kept()
    journal.append(NOW, [CALL])
    assert (journal.turn(NOW + DAY), journal.turn(NOW + DAY), journal.ended()) == (True, False, ["2026-11-23"])


@pytest.mark.parametrize("torn", [b"{", b'{"at":"2026', b"\x00\x00"])
def test_a_torn_last_line_is_cut_off_at_the_start(kept, tmp_path, torn):
    kept().append(NOW, [CALL, CALL])
    path = tmp_path / "journal" / "2026-11-23"
    whole = path.read_bytes()
    path.write_bytes(whole + torn)
    journal = kept()
    assert path.read_bytes() == whole
    journal.append(NOW, [CALL])
    assert read_day(tmp_path / "journal", "2026-11-23").lines == 3


def test_a_start_killed_before_its_first_line_leaves_nothing(kept, tmp_path):
    journal = kept()
    journal.append(NOW, [CALL])
    (tmp_path / "journal" / "2026-11-24").touch()
    journal = kept()
    assert journal.turn(NOW + 2 * DAY)
    assert journal.ended() == ["2026-11-23"]
    journal.append(NOW + 2 * DAY, [CALL])
    assert json.loads(lines_of(tmp_path, "2026-11-25")[0])["previous"] == digest(lines_of(tmp_path)[0])


def changed(lines):
    return [lines[0], lines[1].replace(b'"status":200', b'"status":403'), *lines[2:]]


DAMAGE = {
    "changed": (changed, r"2026-11-23, line 3, does not follow from the line before"),
    "dropped": (lambda lines: lines[:1] + lines[2:], r"2026-11-23, line 2, does not follow"),
    "moved": (lambda lines: [lines[1], lines[0], *lines[2:]], r"2026-11-23, line 1, does not follow"),
    "repeated": (lambda lines: [lines[0], *lines], r"2026-11-23, line 2, does not follow"),
    "spelt otherwise": (
        lambda lines: [lines[0].replace(b":", b": ", 1), *lines[1:]],
        r"line 1, is no line of a journal",
    ),
    "no JSON": (lambda lines: [b"x\n", *lines[1:]], r"line 1, is no line of a journal"),
    "endless": (lambda lines: [*lines, b"x" * 100_000], r"ends in the middle of a line"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_journal_is_not_taken_up(kept, tmp_path, damage):
    change, fault = DAMAGE[damage]
    kept().append(NOW, [CALL] * 4)
    path = tmp_path / "journal" / "2026-11-23"
    path.write_bytes(b"".join(change(lines_of(tmp_path))))
    before = path.read_bytes()
    with pytest.raises(CorruptVault, match=fault):
        kept()
    assert path.read_bytes() == before


@pytest.mark.parametrize("name", ["2026-11-31", "notes", "2026-11-23.tmp"])
def test_a_strange_file_is_named(kept, tmp_path, name):
    kept()
    (tmp_path / "journal" / name).touch()
    with pytest.raises(CorruptVault, match=f"journal/{name} is no day"):
        kept()


def test_many_ranges_are_told_by_their_digest():
    few, many = [2 * n for n in range(32)], [2 * n for n in range(33)]
    assert touched([]) == {}
    assert touched(few)["ranges"] == [[n, n] for n in few]
    ranges = json.dumps([[n, n] for n in many], separators=(",", ":")).encode()
    assert touched(many) == {"records": 33, "span": [0, 64], "digest": digest(ranges)}
