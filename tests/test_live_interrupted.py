"""A hall of 300 signs while the connection of a live screen is cut again and again: the number on it is right."""

import json
import re
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import pytest
from benchmarks.school import DRAWING

from tests.processes import Server, free_port

ROOT = Path(__file__).parent.parent
STUDENTS = 300
PAUSE = 0.004  # seconds between two signatures: a hall, not a stampede, so that cuts fall in the middle
CUTS = 4
LAST_SEEN = 290  # from here on there is no network at all until everybody has signed

pytestmark = pytest.mark.processes


class Screen:
    """What an EventSource does: shows the last event, and connects again when the connection is lost."""

    def __init__(self, port: int, path: str, cookie: str) -> None:
        self._port, self._path, self._cookie = port, path, cookie
        self.shown, self.connected, self.left = -1, 0, False
        self.network = threading.Event()
        self.network.set()
        self._socket: socket.socket | None = None
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def cut(self) -> None:
        """Lose the connection without a word to the server: nothing that it sends arrives any more."""
        if self._socket is not None:
            self._socket.shutdown(socket.SHUT_RDWR)

    def wait_for(self, number: int) -> None:
        until = time.monotonic() + 20
        while self.shown < number:
            assert time.monotonic() < until, f"the screen stays at {self.shown}, {number} was waited for"
            time.sleep(0.005)

    def close(self) -> None:
        self.left = True
        self.network.set()
        self.cut()
        self._thread.join(timeout=20)

    def _watch(self) -> None:
        while self.network.wait() and not self.left:
            with socket.create_connection(("127.0.0.1", self._port)) as self._socket:
                self.connected += 1
                request = f"GET {self._path} HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\nCookie: {self._cookie}\r\n\r\n"
                self._socket.sendall(request.encode())
                while data := self._socket.recv(1 << 16):
                    for found in re.findall(rb'"signed":(\d+)', data):
                        self.shown = int(found)


@pytest.fixture
def hall(tmp_path):
    """A web process, and its school: 300 students who may sign one class meeting."""
    command = [sys.executable, "-m", "benchmarks.school", str(tmp_path), f"--students={STUDENTS}"]
    made = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    server = Server(["web", "--data", str(tmp_path), "--no-relay"], free_port())
    server.start()
    yield server, json.loads(made.stdout)
    assert server.stop() == 0


def test_the_number_on_the_screen_is_right_after_any_interruption(hall):
    server, school = hall
    path, cookie = f"/live/meetings/{school['meetings'][0]}", f"{school['session_cookie']}={school['teacher']}"
    screen, token = Screen(server.port, path, cookie), "a" * 32
    cuts = {STUDENTS * number // (CUTS + 1) for number in range(1, CUTS + 1)}
    try:
        screen.wait_for(0)
        headers = {"origin": server.url, "x-csrftoken": token, "content-type": "application/json"}
        with httpx.Client(base_url=server.url, headers=headers, trust_env=False, timeout=60) as client:
            for number, student in enumerate(school["students"]):
                cookies = f"{school['session_cookie']}={student['session']}; {school['csrf_cookie']}={token}"
                body = json.dumps({"method": "drawn", "drawing": DRAWING})
                url = f"/student/lines/{student['lines'][0]}/sign"
                assert client.post(url, content=body, headers={"cookie": cookies}).status_code == 200
                if number in cuts:
                    screen.wait_for(1)
                    screen.cut()
                if number == LAST_SEEN:
                    screen.network.clear()
                    screen.cut()
                time.sleep(PAUSE)
        assert screen.shown < STUDENTS
        screen.network.set()
        screen.wait_for(STUDENTS)
        assert (screen.shown, screen.connected) == (STUDENTS, CUTS + 2)
    finally:
        screen.close()
