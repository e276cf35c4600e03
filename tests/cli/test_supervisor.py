"""When a process counts as started."""

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from emarge.cli.supervisor import Child


@pytest.fixture
def health():
    """A server whose /health answers with the status that the test sets."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(self.server.status)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(("status", "answers"), [(200, True), (503, True), (404, False), (500, False)])
def test_an_authority_whose_clock_is_unfit_has_started_and_a_stranger_has_not(health, status, answers):
    health.status = status
    child = Child("timestamping", [], f"http://127.0.0.1:{health.server_port}", {})
    assert child.answers() is answers


def test_nobody_there_does_not_answer(health):
    child = Child("timestamping", [], "http://127.0.0.1:1", {})
    assert child.answers() is False
