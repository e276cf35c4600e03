"""What is read from the real chronyd, and what becomes of it when its server lies, goes, or chronyd itself does."""

import tempfile
import time
from pathlib import Path

import pytest
from tests.proof.timestamping.receivers import Chronyd, NtpServer

from emarge.proof.timestamping.chronyd import ChronydSource
from emarge.proof.timestamping.sources import SourceSilent, instant

pytestmark = pytest.mark.processes
SECOND = 1_000_000_000
WITHIN = 30.0


@pytest.fixture
def server():
    made = NtpServer()
    yield made
    made.stop()


@pytest.fixture
def chronyd(server, tmp_path):
    daemon = Chronyd(tmp_path / "chronyd", server).start()
    yield daemon
    daemon.kill()


def asked(source):
    try:
        observation = source.observe()
    except SourceSilent as silent:
        return str(silent)
    now = instant()
    return [(end - now.system) / SECOND for end in observation.interval.carried(now.raw - observation.raw, 0)]


def until(source, wanted):
    """Ask until the answer is as wanted, and give it."""
    end = time.monotonic() + WITHIN
    while not wanted(answer := asked(source)):
        assert time.monotonic() < end, answer
        time.sleep(0.05)
    return answer


def spoken(answer):
    return isinstance(answer, list)


def precise(answer):
    """Its first words are some tenths of a second wide."""
    return spoken(answer) and answer[1] - answer[0] < 0.1


def test_an_honest_server(chronyd):
    earliest, latest = until(ChronydSource(chronyd.address), precise)
    assert earliest < 0 < latest


@pytest.mark.parametrize("lie", [3.0, -3.0])
def test_a_server_that_lies_is_repeated(server, chronyd, lie):
    server.lie = lie
    earliest, latest = until(ChronydSource(chronyd.address), precise)
    assert earliest < lie < latest


def test_a_leap_second_that_it_announces_changes_nothing(server, chronyd):
    server.leap = 1
    earliest, latest = until(ChronydSource(chronyd.address), spoken)
    assert earliest < 0 < latest


def test_a_server_that_falls_silent_silences_it(server, chronyd):
    source = ChronydSource(chronyd.address)
    until(source, spoken)
    server.silent = True
    assert until(source, lambda answer: not spoken(answer)) in {
        "chronyd follows no server.",
        "The server 127.0.0.1 is not reached any more.",
    }
    server.silent = False
    until(source, spoken)


def test_chronyd_that_hangs_is_not_waited_for(chronyd):
    source = ChronydSource(chronyd.address, timeout=0.2)
    until(source, spoken)
    chronyd.hang()
    assert asked(source).startswith("chronyd does not answer: ")
    chronyd.go_on()
    until(source, spoken)


def test_chronyd_that_dies_and_comes_back(chronyd):
    source = ChronydSource(chronyd.address)
    until(source, spoken)
    chronyd.kill()
    assert asked(source).startswith("chronyd does not answer: ")
    chronyd.start()
    until(source, spoken)


def test_its_socket(server):
    # The path of a socket has at most 107 bytes.
    with tempfile.TemporaryDirectory() as short:
        daemon = Chronyd(Path(short) / "chronyd", server).start()
        try:
            earliest, latest = until(ChronydSource(str(daemon.socket)), precise)
        finally:
            daemon.kill()
    assert earliest < 0 < latest


@pytest.mark.parametrize("address", ["/nowhere/chronyd.sock", "127.0.0.1:1", "nonsense"])
def test_no_chronyd_there(address):
    assert asked(ChronydSource(address)).startswith("chronyd does not answer: ")
