"""What is read from gpsd: its reports line by line, every way in which it can fail, and the real daemon."""

import socket
import threading
import time
from datetime import timedelta

import pytest
from tests.proof.timestamping.receivers import Gpsd

from emarge.proof.timestamping.gpsd import GpsdSource
from emarge.proof.timestamping.quorum import Interval
from emarge.proof.timestamping.sources import ALLOWANCE, Instant, Observation, SourceSilent, instant

SECOND, MS = 1_000_000_000, 1_000_000
NOON = 1_795_435_200 * SECOND  # 2026-11-23T12:00:00Z
FIX = b'{"class":"TPV","mode":3,"time":"2026-11-23T12:00:00.000Z","ept":0.005}\n'
PULSE = (
    b'{"class":"PPS","device":"/dev/pps0","real_sec":1795435200,"real_nsec":0,'
    b'"clock_sec":1795435200,"clock_nsec":2000000,"precision":-20}\n'
)
VERSION = b'{"class":"VERSION","release":"3.22","proto_major":3,"proto_minor":14}\n'


class Scripted:
    """A server that says these bytes to each connection, then closes it, or keeps it open and says nothing."""

    def __init__(self):
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self.says, self.closes = b"", True
        self.connections = []
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            self.connections.append(connection)
            connection.recv(100)
            connection.sendall(self.says)
            if self.closes:
                connection.close()

    def stop(self):
        self._listening.close()
        for connection in self.connections:
            connection.close()


@pytest.fixture
def server():
    scripted = Scripted()
    yield scripted
    scripted.stop()


@pytest.fixture
def source(server):
    """It arrives a tenth of a second after noon by the system clock, when the quartz says 5 s."""
    made = GpsdSource(
        "127.0.0.1",
        server.port,
        lag=timedelta(milliseconds=150),
        timeout=0.3,
        now=lambda: Instant(5 * SECOND, NOON + 100 * MS),
    )
    yield made
    made.close()


def test_a_fix_is_from_its_second_to_the_greatest_lag_after_it(server, source):
    server.says = VERSION + FIX
    error = 5 * MS + ALLOWANCE
    assert source.observe() == Observation(5 * SECOND, Interval(NOON - error, NOON + 150 * MS + error))


def test_a_pulse_is_as_good_as_it_says(server, source):
    server.says = VERSION + PULSE + FIX
    error = 954 + ALLOWANCE  # 2 ** -20 s
    # The pulse was when the system clock said 2 ms, which is 98 ms before it arrived.
    assert source.observe() == Observation(5 * SECOND, Interval(NOON + 98 * MS - error, NOON + 98 * MS + error))
    # While pulses come, the fixes say nothing new.
    with pytest.raises(SourceSilent):
        source.observe()


@pytest.mark.parametrize("clock", [b"1795435198", b"1795435201"])
def test_a_pulse_from_before_a_step_is_passed_over(server, source, clock):
    server.says = PULSE.replace(b'"clock_sec":1795435200', b'"clock_sec":' + clock.replace(b"98", b"97")) + FIX
    assert source.observe().interval.earliest == NOON - 5 * MS - ALLOWANCE


def test_the_same_fix_again_says_nothing(server, source):
    server.says = FIX + FIX + FIX.replace(b"12:00:00", b"12:00:01")
    assert source.observe().interval.earliest == NOON - 5 * MS - ALLOWANCE
    assert source.observe().interval.earliest == NOON + SECOND - 5 * MS - ALLOWANCE


@pytest.mark.parametrize(
    "report",
    [
        b"",
        VERSION,
        FIX.replace(b'"mode":3', b'"mode":1'),
        FIX.replace(b'"mode":3', b'"mode":"3"'),
        FIX.replace(b'"time"', b'"tame"'),
        b'{"class":"SKY"}\n',
    ],
)
def test_without_a_fix_it_is_silent(server, source, report):
    server.says, server.closes = report, False
    with pytest.raises(SourceSilent):
        source.observe()


@pytest.mark.parametrize(
    ("said", "word"),
    [
        (b"nonsense\n", "Expecting value"),
        (b"\xff\xfe\n", "decode"),
        (b"[1]\n", "not an object"),
        (b"[" * 50_000 + b"\n", "recursion"),
        (b"x" * 70_000, "does not end"),
        (FIX[:-1], "does not end"),
        (FIX.replace(b"2026-11-23T12:00:00.000Z", b"yesterday"), "isoformat"),
        (FIX.replace(b"12:00:00.000Z", b"23:59:60.000Z"), "second"),
        (FIX.replace(b"000Z", b"000"), "zone"),
        (FIX.replace(b'"2026-11-23T12:00:00.000Z"', b"5"), "not a text"),
        (FIX.replace(b"0.005", b"-1"), "ept"),
        (FIX.replace(b"0.005", b"NaN"), "ept"),
        (FIX.replace(b"0.005", b"1e400"), "ept"),
        (FIX.replace(b"0.005", b'"a"'), "ept"),
        (FIX.replace(b"0.005", b"true"), "ept"),
        (PULSE.replace(b"-20", b"400"), "precision"),
        (PULSE.replace(b"-20", b"null"), "precision"),
        (PULSE.replace(b'"real_nsec":0', b'"real_nsec":1000000000'), "real_nsec"),
        (PULSE.replace(b'"real_sec":1795435200', b'"real_sec":1.5'), "real_sec"),
        (PULSE.replace(b'"real_sec":1795435200', b'"real_sec":' + b"9" * 5000), "digits"),
        (b"", "closed"),
    ],
)
def test_what_is_malformed_is_not_believed_and_the_next_word_is(server, source, said, word):
    server.says = said
    with pytest.raises(SourceSilent, match=word):
        source.observe()
    server.says = FIX
    assert source.observe().interval.earliest == NOON - 5 * MS - ALLOWANCE


def test_nobody_listens():
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(SourceSilent, match="refused"):
        GpsdSource("127.0.0.1", port).observe()


@pytest.fixture(scope="module")
def gpsd():
    daemon = Gpsd().start()
    yield daemon
    daemon.stop()


def said(source):
    """How far from the system clock the source says that the time is, in seconds."""
    observation, now = source.observe(), instant()
    carried = observation.interval.carried(now.raw - observation.raw, 0)
    return [(end - now.system) / SECOND for end in carried]


def until(source, *, spoken):
    """Ask until it says a time, or why it says none, and give the last words."""
    end = time.monotonic() + 30
    while True:
        try:
            words, has_spoken = source.observe(), True
        except SourceSilent as silent:
            words, has_spoken = str(silent), False
        if has_spoken is spoken:
            return words
        assert time.monotonic() < end, words


@pytest.mark.processes
def test_the_real_gpsd(gpsd):
    source = GpsdSource("127.0.0.1", gpsd.port, timeout=30)
    earliest, latest = said(source)
    assert latest - earliest == pytest.approx(0.62, abs=1e-6)  # the lag, ept of 5 ms and the allowance on both sides
    assert earliest < 0 < latest
    gpsd.lie = 3.0
    said(source)
    earliest, latest = said(source)
    assert earliest < 3 < latest
    gpsd.lie = 0.0
    source.close()


@pytest.mark.processes
def test_the_real_gpsd_hangs_falls_silent_dies_and_returns(gpsd):
    first = GpsdSource("127.0.0.1", gpsd.port, timeout=30)
    first.observe()
    first.close()
    source = GpsdSource("127.0.0.1", gpsd.port, timeout=1.5)
    source.observe()
    gpsd.hang()
    with pytest.raises(SourceSilent, match="timed out"):
        source.observe()
    gpsd.go_on()
    until(source, spoken=True)
    gpsd.silent = True
    assert until(source, spoken=False) in {
        "gpsd cannot be read: timed out.",
        "gpsd reports no time: the receiver has no fix.",
    }
    gpsd.silent = False
    gpsd.kill()
    with pytest.raises(SourceSilent, match=r"closed|refused|reset"):
        source.observe()
    gpsd.start()
    again = GpsdSource("127.0.0.1", gpsd.port, timeout=30)
    earliest, latest = said(again)
    assert earliest < 0 < latest
    again.close()
