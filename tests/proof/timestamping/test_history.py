"""The history of the clock: kept across restarts, bounded, and never in the way of the authority."""

import json
import os
from dataclasses import replace
from datetime import timedelta

import pytest

from emarge.proof.timestamping import clock
from emarge.proof.timestamping.clock import Change, declared
from emarge.proof.timestamping.comparison import ClockState, Verdict
from emarge.proof.timestamping.history import LIMIT, History


def change(at, *excluded):
    return Change(at, ClockState.UNKNOWN, ClockState.IN_SYNC, Verdict.AGREED, excluded)


def line(number, at, *excluded):
    return {
        "number": number,
        "at": at,
        "before": "unknown",
        "state": "in sync",
        "reason": "two sources agree",
        "excluded": list(excluded),
    }


def test_a_change_is_kept_for_the_next_process(tmp_path, now):
    History(tmp_path).add(change(now, "gps"))
    assert History(tmp_path).last_day(now) == [line(1, "2026-11-23T08:30:00.250000Z", "gps")]
    assert (tmp_path / "clock-history.jsonl").stat().st_mode & 0o777 == 0o600


def test_the_last_day_is_shown(tmp_path, now):
    history = History(tmp_path)
    for hours in (25, 24, 1):
        history.add(change(now - timedelta(hours=hours)))
    times = [one["at"] for one in history.last_day(now)]
    assert times == ["2026-11-22T08:30:00.250000Z", "2026-11-23T07:30:00.250000Z"]


def test_it_is_bounded(tmp_path, now, monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda _: None)
    history = History(tmp_path)
    for number in range(LIMIT + 5):
        history.add(change(now + timedelta(microseconds=number)))
    name, *kept = [json.loads(text) for text in (tmp_path / "clock-history.jsonl").read_text().splitlines()]
    assert name == {"history": history.name}
    assert len(kept) == LIMIT
    assert History(tmp_path).last_day(now) == history.last_day(now) == kept
    assert kept[0] == line(6, "2026-11-23T08:30:00.250005Z")


def test_a_full_disk_keeps_it_in_memory_until_the_next_change(tmp_path, now, monkeypatch):
    history = History(tmp_path)
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    history.add(change(now, "gps"))
    assert len(history.last_day(now)) == 1
    assert History(tmp_path).last_day(now) == []
    monkeypatch.undo()
    history.add(change(now))
    assert History(tmp_path).last_day(now) == history.last_day(now)
    assert [one["excluded"] for one in history.last_day(now)] == [["gps"], []]


@pytest.mark.parametrize(
    "content",
    [b"nonsense\n", b"[1]\n", b'{"at": 5}\n', b"\xff\xfe", b'{"at": "2026', b"", b'{"history": "x"}\n{"at": ""}'],
)
def test_what_cannot_be_read_starts_anew(tmp_path, now, content):
    (tmp_path / "clock-history.jsonl").write_bytes(content)
    history = History(tmp_path)
    assert history.last_day(now) == []
    history.add(change(now))
    assert len(History(tmp_path).last_day(now)) == 1


def test_who_knows_name_and_number_misses_none_and_sees_none_twice(tmp_path, now):
    history = History(tmp_path)
    history.add(change(now))
    history.add(change(now, "gps"))
    known = history.after(0)
    assert (known["history"], known["last"]) == (history.name, 2)
    assert [one["number"] for one in known["changes"]] == [1, 2]
    again = History(tmp_path)
    again.add(change(now))
    assert again.after(2) == {"history": history.name, "last": 3, "changes": [line(3, "2026-11-23T08:30:00.250000Z")]}
    assert again.after(3)["changes"] == []


def test_a_file_from_before_the_numbers_is_read_and_keeps_one_name(tmp_path, now):
    old = line(1, "2026-11-23T08:30:00.250000Z", "gps")
    content = "".join(json.dumps({k: v for k, v in old.items() if k != "number"}) + "\n" for _ in range(2))
    (tmp_path / "clock-history.jsonl").write_text(content)
    first, second = History(tmp_path), History(tmp_path)
    assert first.name == second.name
    assert [one["number"] for one in first.last_day(now)] == [1, 2]
    second.add(change(now))
    assert (History(tmp_path).name, History(tmp_path).after(0)["last"]) == (first.name, 3)


def test_a_process_begins_with_a_change_when_the_former_one_left_another_state(tmp_path, now):
    history = History(tmp_path)
    history.begin(declared(now))
    History(tmp_path).begin(declared(now))
    [begun] = history.last_day(now)
    assert (begun["before"], begun["state"], begun["reason"]) == ("unknown", "in sync", Verdict.DECLARED)
    unknown = replace(declared(now), state=ClockState.UNKNOWN, reason=Verdict.NOT_REFRESHED)
    again = History(tmp_path)
    again.begin(unknown)
    assert [(one["before"], one["state"]) for one in again.last_day(now)][1:] == [("in sync", "unknown")]


def test_samples_are_kept_for_the_next_process_and_for_a_day(tmp_path, now):
    history = History(tmp_path)
    assert history.samples(now) == []
    samples = [{"at": clock.stamp(now - timedelta(hours=hours)), "state": "in sync"} for hours in (25, 24, 1)]
    history.keep_samples(samples)
    assert History(tmp_path).samples(now) == samples[1:]
    (tmp_path / "clock-samples.jsonl").write_bytes(b"nonsense\n")
    assert History(tmp_path).samples(now) == []
