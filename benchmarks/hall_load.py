"""A lecture hall over raw sockets, in a process of its own that costs little: it runs on the server's own cores.

Run: ``python -m benchmarks.hall_load PORT FIRST LAST STUDENTS [json|forms|empty]`` with a school of
``benchmarks.school`` on stdin: every student scans and signs the meetings [FIRST, LAST) one after the other, all
students at once. A meeting is three requests: the address in the QR code that is on screen at that moment, *I am here*
with the ticket of that page, *Validate* with a drawing of about 2.7 KB. Every answer is read whole and must be the
success of its kind. ``forms`` posts what a page without scripts posts, through Django's stack; ``empty`` only asks for
an empty answer. Prints one JSON object.
"""

import json
import random
import re
import secrets
import select
import socket
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

POINTS = 550
_TICKET = re.compile(rb'name="ticket" value="([^"]+)"')
_TOKEN = re.compile(rb'name="csrfmiddlewaretoken" value="([^"]+)"')
_LINE = re.compile(rb'"line":"([^"]+)"|location: /student/lines/([^/]+)/sign', re.IGNORECASE)
_GRANT = re.compile(rb"set-cookie: (grant=[^;]+)", re.IGNORECASE)


def drawing() -> str:
    """A signature of as many points as a quick one has."""
    x, y, steps = 300, 150, ["300,150"]
    for _ in range(POINTS):
        dx, dy = random.randint(-9, 9), random.randint(-9, 9)
        dx = dx if 0 <= x + dx <= 600 else -dx
        dy = dy if 0 <= y + dy <= 300 else -dy
        x, y = x + dx, y + dy
        steps.append(f"{dx},{dy}")
    return "v1;600x300;" + " ".join(steps)


class Student:
    """One phone: a kept connection with one request under way."""

    def __init__(
        self, port: int, session: str, school: dict[str, Any], meetings: list[dict[str, Any]], *, kind: str
    ) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        device = secrets.token_urlsafe(16)
        self._host = f"127.0.0.1:{port}"
        self._cookies = f"{school['session_cookie']}={session}; {school['csrf_cookie']}={'a' * 32}; device={device}"
        self._meetings = list(reversed(meetings))
        self._forms = kind == "forms"
        self._drawing = {"method": "drawn", "drawing": drawing()}
        self._steps = self._empty() if kind == "empty" else self._visit()
        self.began = self.sent = 0.0
        self.kind = ""
        self._answer = b""

    def start(self) -> None:
        self._send(next(self._steps))

    def receive(self) -> bool:
        """Take what came; whether the answer is whole and the next request is under way (or there is none)."""
        data = self.socket.recv(1 << 18)
        if not data:
            raise SystemExit("the server closed a connection")
        self._answer += data
        head, found, body = self._answer.partition(b"\r\n\r\n")
        return bool(found) and len(body) >= _length(head)

    def go_on(self) -> bool:
        """Send the next request; False when the student is done."""
        answer, self._answer = self._answer, b""
        if not answer.startswith((b"HTTP/1.1 200 ", b"HTTP/1.1 302 ")):
            raise SystemExit(f"{self.kind} was answered {answer[:600]!r}: the figures would not be true")
        try:
            self._send(self._steps.send(answer))  # type: ignore[attr-defined]
        except StopIteration:
            return False
        return True

    def _send(self, request: bytes) -> None:
        self.sent = time.perf_counter()
        self.socket.sendall(request)

    def _empty(self) -> Iterator[bytes]:
        while self._meetings:
            self._meetings.pop()
            self.kind = "empty"
            yield self._get("/health")

    def _visit(self) -> Iterator[bytes]:
        while self._meetings:
            meeting = self._meetings.pop()
            self.kind = "arrive"
            self.began = time.perf_counter()
            code = meeting["codes"][str(int(time.time() // meeting["period"]))]
            page: Any = yield self._get(f"{meeting['path']}/{code}")
            token, ticket = _TOKEN.search(page)[1].decode(), _TICKET.search(page)[1].decode()  # type: ignore[index]
            self.kind = "scan"
            said: Any = yield self._post("/student/scan", {"ticket": ticket}, token)
            line, grant = _LINE.search(said), _GRANT.search(said)[1].decode()  # type: ignore[index]
            uuid = (line[1] or line[2]).decode()  # type: ignore[index]
            self.kind = "sign"
            yield self._post(f"/student/lines/{uuid}/sign", self._drawing, token, f"; {grant}")

    def _get(self, path: str) -> bytes:
        return f"GET {path} HTTP/1.1\r\nHost: {self._host}\r\nCookie: {self._cookies}\r\n\r\n".encode()

    def _post(self, path: str, values: dict[str, str], token: str, cookie: str = "") -> bytes:
        kind, body = "application/json", json.dumps(values).encode()
        if self._forms:
            kind = "application/x-www-form-urlencoded"
            form = {**values, "csrfmiddlewaretoken": token}
            body = "&".join(f"{name}={quote(value)}" for name, value in form.items()).encode()
        return (
            f"POST {path} HTTP/1.1\r\nHost: {self._host}\r\nOrigin: http://{self._host}\r\n"
            f"Cookie: {self._cookies}{cookie}\r\nContent-Type: {kind}\r\nX-CSRFToken: {token}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        ).encode() + body


def _length(head: bytes) -> int:
    name = b"\r\ncontent-length: "
    start = head.lower().index(name) + len(name)
    return int(head[start:].partition(b"\r\n")[0])


def attend(students: list[Student]) -> dict[str, list[float]]:
    """The seconds of each request by kind, and of each whole visit; the kinds of the last requests are counted."""
    poll, times = select.epoll(), defaultdict(list)
    by_descriptor = {student.socket.fileno(): student for student in students}
    for descriptor in by_descriptor:
        poll.register(descriptor, select.EPOLLIN)
    for student in students:
        student.start()
    left = len(students)
    while left:
        for descriptor, _ in poll.poll():
            student = by_descriptor[descriptor]
            if not student.receive():
                continue
            now, kind = time.perf_counter(), student.kind
            times[kind].append(now - student.sent)
            if kind == "sign":
                times["visit"].append(now - student.began)
            if not student.go_on():
                left -= 1
    return times


def main() -> None:
    port, first, last, count = (int(value) for value in sys.argv[1:5])
    kind = sys.argv[5] if len(sys.argv) > 5 else "json"
    school = json.load(sys.stdin)
    meetings = school["roll_calls"][first:last]
    some = school["students"][:count]
    students = [Student(port, one["session"], school, meetings, kind=kind) for one in some]
    used, began = time.process_time(), time.perf_counter()
    times = attend(students)
    took = time.perf_counter() - began
    result: dict[str, Any] = {"seconds": took, "processor_seconds": time.process_time() - used}
    for kind, spent in times.items():
        ranked = sorted(spent)
        result[kind] = {
            "count": len(ranked),
            "p50_ms": round(ranked[len(ranked) // 2] * 1000, 1),
            "p99_ms": round(ranked[len(ranked) * 99 // 100] * 1000, 1),
        }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
