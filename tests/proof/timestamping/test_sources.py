"""The two clocks are read together, and a source is asked until it is told to stop."""

import threading
import time

from emarge.proof.timestamping import sources
from emarge.proof.timestamping.quorum import Interval
from emarge.proof.timestamping.sources import Instant, Observation, SourceSilent, Watch, Watched, instant

SAID = Observation(5, Interval(1, 2))


def test_an_instant_is_now_on_both_clocks():
    before = time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW), time.time_ns()
    now = instant()
    after = time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW), time.time_ns()
    assert before[0] <= now.raw <= after[0]
    assert before[1] <= now.system <= after[1]


def test_a_process_stopped_between_the_clocks_reads_them_again(monkeypatch):
    # The first reading takes 80 ms, the second 0.2 ms.
    raw = iter([0, 80_000_000, 90_000_000, 90_200_000])
    monkeypatch.setattr(time, "clock_gettime_ns", lambda _: next(raw))
    system = iter([1000, 2000])
    monkeypatch.setattr(time, "time_ns", lambda: next(system))
    assert instant() == Instant(90_100_000, 2000)


def test_on_a_machine_that_is_always_slow_the_best_reading_counts(monkeypatch):
    raw = iter(n * 1_000_000 for n in (0, 9, 10, 18, 20, 25, 30, 36, 40, 47))
    monkeypatch.setattr(time, "clock_gettime_ns", lambda _: next(raw))
    system = iter(range(5))
    monkeypatch.setattr(time, "time_ns", lambda: next(system))
    assert instant() == Instant(22_500_000, 2)


class Speaker:
    """Says something, falls silent, breaks, and says it again."""

    name, address, pause = "gps", "nowhere", 0.0

    def __init__(self):
        self.asked, self.closed = [], threading.Event()
        self.done = threading.Event()

    def observe(self):
        self.asked.append(len(self.asked))
        turn = len(self.asked)
        if turn == 2:
            raise SourceSilent("It is tired.")
        if turn == 3:
            raise ZeroDivisionError
        if turn == 4:
            self.done.set()
        return SAID

    def close(self):
        self.closed.set()


def test_a_watch_keeps_the_last_word_and_why_there_is_none_since(monkeypatch):
    watch = Watch(Speaker())
    assert watch.last == Watched(None, "It has not spoken yet.")
    assert watch._ask() == 0.0
    assert watch.last == Watched(SAID, None)
    assert watch._ask() == 1.0
    assert watch.last == Watched(SAID, "It is tired.")
    assert watch._ask() == 1.0
    assert watch.last == Watched(SAID, "It failed; the log says how.")
    watch._ask()
    assert watch.last == Watched(SAID, None)


def test_a_watch_asks_until_it_is_stopped(monkeypatch):
    monkeypatch.setattr(sources, "_RETRY_SECONDS", 0.0)
    speaker = Speaker()
    watch = Watch(speaker)
    watch.start()
    assert speaker.done.wait(30)
    watch.stop(30)
    assert speaker.closed.is_set()
    assert not watch._thread.is_alive()
