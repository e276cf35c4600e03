import asyncio
import threading

import pytest

from emarge.attendance.live import QUEUE_SIZE, Hub

MEETING = "11111111-1111-4111-8111-111111111111"


def test_a_message_from_another_thread_arrives():
    hub = Hub()

    async def scene():
        watcher = hub.subscribe(MEETING)
        await asyncio.to_thread(hub.publish, MEETING)
        return await anext(watcher)

    assert asyncio.run(scene()) == 1


def test_every_watcher_of_the_meeting_is_told_and_nobody_else():
    hub = Hub()

    async def scene():
        first, second, other = hub.subscribe(MEETING), hub.subscribe(MEETING), hub.subscribe("other")
        hub.publish(MEETING)
        hub.publish("other")
        return [await anext(first), await anext(second), await anext(other)]

    assert asyncio.run(scene()) == [1, 1, 2]


def test_what_is_published_between_two_reads_is_kept():
    hub = Hub()

    async def scene():
        watcher = hub.subscribe(MEETING)
        for _ in range(3):
            hub.publish(MEETING)
        return [await anext(watcher) for _ in range(3)]

    assert asyncio.run(scene()) == [1, 2, 3]


def test_a_cancelled_read_loses_nothing():
    hub = Hub()

    async def scene():
        watcher = hub.subscribe(MEETING)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(watcher), 0.01)
        hub.publish(MEETING)
        return await anext(watcher)

    assert asyncio.run(scene()) == 1


def test_a_slow_reader_is_dropped_after_what_it_holds():
    hub = Hub()

    async def scene():
        slow = hub.subscribe(MEETING)
        for _ in range(QUEUE_SIZE + 1):
            hub.publish(MEETING)
        return [number async for number in slow]

    assert asyncio.run(scene()) == list(range(1, QUEUE_SIZE + 1))
    assert hub.count(MEETING) == 0


def test_closing_ends_the_iteration_and_forgets_the_watcher():
    hub = Hub()

    async def scene():
        watcher = hub.subscribe(MEETING)
        watcher.close()
        watcher.close()
        hub.publish(MEETING)
        return [number async for number in watcher], [number async for number in watcher]

    assert asyncio.run(scene()) == ([], [])
    assert hub.count(MEETING) == 0


def test_a_watcher_whose_loop_is_gone_is_forgotten():
    hub = Hub()

    async def scene():
        hub.subscribe(MEETING)

    asyncio.run(scene())
    hub.publish(MEETING)
    assert hub.count(MEETING) == 0


def test_many_threads_publish_at_once():
    hub = Hub()
    told = []

    async def scene():
        watcher = hub.subscribe(MEETING)
        threads = [threading.Thread(target=hub.publish, args=(MEETING,)) for _ in range(QUEUE_SIZE)]
        for thread in threads:
            thread.start()
        told.extend([await anext(watcher) for _ in range(QUEUE_SIZE)])
        for thread in threads:
            thread.join()

    asyncio.run(scene())
    assert sorted(told) == list(range(1, QUEUE_SIZE + 1))
