"""The client: all tokens or none, and only those that answer its own requests."""

import hashlib
import threading
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import SimpleNamespace

import pytest
from tests.proof.timestamping.services import OpensslService

from emarge.proof.timestamping import messages
from emarge.proof.timestamping.authority import Authority
from emarge.proof.timestamping.client import TimestampClient
from emarge.proof.timestamping.clock import declared
from emarge.proof.timestamping.errors import TimestampUnavailable
from emarge.proof.timestamping.messages import Failure
from emarge.proof.timestamping.tokens import read_token
from emarge.proof.timestamping.verify import verify_token

RECORDS = [f"record {number}".encode() for number in range(messages.BATCH_LIMIT + 3)]
DIGESTS = [hashlib.sha256(record).digest() for record in RECORDS]


@pytest.fixture
def answering(authority, now):
    """A function: a client of a server on loopback that answers what ``change`` makes of the true responses."""
    running = []

    def start(change, *, status=200, asked=None):
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                requests = messages.split(self.rfile.read(int(self.headers["Content-Length"])))
                if asked is not None:
                    asked[:] = requests
                body = b"".join(change([authority.respond(request, now=now) for request in requests]))
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                """Say nothing."""

        server = HTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        client = TimestampClient(f"http://127.0.0.1:{server.server_port}")
        running.append((client, server, thread))
        return client

    yield start
    for client, server, thread in running:
        client.close()
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.mark.processes
def test_tokens_come_in_the_order_of_the_digests(served):
    with TimestampClient(served.url, served.credential) as client:
        tokens = client.stamp(DIGESTS)
        assert client.stamp([]) == []
    authority = Authority.open(served.folder)
    trust = [authority.root_certificate], authority.certificates
    serials = [verify_token(token, record, *trust).serial for token, record in zip(tokens, RECORDS, strict=True)]
    assert serials == list(range(serials[0], serials[0] + len(RECORDS)))


@pytest.mark.processes
@pytest.mark.parametrize("credential", [None, "wrong"])
def test_without_the_credential_there_is_no_token(served, credential):
    with TimestampClient(served.url, credential) as client, pytest.raises(TimestampUnavailable, match="401"):
        client.stamp(DIGESTS[:1])


def test_nobody_answers():
    with TimestampClient("http://127.0.0.1:1") as client, pytest.raises(TimestampUnavailable, match="does not answer"):
        client.stamp(DIGESTS[:1])


def test_true_answers_are_taken(answering):
    assert len(answering(lambda responses: responses).stamp(DIGESTS[:2])) == 2


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda responses: responses[::-1], "another request"),
        (lambda responses: responses[:-1], "another number"),
        (lambda responses: [*responses, responses[0]], "another number"),
        (lambda _: [b"<html>"], "cannot be read"),
        (lambda responses: [responses[0], messages.granted(b"\x30\x00")], "cannot be read"),
        (lambda responses: [responses[0], b"\x30\x00"], "cannot be read"),
        (lambda responses: [responses[0], messages.rejection(Failure.TIME_NOT_AVAILABLE, "No clock.")], "No clock"),
    ],
)
def test_one_wrong_answer_spoils_the_batch(answering, change, text):
    with pytest.raises(TimestampUnavailable, match=text):
        answering(change).stamp(DIGESTS[:2])


def test_the_answer_to_an_earlier_request_is_not_taken(answering):
    """The same digest, stamped before, under another nonce."""
    kept = []

    def replay(responses):
        kept.extend(responses)
        return kept[:1]

    client = answering(replay)
    assert len(client.stamp(DIGESTS[:1])) == 1
    with pytest.raises(TimestampUnavailable, match="another request"):
        client.stamp(DIGESTS[:1])


@pytest.mark.parametrize(("status", "text"), [(500, "answered 500"), (503, "No clock"), (404, "answered 404")])
def test_a_status_that_is_no_success(answering, status, text):
    def refuse(responses):
        return [messages.rejection(Failure.TIME_NOT_AVAILABLE, "No clock.")] * len(responses)

    with pytest.raises(TimestampUnavailable, match=text):
        answering(refuse, status=status).stamp(DIGESTS[:1])


@pytest.mark.parametrize("at", [0, 3, 20, 60, 150, -75, "signature", "length of r"])
def test_a_changed_byte_of_a_later_token_is_seen(answering, at):
    """In the shape, or what it says; the digest of the content and the signature itself, verification tells."""

    def change(responses):
        other = bytearray(responses[1])
        signature = len(other) - len(read_token(messages.read_response(responses[1])).signature)
        other[{"signature": signature, "length of r": signature + 3}.get(at, at)] ^= 0x01
        return [responses[0], bytes(other)]

    with pytest.raises(TimestampUnavailable):
        answering(change).stamp(DIGESTS[:2])


def test_later_tokens_of_another_kind_are_read_too(answering, authority, now):
    """Serial numbers that do not follow, another instant: good tokens, only not those that were foreseen."""

    def mix(_):
        return [authority.respond(request, now=at) for request, at in zip(asked, times, strict=True)]

    asked, times = [], [now, now + timedelta(seconds=1), now + timedelta(seconds=2, microseconds=5)]
    client = answering(mix, asked=asked)
    read = [read_token(token).info for token in client.stamp(DIGESTS[:3])]
    assert [info.digest for info in read] == DIGESTS[:3]
    assert [info.gen_time for info in read] == times


def test_an_authority_put_back_with_its_clock_is_not_believed(folder, now):
    """Its folder cannot know; who holds its tokens does."""
    instants, copy = [now, now + timedelta(minutes=5)], (folder / "reserved.json").read_bytes()
    serials = []

    def answer(body):
        with Authority.open(folder) as authority:
            answers = authority.answer(messages.split(body), declared(instants[-1]))
            return 200, messages.BATCH_MEDIA_TYPE, b"".join(answers)

    served = SimpleNamespace(answer=answer, queries=[], headers=[])
    with OpensslService.serving(served) as url, TimestampClient(url) as client:
        serials.append(read_token(client.stamp([bytes(32)])[0]).info.serial)
        (folder / "reserved.json").write_bytes(copy)
        instants.pop()
        with pytest.raises(TimestampUnavailable, match="time went back"):
            client.stamp([bytes(32)])
        # Within the accuracies nothing contradicts, and all goes on once the time is right; no serial is repeated.
        (folder / "reserved.json").write_bytes(copy)
        for step in (timedelta(minutes=5) - timedelta(milliseconds=900), timedelta(minutes=6)):
            instants[-1] = now + step
            serials.append(read_token(client.stamp([bytes(32)])[0]).info.serial)
    assert len(set(serials)) == 3
