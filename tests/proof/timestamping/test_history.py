"""The history of the clock: kept across restarts, bounded, and never in the way of the authority."""

import json
import os
from datetime import timedelta

import pytest

from emarge.proof.timestamping.clock import Change
from emarge.proof.timestamping.comparison import ClockState, Verdict
from emarge.proof.timestamping.history import LIMIT, History


def change(at, *excluded):
    return Change(at, ClockState.UNKNOWN, ClockState.IN_SYNC, Verdict.AGREED, excluded)


def line(at, *excluded):
    return {
        "at": at,
        "before": "unknown",
        "state": "in sync",
        "reason": "two sources agree",
        "excluded": list(excluded),
    }


def test_a_change_is_kept_for_the_next_process(tmp_path, now):
    History(tmp_path).add(change(now, "gps"))
    assert History(tmp_path).last_day(now) == [line("2026-11-23T08:30:00.250000Z", "gps")]
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
    kept = [json.loads(text) for text in (tmp_path / "clock-history.jsonl").read_text().splitlines()]
    assert len(kept) == LIMIT
    assert History(tmp_path).last_day(now) == history.last_day(now) == kept
    assert kept[0] == line("2026-11-23T08:30:00.250005Z")


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


@pytest.mark.parametrize("content", [b"nonsense\n", b"[1]\n", b'{"at": 5}\n', b"\xff\xfe", b'{"at": "2026'])
def test_what_cannot_be_read_starts_anew(tmp_path, now, content):
    (tmp_path / "clock-history.jsonl").write_bytes(content)
    history = History(tmp_path)
    assert history.last_day(now) == []
    history.add(change(now))
    assert len(History(tmp_path).last_day(now)) == 1
