"""What an authority tells is read as it is, or refused whole."""

import http.server
import json
import threading
from datetime import UTC, datetime

import pytest

from emarge.proof.timestamping.comparison import ClockState
from emarge.proof.timestamping.errors import TimestampUnavailable
from emarge.proof.timestamping.report import NumberedChange, ReportClient, Round, SourceReport

AT = "2026-11-23T08:30:06.250000Z"
WHEN = datetime(2026, 11, 23, 8, 30, 6, 250000, tzinfo=UTC)
CHANGE = {"number": 7, "at": AT, "before": "unknown", "state": "in sync", "reason": "why", "excluded": ["gps"]}
ROUND = {
    "at": AT,
    "verdict": "two sources agree",
    "agreed_ms": [-1.5, 2],
    "intervals_ms": {"gps": [1, 2]},
    "excluded": [],
}
STATUS = {
    "at": AT,
    "state": "in sync",
    "bound": 0.01,
    "sources": [
        {"name": "gps", "address": "a:1", "state": "heard", "fault": None, "earliest_ms": 1, "latest_ms": 2},
        {"name": "quartz", "address": None, "state": "expired", "fault": None, "earliest_ms": None, "latest_ms": None},
    ],
    "policy": "1.2",
    "fit": True,
    "reason": "two sources agree",
    "declared_accuracy": 0.1,
    "until": AT,
    "tokens": {"since": AT, "issued": 3, "refused": {"badAlg": 1}},
    "comparison": ROUND | {"good_rounds": 3},
    "samples": [ROUND | {"state": "in sync"}],
    "changes": [CHANGE],
}


@pytest.fixture
def answering():
    """A function: a client of a server that gives this answer."""
    servers = []

    def answer(body, status=200):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(status)
                self.end_headers()
                self.wfile.write(body if isinstance(body, bytes) else json.dumps(body).encode())

            def log_message(self, *_):
                pass

        server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        client = ReportClient(f"http://127.0.0.1:{server.server_port}")
        servers.append((server, client))
        return client

    yield answer
    for server, client in servers:
        client.close()
        server.shutdown()
        server.server_close()


def test_a_status_is_read(answering):
    status = answering(STATUS).status()
    assert (status.state, status.bound, status.until, status.fit) == (ClockState.IN_SYNC, 0.01, WHEN, True)
    assert (status.issued, status.refused, status.tokens_since) == (3, {"badAlg": 1}, WHEN)
    assert status.sources == (
        SourceReport("gps", "a:1", "heard", None, (1.0, 2.0)),
        SourceReport("quartz", None, "expired", None, None),
    )
    assert status.comparison == Round(WHEN, "two sources agree", (-1.5, 2.0), {"gps": (1.0, 2.0)}, (), None)
    assert [sample.state for sample in status.samples] == [ClockState.IN_SYNC]
    assert status.said == STATUS


def test_changes_are_read(answering):
    read = answering({"history": "ab", "last": 7, "changes": [CHANGE]}).changes(6)
    change = NumberedChange(7, WHEN, ClockState.UNKNOWN, ClockState.IN_SYNC, "why", ("gps",))
    assert (read.history, read.last, read.changes) == ("ab", 7, (change,))


@pytest.mark.parametrize(
    "body",
    [
        b"nonsense",
        [],
        None,
        {},
        STATUS | {"state": "fine"},
        STATUS | {"at": "x"},
        STATUS | {"sources": [{}]},
        STATUS | {"samples": [ROUND | {"intervals_ms": {"gps": [1]}}]},
        STATUS | {"changes": [{"number": 1}]},
    ],
)
def test_what_is_no_status_is_refused(answering, body):
    with pytest.raises(TimestampUnavailable):
        answering(body).status()
    with pytest.raises(TimestampUnavailable):
        answering(body).changes(0)


def test_a_refusal_and_a_silence_are_told_apart(answering):
    with pytest.raises(TimestampUnavailable, match="answered 404"):
        answering({}, status=404).changes(0)
    with pytest.raises(TimestampUnavailable, match="does not answer"), ReportClient("http://127.0.0.1:9") as client:
        client.status()
