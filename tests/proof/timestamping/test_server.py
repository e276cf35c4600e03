"""What each call is answered: the application driven directly, then the real process."""

import asyncio
import hashlib
import json
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from tests.proof.timestamping.conftest import SERVE, Served

from emarge.proof.timestamping import messages, server
from emarge.proof.timestamping.authority import Authority
from emarge.proof.timestamping.clock import Change, Reading, declared
from emarge.proof.timestamping.comparison import ClockState, Verdict
from emarge.proof.timestamping.history import History
from emarge.proof.timestamping.messages import Failure, RejectedError
from emarge.proof.timestamping.verify import verify_token

DATA = b"record"
QUERY = messages.build_request(hashlib.sha256(DATA).digest(), nonce=1)
OCTETS = "application/octet-stream"


class FixedClock:
    def __init__(self, reading):
        self.reading = reading

    def read(self):
        return self.reading

    def describe(self):
        return {"sources": [], "comparison": None, "samples": []}


@pytest.fixture
def clock(now):
    return FixedClock(declared(now))


@pytest.fixture
def call(folder, authority, clock):
    """A function: one call of the application, as (status, headers, body). No credential is needed."""
    (folder / "credential").unlink()
    authority.credential_digest = None
    application = server.Application(authority, clock, History(authority._folder))
    return lambda method, path, **given: asyncio.run(exchange(application, method, path, **given))


async def exchange(
    application, method, path, *, body=b"", media_type="application/timestamp-query", headers=(), hang=False, query=b""
):
    pieces = [body[start : start + 1000] for start in range(0, len(body), 1000)] or [b""]
    incoming = [{"type": "http.request", "body": piece, "more_body": True} for piece in pieces]
    incoming[-1]["more_body"] = hang
    sent = []

    async def receive():
        return incoming.pop(0) if incoming else await asyncio.sleep(3600)

    async def send(message):
        sent.append(message)

    given = [(b"content-type", media_type.encode()), *headers]
    scope = {"type": "http", "method": method, "path": path, "headers": given, "query_string": query}
    await application(scope, receive, send)
    start, end = sent
    answer_headers = {name.decode(): value.decode() for name, value in start["headers"]}
    assert answer_headers["content-length"] == str(len(end["body"]))
    return start["status"], answer_headers, end["body"]


def rejected(response):
    with pytest.raises(RejectedError) as refused:
        messages.read_response(response)
    return refused.value.failure


def test_a_query_is_answered(call, authority, now):
    status, headers, body = call("POST", "/", body=QUERY)
    assert (status, headers["content-type"]) == (200, "application/timestamp-reply")
    token = messages.read_response(body)
    assert verify_token(token, DATA, [authority.root_certificate], authority.certificates).gen_time == now


def test_a_batch_is_answered_in_order(call, authority):
    records = [bytes([number]) * 3 for number in range(messages.BATCH_LIMIT // 2)]
    queries = [messages.build_request(hashlib.sha256(data).digest(), nonce=0) for data in records]
    status, headers, body = call("POST", "/batch", body=b"".join(queries), media_type=OCTETS)
    assert (status, headers["content-type"]) == (200, OCTETS)
    tokens = [messages.read_response(response) for response in messages.split(body)]
    trust = [authority.root_certificate], authority.certificates
    serials = [verify_token(token, data, *trust).serial for token, data in zip(tokens, records, strict=True)]
    assert serials == list(range(serials[0], serials[0] + len(records)))


@pytest.mark.parametrize(
    ("body", "failure"),
    [
        (b"", Failure.BAD_DATA_FORMAT),
        (b"\xff" * 100, Failure.BAD_DATA_FORMAT),
        (QUERY[:-1], Failure.BAD_DATA_FORMAT),
        (QUERY.replace(b"\x04\x02\x01", b"\x04\x02\x09"), Failure.BAD_ALG),
    ],
)
def test_a_bad_query_gets_a_proper_response(call, body, failure):
    status, headers, answer = call("POST", "/", body=body)
    assert (status, headers["content-type"]) == (200, "application/timestamp-reply")
    assert rejected(answer) is failure


@pytest.mark.parametrize("body", [b"", b"\xff", QUERY + b"\x30", QUERY + b"\x30\x80\x00\x00"])
def test_a_batch_that_cannot_be_cut(call, body):
    status, _, answer = call("POST", "/batch", body=body, media_type=OCTETS)
    assert status == 400
    assert rejected(answer) is Failure.BAD_DATA_FORMAT


@pytest.mark.parametrize(
    ("path", "media_type", "body"),
    [
        ("/", "application/timestamp-query", bytes(server.MAX_QUERY + 1)),
        ("/batch", OCTETS, bytes(server.MAX_BATCH + 1)),
        ("/batch", OCTETS, QUERY * (messages.BATCH_LIMIT + 1)),
    ],
)
def test_too_much_is_refused(call, path, media_type, body):
    assert call("POST", path, body=body, media_type=media_type)[0] == 413
    length = [(b"content-length", str(len(body)).encode())]
    assert call("POST", path, body=body, media_type=media_type, headers=length)[0] == 413


def test_a_full_batch_is_not_too_much(call):
    status, _, body = call("POST", "/batch", body=QUERY * messages.BATCH_LIMIT, media_type=OCTETS)
    assert (status, len(messages.split(body))) == (200, messages.BATCH_LIMIT)


@pytest.mark.parametrize(("path", "media_type"), [("/", OCTETS), ("/batch", "application/timestamp-query"), ("/", "")])
def test_another_media_type_is_refused(call, path, media_type):
    assert call("POST", path, body=QUERY, media_type=media_type)[0] == 415


def test_a_body_that_does_not_arrive(call, monkeypatch):
    monkeypatch.setattr(server, "BODY_SECONDS", 0.01)
    assert call("POST", "/", body=QUERY, hang=True)[0] == 408


@pytest.mark.parametrize(
    ("method", "path", "status", "allow"),
    [
        ("GET", "/", 405, "POST"),
        ("GET", "/batch", 405, "POST"),
        ("POST", "/health", 405, "GET"),
        ("POST", "/status", 405, "GET"),
        ("DELETE", "/certificates", 405, "GET"),
        ("GET", "/reserved.json", 404, None),
    ],
)
def test_another_method_or_address(call, method, path, status, allow):
    got, headers, _ = call(method, path)
    assert (got, headers.get("allow")) == (status, allow)


@pytest.mark.parametrize(("path", "count"), [("/", 1), ("/batch", 3)])
def test_an_unfit_clock_stops_the_tokens(call, clock, now, path, count):
    media_type = OCTETS if path == "/batch" else "application/timestamp-query"
    clock.reading = replace(declared(now), state=ClockState.OUT_OF_SYNC)
    status, _, body = call("POST", path, body=QUERY * count, media_type=media_type)
    assert status == 503
    assert [rejected(response) for response in messages.split(body)] == [Failure.TIME_NOT_AVAILABLE] * count
    assert call("GET", "/health")[0] == 503


def test_a_clock_stepped_back_stops_the_tokens_until_it_caught_up(call, clock, now):
    assert call("POST", "/", body=QUERY)[0] == 200
    clock.reading = declared(now - timedelta(seconds=2))
    assert call("POST", "/", body=QUERY)[0] == 503
    clock.reading = declared(now + timedelta(seconds=2))
    assert call("POST", "/", body=QUERY)[0] == 200


def test_a_disk_that_fails_gives_no_token(call, folder, monkeypatch):
    monkeypatch.setattr(server.Authority, "answer", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left")))
    status, _, body = call("POST", "/", body=QUERY)
    assert status == 500
    assert rejected(body) is Failure.SYSTEM_FAILURE


def test_whatever_fails_there_is_no_trace_in_the_answer(call, clock):
    clock.reading = None
    status, headers, body = call("POST", "/", body=QUERY)
    assert (status, headers["content-type"], body) == (500, "text/plain", b"The timestamp authority failed.\n")


def test_a_caller_that_goes_away_is_not_answered(authority, clock):
    async def receive():
        return {"type": "http.disconnect"}

    async def send(message):
        raise AssertionError(message)

    authority.credential_digest = None
    headers = [(b"content-type", b"application/timestamp-query")]
    scope = {"type": "http", "method": "POST", "path": "/", "headers": headers}
    asyncio.run(server.Application(authority, clock, History(authority._folder))(scope, receive, send))


def test_health_says_what_the_clock_says(call, clock):
    status, headers, body = call("GET", "/health")
    assert (status, headers["content-type"]) == (200, "application/json")
    assert json.loads(body) == {
        "state": "in sync",
        "bound": 0.5,
        "sources": ["system clock (declared)"],
        "policy": clock.reading.policy,
    }


def test_status_tells_the_clock_the_tokens_and_the_history(call, authority, folder, clock, now):
    History(folder).add(Change(datetime.now(UTC), ClockState.UNKNOWN, ClockState.IN_SYNC, Verdict.AGREED, ("gps",)))
    call("POST", "/", body=QUERY)
    call("POST", "/batch", body=QUERY * 3, media_type=OCTETS)
    call("POST", "/", body=b"nonsense")
    clock.reading = Reading(now, timedelta.max, ("a",), ClockState.UNKNOWN, "1.2", timedelta(milliseconds=100), "why")
    call("POST", "/batch", body=QUERY * 2, media_type=OCTETS)
    application = server.Application(authority, clock, History(folder))
    status, headers, body = asyncio.run(exchange(application, "GET", "/status"))
    told = json.loads(body)
    moments = [told.pop("at"), told["tokens"].pop("since"), told["changes"][0].pop("at")]
    assert all(datetime.fromisoformat(moment).tzinfo == UTC for moment in moments)
    assert (status, headers["content-type"]) == (200, "application/json")
    assert told.pop("certificate") == authority.describe(now)
    assert told == {
        "state": "unknown",
        "bound": None,
        "sources": [],
        "policy": "1.2",
        "fit": False,
        "reason": "why",
        "declared_accuracy": 0.1,
        "tokens": {"issued": 4, "refused": {"badDataFormat": 1, "timeNotAvailable": 2}},
        "comparison": None,
        "samples": [],
        "changes": [
            {"number": 1, "before": "unknown", "state": "in sync", "reason": "two sources agree", "excluded": ["gps"]},
        ],
    }


def test_the_changes_after_a_number(authority, clock, folder, now):
    history = History(folder)
    for name in ("gps", "internet"):
        history.add(Change(now, ClockState.UNKNOWN, ClockState.IN_SYNC, Verdict.AGREED, (name,)))
    application = server.Application(authority, clock, history)
    for query, numbers in ((b"", [1, 2]), (b"after=1", [2]), (b"after=2", [])):
        status, _headers, body = asyncio.run(exchange(application, "GET", "/history", query=query))
        told = json.loads(body)
        assert (status, told["history"], told["last"]) == (200, history.name, 2)
        assert [one["number"] for one in told["changes"]] == numbers


@pytest.mark.parametrize("query", [b"after=", b"after=x", b"after=-1", b"after=1111111111111111", b"after=%D9%A1"])
def test_after_is_a_number(authority, clock, folder, query):
    application = server.Application(authority, clock, History(folder))
    assert asyncio.run(exchange(application, "GET", "/history", query=query))[0] == 400


def test_certificates_are_the_root_and_the_signer(call, folder):
    status, headers, body = call("GET", "/certificates")
    assert (status, headers["content-type"]) == (200, "application/x-pem-file")
    assert body == (folder / "root.pem").read_bytes() + (folder / "tsa.pem").read_bytes()


@pytest.mark.parametrize("authorization", [None, "", "Bearer", "Bearer wrong", "Basic {}", "{}", "Bearer {}x"])
@pytest.mark.parametrize("path", ["/", "/batch"])
def test_a_credential_is_needed(folder, clock, authorization, path):
    with Authority.open(folder) as authority:
        authority.credential_digest = hashlib.sha256(b"secret").hexdigest()
        headers = [(b"authorization", authorization.format("secret").encode())] if authorization is not None else []
        application = server.Application(authority, clock, History(authority._folder))
        status, answer, _ = asyncio.run(exchange(application, "POST", path, body=QUERY, headers=headers))
        assert (status, answer["www-authenticate"]) == (401, "Bearer")
        right = [(b"authorization", b"bearer secret")]
        assert asyncio.run(exchange(application, "POST", "/", body=QUERY, headers=right))[0] == 200


@pytest.mark.processes
def test_the_real_process(served, openssl, tmp_path):
    (tmp_path / "record").write_bytes(DATA)
    openssl("ts", "-query", "-data", "record", "-sha256", "-cert", "-out", "query")
    headers = {"Content-Type": "application/timestamp-query", "Authorization": f"Bearer {served.credential}"}
    with httpx.Client(base_url=served.url, headers=headers, trust_env=False) as client:
        answer = client.post("/", content=(tmp_path / "query").read_bytes())
        (tmp_path / "root").write_bytes(client.get("/certificates").content)
        assert client.post("/", content=bytes(server.MAX_QUERY + 1)).status_code == 413
        assert client.post("/", content=b"nonsense").status_code == 200
        assert client.post("/", content=b"", headers={"Authorization": ""}).status_code == 401
    (tmp_path / "answer").write_bytes(answer.content)
    verify = openssl("ts", "-verify", "-queryfile", "query", "-in", "answer", "-CAfile", "root")
    assert verify == (0, "Verification: OK\n")


@pytest.mark.processes
def test_a_second_process_on_the_same_folder_does_not_start(served):
    second = subprocess.run(
        [sys.executable, "-c", SERVE, str(served.folder), "1"], capture_output=True, text=True, check=False
    )
    assert second.returncode == 1
    assert "Another process signs with this timestamp authority." in second.stderr


@pytest.mark.processes
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_cleanly(tmp_path, number):
    server_process = Served(tmp_path / "timestamping")
    assert server_process.start().status_code == 200
    assert server_process.stop(number) == 0
