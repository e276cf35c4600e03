"""What was reserved is never given again, however the process ends."""

import json
import os
from datetime import timedelta

import pytest

from emarge.proof.timestamping.errors import AuthorityError
from emarge.proof.timestamping.reservation import AHEAD, BLOCK, COUNT_BITS, Reservation, start


@pytest.fixture
def place(tmp_path):
    start(tmp_path)
    return tmp_path


def count(serial):
    return serial % 2**COUNT_BITS


def crash(reservation):
    """End as kill -9 does: the lock goes, nothing is written."""
    os.close(reservation._lock)


def test_serials_follow_each_other(place, now):
    reservation = Reservation(place)
    assert [count(reservation.take(number, now)) for number in (1, 500, 1)] == [1, 2, 502]
    reservation.close()


def test_after_a_crash_the_rest_of_the_block_is_lost(place, now):
    first = Reservation(place)
    first.take(10, now)
    crash(first)
    second = Reservation(place)
    assert second.latest == now + AHEAD
    assert count(second.take(1, second.latest)) == 11 + BLOCK
    second.close()


def test_after_a_clean_stop_nothing_is_lost(place, now):
    first = Reservation(place)
    first.take(10, now)
    first.close()
    second = Reservation(place)
    assert (second.latest, count(second.take(1, now))) == (now, 11)
    second.close()


def test_more_is_reserved_before_it_is_used(place, now):
    reservation = Reservation(place)
    for at, number in [(now, 1), (now + AHEAD, BLOCK), (now + AHEAD, 1), (now + 5 * AHEAD, 3)]:
        last = count(reservation.take(number, at)) + number - 1
        state = json.loads((place / "reserved.json").read_text())
        assert state["serial"] > last
        assert state["time"] >= at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    reservation.close()


def test_inside_what_is_reserved_nothing_is_written(place, now):
    reservation = Reservation(place)
    reservation.take(1, now)
    before = (place / "reserved.json").stat().st_ino
    reservation.take(BLOCK, now + AHEAD)
    assert (place / "reserved.json").stat().st_ino == before
    reservation.close()


def test_a_failed_write_gives_no_serial(place, now, monkeypatch):
    reservation = Reservation(place)
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(5, "Input/output error")))
    with pytest.raises(OSError, match="Input/output"):
        reservation.take(1, now)
    monkeypatch.undo()
    assert count(reservation.take(1, now + timedelta(seconds=1))) == 1
    reservation.close()


def test_a_folder_put_back_from_an_old_copy_repeats_no_serial(place, now):
    given, copy = set(), (place / "reserved.json").read_bytes()
    for _ in range(3):
        (place / "reserved.json").write_bytes(copy)
        reservation = Reservation(place)
        first = reservation.take(500, now)
        given |= set(range(first, first + 500))
        reservation.close()
    assert len(given) == 1500
    assert max(given).bit_length() <= 159


def test_one_process_at_a_time(place):
    first = Reservation(place)
    with pytest.raises(AuthorityError, match="Another process"):
        Reservation(place)
    first.close()
    Reservation(place).close()


@pytest.mark.parametrize(
    "content", ["", "{}", "[]", '{"serial": 1, "time": "yesterday"}', '{"serial": null, "time": ""}']
)
def test_an_unreadable_state_is_never_taken_for_a_new_one(place, content):
    (place / "reserved.json").write_text(content)
    for _ in range(2):  # and the lock is let go
        with pytest.raises(AuthorityError, match=r"reserved\.json"):
            Reservation(place)
    (place / "reserved.json").unlink()
    with pytest.raises(AuthorityError, match=r"reserved\.json"):
        Reservation(place)
