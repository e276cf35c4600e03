"""When a process counts as started."""

import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from emarge.cli.ending import STAYS_DOWN
from emarge.cli.supervisor import Child, Supervisor


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


def ended(code, **more):
    child = Child("vault", [], "http://127.0.0.1:1", {}, **more)
    child.process = subprocess.Popen([sys.executable, "-c", f"raise SystemExit({code})"])
    child.process.wait()
    return child


def test_a_process_that_stays_down_is_told_once_and_never_started_again(capsys):
    child = ended(STAYS_DOWN)
    was = child.process
    for _ in range(3):
        Supervisor([child])._mend(child)
    assert (child.process, child.deaths) == (was, 0)
    assert capsys.readouterr().out.count("stays down until somebody has looked") == 1


@pytest.mark.parametrize("code", [0, 1, 2, -9])
def test_any_other_end_is_started_again_later(capsys, code):
    child = ended(code)
    Supervisor([child])._mend(child)
    assert (child.process, child.deaths) == (None, 1)
    assert child.again_at > time.monotonic()
