"""The streams by themselves, over a reading of the test; the real one is in tests/test_asgi.py."""

import asyncio
import json

import pytest

from emarge.attendance.live import hub
from emarge.attendance.queries import Counts
from emarge.spaces import streams
from emarge.spaces.streams import Streams

BASE = "00000000-0000-4000-8000-000000000000"
MEETING, OTHER = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"


class Reading:
    """Numbers that a test sets, and what was asked for."""

    def __init__(self):
        self.signed, self.asked, self.broken = 0, [], 0

    def __call__(self, meetings):
        self.asked.append(set(meetings))
        if self.broken:
            self.broken -= 1
            raise OSError
        return {meeting: Counts(signed=self.signed) for meeting in meetings}


@pytest.fixture
def reading(monkeypatch):
    reading = Reading()
    monkeypatch.setattr(streams, "_read", reading)
    monkeypatch.setattr(streams, "GAP_SECONDS", 0.02)
    return reading


def run(scene):
    async def whole():
        live = Streams()
        try:
            return await asyncio.wait_for(scene(live), 10)
        finally:
            live.close()

    return asyncio.run(whole())


async def told(watcher):
    """The meetings and numbers of what a watcher is sent next."""
    events = (await watcher.events(10)).decode().split("\n\n")[:-1]
    values = [json.loads(event.removeprefix("data: ")) for event in events]
    return [(value["meeting"], value["signed"]) for value in values]


def test_the_state_comes_first_and_then_each_change(reading):
    async def scene(live):
        watcher = live.watch_meeting(MEETING)
        first = await told(watcher)
        reading.signed = 1
        await asyncio.to_thread(hub.publish, BASE, MEETING)
        return first, await told(watcher)

    assert run(scene) == ([(MEETING, 0)], [(MEETING, 1)])


def test_one_reading_serves_five_hundred_watchers_who_come_together(reading):
    async def scene(live):
        watchers = [live.watch_meeting(MEETING) for _ in range(500)]
        await asyncio.gather(*(told(watcher) for watcher in watchers))
        late = live.watch_meeting(MEETING)
        return await told(late), len(reading.asked)

    assert run(scene) == ([(MEETING, 0)], 1)


def test_changes_in_quick_succession_are_told_together(reading, monkeypatch):
    monkeypatch.setattr(streams, "GAP_SECONDS", 0.2)

    async def scene(live):
        watcher = live.watch_meeting(MEETING)
        await told(watcher)
        for reading.signed in range(1, 101):
            hub.publish(BASE, MEETING)
            await asyncio.sleep(0)
        return await told(watcher), len(reading.asked)

    assert run(scene) == ([(MEETING, 100)], 2)


def test_a_slow_reader_finds_the_last_state_of_each_meeting_and_nothing_older(reading):
    async def scene(live):
        slow, quick = live.watch_base(BASE), live.watch_meeting(MEETING)
        await told(quick)
        for reading.signed in range(1, 5):
            hub.publish(BASE, MEETING)
            await told(quick)
        other = live.watch_meeting(OTHER)
        await told(other)
        hub.publish(BASE, OTHER)
        await told(other)
        await asyncio.sleep(0.01)  # a meeting's own watchers are told first
        return await told(slow)

    assert run(scene) == [(MEETING, 4), (OTHER, 4)]


def test_a_base_is_told_of_its_own_meetings_and_of_changes_only(reading):
    async def scene(live):
        ours, theirs, watcher = live.watch_base(BASE), live.watch_base(OTHER), live.watch_meeting(MEETING)
        await told(watcher)  # its first state is no change
        hub.publish(BASE, MEETING)
        assert await told(ours) == [(MEETING, 0)]
        assert await theirs.events(0.1) == b": nothing new\n\n"

    run(scene)


def test_what_nobody_watches_is_not_read_and_is_read_anew_for_whoever_comes_back(reading):
    async def scene(live):
        watcher = live.watch_meeting(MEETING)
        await told(watcher)
        live.leave(MEETING, watcher)
        reading.signed = 7
        hub.publish(BASE, MEETING)
        await asyncio.sleep(0.1)
        asked = len(reading.asked)
        return asked, await told(live.watch_meeting(MEETING))

    assert run(scene) == (1, [(MEETING, 7)])


def test_a_reading_that_fails_is_tried_again(reading, caplog):
    async def scene(live):
        watcher = live.watch_meeting(MEETING)
        await told(watcher)
        reading.signed, reading.broken = 3, 2
        hub.publish(BASE, MEETING)
        new = live.watch_meeting(MEETING), live.watch_meeting(OTHER)
        return await told(watcher), await told(new[1])

    assert run(scene) == ([(MEETING, 3)], [(OTHER, 3)])
    assert caplog.text.count("could not be read") == 2


def test_what_comes_after_a_quiet_while_is_told(reading):
    async def scene(live):
        watcher = live.watch_base(BASE)
        quiet = await watcher.events(0.01)
        hub.publish(BASE, MEETING)
        return quiet, await told(watcher)

    assert run(scene) == (b": nothing new\n\n", [(MEETING, 0)])


def test_an_end_is_told_at_once_and_for_ever(reading):
    async def scene(live):
        watcher = live.watch_base(BASE)
        asyncio.get_running_loop().call_later(0.01, watcher.end)
        return [await watcher.events(10), await watcher.events(10)]

    assert run(scene) == [b"", b""]


def test_every_stream_begins_again_when_changes_may_have_been_missed(reading):
    async def scene(live):
        watchers = [live.watch_base(BASE), live.watch_meeting(MEETING)]
        await told(watchers[1])
        await asyncio.to_thread(hub.doubt)
        ended = [await watcher.events(10) for watcher in watchers]
        live.leave(BASE, watchers[0])
        live.leave(MEETING, watchers[1])
        reading.signed = 9
        return ended, await told(live.watch_meeting(MEETING))

    assert run(scene) == ([b"", b""], [(MEETING, 9)])
