"""The real gpsd and the real chronyd, the real quartz, and an authority that gives tokens only while the time holds."""

import hashlib
import time
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from tests.processes import Server, free_port
from tests.proof.timestamping.receivers import Chronyd, Gpsd, NtpServer

from emarge.cli.timestamping import create_authority
from emarge.proof.timestamping import messages
from emarge.proof.timestamping.authority import Authority, create
from emarge.proof.timestamping.chronyd import ChronydSource
from emarge.proof.timestamping.client import TimestampClient
from emarge.proof.timestamping.clock import ComparedClock
from emarge.proof.timestamping.comparison import ClockState, Schedule, Verdict
from emarge.proof.timestamping.errors import ClockUnfit
from emarge.proof.timestamping.gpsd import GpsdSource
from emarge.proof.timestamping.tokens import QUORUM_POLICY
from emarge.proof.timestamping.verify import read_token, verify_token

pytestmark = pytest.mark.processes
DATA = b"record"
REQUEST = messages.build_request(hashlib.sha256(DATA).digest(), nonce=1)
LAG = timedelta(milliseconds=300)
WITHIN = 60.0
IN_SYNC, SOON, OUT, UNKNOWN = ClockState


class Watched:
    """The three sources, the clock over them and its authority, on a schedule of seconds."""

    def __init__(self, folder, **schedule):
        self.gpsd, self.server = Gpsd().start(), NtpServer()
        self.chronyd = Chronyd(folder / "chronyd", self.server).start()
        create(folder / "authority", name="Émarge", now=datetime.now(UTC))
        self.authority = Authority.open(folder / "authority")
        self.changes = []
        sources = [
            GpsdSource("127.0.0.1", self.gpsd.port, lag=LAG, timeout=2.0),
            ChronydSource(self.chronyd.address, pause=0.1, timeout=0.5),
        ]
        quick = {"period": timedelta(seconds=0.2), "fresh": timedelta(seconds=3), "accuracy": timedelta(seconds=0.25)}
        self.clock = ComparedClock(sources, Schedule(**quick | schedule), on_change=self.changes.append)
        self.clock.start()

    def until(self, state, reason, excluded=()):
        """Wait for a state of the clock."""
        end = time.monotonic() + WITHIN
        while self.shown != (state, reason, excluded):
            assert time.monotonic() < end, (self.shown, self.clock.describe())
            time.sleep(0.02)

    @property
    def shown(self):
        reading = self.clock.read()
        comparison = self.clock.describe()["comparison"]
        return reading.state, reading.reason, tuple(comparison["excluded"]) if comparison else ()

    def token(self):
        """A token, as verified; raises `ClockUnfit`."""
        before = datetime.now(UTC)
        (response,) = self.authority.answer([REQUEST], self.clock.read())
        after = datetime.now(UTC)
        trust = [self.authority.root_certificate], self.authority.certificates
        stamped = verify_token(messages.read_response(response), DATA, *trust)
        # The system clock is the true time here: it is what the honest sources say.
        assert before - stamped.accuracy <= stamped.gen_time <= after + stamped.accuracy
        return stamped

    def no_token(self):
        with pytest.raises(ClockUnfit):
            self.token()

    def stop(self):
        self.gpsd.stop()
        self.chronyd.kill()
        self.server.stop()
        self.clock.stop()
        self.authority.close()


@pytest.fixture
def watched(tmp_path, request):
    made = Watched(tmp_path, **getattr(request, "param", {}))
    yield made
    made.stop()


def test_one_liar_is_excluded_and_named_and_tokens_go_on(watched):
    watched.no_token()
    watched.until(IN_SYNC, Verdict.AGREED)
    stamped = watched.token()
    assert stamped.policy == QUORUM_POLICY
    assert stamped.accuracy <= timedelta(seconds=0.25)
    watched.gpsd.lie = 3.0
    watched.until(IN_SYNC, Verdict.AGREED, ("gps",))
    assert watched.token().policy == QUORUM_POLICY
    watched.gpsd.lie = 0.0
    watched.until(IN_SYNC, Verdict.AGREED)
    assert {change.state for change in watched.changes} == {UNKNOWN, IN_SYNC}


def test_two_that_lie_together_stop_the_tokens(watched):
    watched.until(IN_SYNC, Verdict.AGREED)
    watched.gpsd.lie = watched.server.lie = 3.0
    watched.until(OUT, Verdict.QUARTZ_DISSENTS, ("quartz",))
    watched.no_token()
    watched.gpsd.lie = watched.server.lie = 0.0
    watched.until(IN_SYNC, Verdict.AGREED)
    assert watched.token().policy == QUORUM_POLICY


@pytest.mark.parametrize("watched", [{"hold_over": timedelta(seconds=6)}], indirect=True)
def test_silence_then_recovery(watched):
    watched.until(IN_SYNC, Verdict.AGREED)
    watched.gpsd.kill()
    watched.chronyd.hang()
    watched.until(SOON, Verdict.HOLD_OVER)
    assert watched.token().policy == QUORUM_POLICY
    watched.until(OUT, Verdict.HOLD_OVER_ENDED)
    watched.no_token()
    watched.gpsd.start()
    watched.chronyd.go_on()
    watched.until(IN_SYNC, Verdict.AGREED)
    watched.token()
    states = [change.state for change in watched.changes]
    first = states.index(SOON)
    assert states[first:][:2] == [SOON, OUT]
    assert set(states[first + 2 :]) == {OUT, IN_SYNC}
    assert Verdict.RETURNING in {change.reason for change in watched.changes[first:]}


def test_a_leap_second_announced_by_one_changes_nothing(watched):
    watched.server.leap = 1
    watched.until(IN_SYNC, Verdict.AGREED)
    assert watched.token().policy == QUORUM_POLICY


def test_the_command_serves_what_the_sources_agree_on(tmp_path):
    gpsd, ntp = Gpsd().start(), NtpServer()
    chronyd = Chronyd(tmp_path / "chronyd", ntp).start()
    create_authority(tmp_path / "data", name="Émarge")
    where = ["--gpsd", f"127.0.0.1:{gpsd.port}", "--chronyd", chronyd.address]
    how = ["--gps-lag-ms", "300", "--accuracy-ms", "250"]
    server = Server(["timestamping", "serve", "--data", str(tmp_path / "data"), *where, *how], free_port())
    try:
        server.start()
        with TimestampClient(server.url, (tmp_path / "data/credentials/timestamping").read_text().strip()) as client:
            token = read_token(client.stamp([hashlib.sha256(DATA).digest()])[0])
        status = httpx.get(f"{server.url}/status", trust_env=False).json()
        assert server.stop() == 0
    finally:
        server.kill()
        gpsd.stop()
        chronyd.kill()
        ntp.stop()
    assert token.policy == QUORUM_POLICY
    assert [source["name"] for source in status["sources"]] == ["gps", "internet", "quartz"]
    assert [source["address"] for source in status["sources"][:2]] == [where[1], where[3]]
    assert (status["state"], status["fit"], status["declared_accuracy"]) == ("in sync", True, 0.25)
    assert (status["tokens"]["issued"], status["tokens"]["refused"]) == (1, {})
    assert [change["state"] for change in status["changes"]][-1] == "in sync"
