"""Kept connections: what is sent, what comes back, and what a server that goes away does."""

import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from emarge.proof.link import Answer, Link, LinkError


@pytest.fixture
def server():
    """A server on loopback that echoes; it notes each connection, and closes one when told to."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self):
            super().setup()
            made.connections += 1

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            answer = f"{self.path} {self.headers['X-Told']} ".encode() + body
            self.send_response(made.status)
            self.send_header("Content-Length", str(len(answer) + made.cut))
            self.end_headers()
            self.wfile.write(answer)
            self.close_connection = made.closes

        def log_message(self, *_):
            """Say nothing."""

    made = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.connections, made.status, made.cut, made.closes = 0, 200, 0, False
    thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield made
    made.shutdown()
    made.server_close()
    thread.join()


@pytest.fixture
def link(server):
    made = Link(f"http://127.0.0.1:{server.server_port}/under/", {"X-Told": "so"}, connect=1, timeout=1)
    yield made
    made.close()


def test_a_connection_is_kept(link, server):
    answers = [link.post("/here", b"%d" % number) for number in range(3)]
    assert answers == [Answer(200, b"/under/here so %d" % number) for number in range(3)]
    assert server.connections == 1


def test_any_status_is_an_answer(link, server):
    server.status = 503
    assert link.post("/", b"x").status == 503


def test_a_connection_that_the_server_closed_is_made_again(link, server):
    server.closes = True  # without saying so: the next exchange meets a closed connection
    assert [link.post("/", b"x").status for _ in range(3)] == [200] * 3
    assert server.connections == 3


def test_an_answer_that_is_cut_short_is_an_error_and_its_connection_is_not_kept(link, server):
    server.cut, server.closes = 5, True
    with pytest.raises(LinkError, match="5 more expected"):
        link.post("/", b"x")
    server.cut, server.closes = 0, False
    assert link.post("/", b"x").body == b"/under/ so x"


def test_nobody_answers():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        link = Link(f"http://127.0.0.1:{taken.getsockname()[1]}", {}, connect=1, timeout=1)
        with pytest.raises(LinkError, match="refused"):
            link.post("/", b"x")


def test_silence_is_an_error():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        link = Link(f"http://127.0.0.1:{silent.getsockname()[1]}", {}, connect=1, timeout=0.05)
        with pytest.raises(LinkError, match="timed out"):
            link.post("/", b"x")


def test_an_address_is_a_whole_one():
    with pytest.raises(ValueError, match="http"):
        Link("127.0.0.1:8000", {}, connect=1, timeout=1)
