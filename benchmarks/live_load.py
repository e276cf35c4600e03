"""Watchers of one class meeting, and its students who sign, over raw sockets in a process of its own.

Run: ``python -m benchmarks.live_load PORT MEETING WATCHERS PER_SECOND WEB_PID`` with a school of ``benchmarks.school``
on stdin. Every student signs the class meeting of that number once: PER_SECOND of them, or with 0 as fast as 64 are
answered. Every watcher must be told of every signature. Prints one JSON object; the processor time and the memory are
those of the web process, over the signing alone.
"""

import json
import os
import re
import select
import socket
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.school import DRAWING

CLIENTS = 64
_SIGNED = re.compile(rb'"signed":(\d+)')
_TICK = os.sysconf("SC_CLK_TCK")
_LAST_SECONDS = 10.0


class Watcher:
    """One open stream: when it was told of how many signatures."""

    def __init__(self, port: int, request: bytes) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.sendall(request)
        self.told: list[tuple[float, int]] = []
        self.events = 0

    def receive(self) -> None:
        data = self.socket.recv(1 << 16)
        if not data:
            raise SystemExit("a stream ended: the figures would not be true")
        found = _SIGNED.findall(data)
        if found:
            self.events += len(found)
            self.told.append((time.perf_counter(), int(found[-1])))


class Signer:
    """One kept connection, over which one student after the other signs."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sent = 0.0
        self._answer = b""

    def send(self, request: bytes) -> None:
        self.sent, self._answer = time.perf_counter(), b""
        self.socket.sendall(request)

    def receive(self) -> bool:
        """Whether the answer is whole."""
        self._answer += self.socket.recv(1 << 16)
        whole = self._answer.endswith(b"}")
        if whole and (not self._answer.startswith(b"HTTP/1.1 200 ") or b'"signed_at"' not in self._answer):
            raise SystemExit(f"a signature was answered {self._answer[:400]!r}: the figures would not be true")
        return whole


class Run:
    """One poll over the watchers and the signers."""

    def __init__(self, port: int, watchers: list[Watcher], requests: list[bytes], per_second: float) -> None:
        self.watchers = {each.socket.fileno(): each for each in watchers}
        self.signers = {each.socket.fileno(): each for each in (Signer(port) for _ in range(CLIENTS))}
        self.requests, self.per_second = requests[::-1], per_second
        self.idle = list(self.signers.values())
        self.acknowledged: list[float] = []
        self.times: list[float] = []
        self._poll = select.epoll()
        for descriptor in (*self.watchers, *self.signers):
            self._poll.register(descriptor, select.EPOLLIN)

    def step(self) -> None:
        """Take what came within a few milliseconds."""
        for descriptor, _ in self._poll.poll(0.002):
            if descriptor in self.watchers:
                self.watchers[descriptor].receive()
            elif self.signers[descriptor].receive():
                now, signer = time.perf_counter(), self.signers[descriptor]
                self.acknowledged.append(now)
                self.times.append(now - signer.sent)
                self.idle.append(signer)

    def begin(self) -> None:
        """Until every watcher has been told the state."""
        while not all(each.told for each in self.watchers.values()):
            self.step()

    def sign(self) -> float:
        """All signatures, and then until every watcher knows of the last; the seconds of the signing."""
        began, count = time.perf_counter(), len(self.requests)
        while len(self.acknowledged) < count:
            due = count if not self.per_second else (time.perf_counter() - began) * self.per_second
            while self.requests and self.idle and count - len(self.requests) < due:
                self.idle.pop().send(self.requests.pop())
            self.step()
        took, until = time.perf_counter() - began, time.perf_counter() + _LAST_SECONDS
        while not all(each.told[-1][1] == count for each in self.watchers.values()):
            if time.perf_counter() > until:
                raise SystemExit("a watcher was not told of the last signature")
            self.step()
        return took


def latencies(run: Run) -> list[float]:
    """Seconds from each acknowledged signature to each screen; 0 for a screen that was told before the student."""
    found = []
    for watcher in run.watchers.values():
        known = 0
        for at, signed in watcher.told:
            found += [max(at - each, 0.0) for each in run.acknowledged[known:signed]]
            known = max(known, signed)
    return sorted(found)


def _requests(school: dict[str, Any], port: int, meeting: int) -> list[bytes]:
    body = json.dumps({"method": "drawn", "drawing": DRAWING}).encode()
    host, token = f"127.0.0.1:{port}", "a" * 32
    return [
        (
            f"POST /student/lines/{student['lines'][meeting]}/sign HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\n"
            f"Cookie: {school['session_cookie']}={student['session']}; {school['csrf_cookie']}={token}\r\n"
            f"Content-Type: application/json\r\nX-CSRFToken: {token}\r\nContent-Length: {len(body)}\r\n\r\n"
        ).encode()
        + body
        for student in school["students"]
    ]


def _processor(pid: int) -> float:
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / _TICK


def _resident(pid: int) -> float:
    """MiB."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE") / 2**20


def main() -> None:
    """Watch, sign, and print what came of it."""
    port, meeting, count, rate, web = (int(word) for word in sys.argv[1:6])
    school = json.load(sys.stdin)
    watching = (
        f"GET /live/meetings/{school['meetings'][meeting]} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
        f"Cookie: {school['session_cookie']}={school['teacher']}\r\n\r\n"
    ).encode()
    memory = _resident(web)
    run = Run(port, [Watcher(port, watching) for _ in range(count)], _requests(school, port, meeting), rate)
    run.begin()
    held, used, mine = _resident(web) - memory, _processor(web), time.process_time()
    before = sum(each.events for each in run.watchers.values())
    took = run.sign()
    used, mine = _processor(web) - used, time.process_time() - mine
    screens, times = latencies(run), sorted(run.times)
    result = {
        "signatures": len(times),
        "seconds": took,
        "sign_p99_ms": times[len(times) * 99 // 100] * 1000,
        "web_cpu_seconds": used,
        "client_cpu_seconds": mine,
        "kib_a_watcher": held * 1024 / count if count else 0.0,
        "events_a_watcher": (sum(each.events for each in run.watchers.values()) - before) / count if count else 0.0,
        "screen_p50_ms": screens[len(screens) // 2] * 1000 if screens else 0.0,
        "screen_p95_ms": screens[len(screens) * 95 // 100] * 1000 if screens else 0.0,
        "screen_max_ms": screens[-1] * 1000 if screens else 0.0,
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
