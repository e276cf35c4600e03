"""Load for a vault over raw sockets, in a process of its own that costs little: it runs on the vault's own cores.

Run: ``python -m benchmarks.vault_load PORT CLIENTS RECORDS SECONDS``, the credential on stdin. Every client is a
kept HTTP/1.1 connection with one request under way; every record is new, every answer is read whole and must hold a
receipt for each of them. Prints one JSON object; any other answer ends it with an error.
"""

import base64
import json
import os
import secrets
import select
import socket
import sys
import time
import uuid
from collections.abc import Iterator

LOG = "benchmark"
PAYLOAD = 600  # bytes: a record
CONTENT = 3_400  # bytes: a drawn signature
_PREPARED = 64
_NUMBER = 12  # base64 characters of a record that are drawn anew for each


def _record() -> tuple[bytes, bytes, bytes]:
    """The parts of a deposit before its uuid, between it and the first bytes of its record, and after these."""
    payload = base64.b64encode(secrets.token_bytes(PAYLOAD)).decode()
    values = {
        "labels": [f"meeting:{uuid.uuid4()}", f"student:{secrets.token_hex(32)}"],
        "content": base64.b64encode(secrets.token_bytes(CONTENT)).decode(),
        "content_key": base64.b64encode(secrets.token_bytes(32)).decode(),
    }
    after = payload[_NUMBER:] + '", ' + json.dumps(values)[1:]
    return b'{"uuid": "', b'", "payload": "', after.encode()


class Requests:
    """Makes requests out of prepared parts: uuid and the beginning of each record are new."""

    def __init__(self, credential: str, size: int) -> None:
        self._records = [_record() for _ in range(_PREPARED)]
        self._size = size
        self._head = (
            f"POST /logs/{LOG}/deposit HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {credential}\r\n"
            "Content-Type: application/json\r\nContent-Length: "
        ).encode()
        self._made = 0

    def next(self) -> tuple[list[bytes], bytes]:
        """The uuids of a request, and its bytes."""
        uuids, parts = [], [b'{"deposits": [']
        for _ in range(self._size):
            before, between, after = self._records[self._made % _PREPARED]
            self._made += 1
            digits = os.urandom(16).hex()
            name = f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}".encode()
            uuids.append(name)
            parts += [before, name, between, base64.b64encode(os.urandom(_NUMBER * 3 // 4)), after, b", "]
        parts[-1] = b"]}"
        body = b"".join(parts)
        return uuids, b"%b%d\r\n\r\n%b" % (self._head, len(body), body)


class Client:
    """One connection with one request under way."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._uuids: list[bytes] = []
        self._answer = b""
        self._sent = 0.0

    def send(self, requests: Requests) -> None:
        self._uuids, data = requests.next()
        self._answer = b""
        self._sent = time.perf_counter()
        self.socket.sendall(data)

    def receive(self) -> float | None:
        """Seconds that the request took, once its answer is whole; ValueError when it is no receipt of it."""
        data = self.socket.recv(1 << 18)
        if not data:
            raise ValueError("the vault closed a connection")
        self._answer = answer = self._answer + data if self._answer else data
        head, found, body = answer.partition(b"\r\n\r\n")
        if not found or len(body) < _length(head):
            return None
        if not head.startswith(b"HTTP/1.1 200 ") or not body.startswith(b'{"receipts":['):
            raise ValueError(f"the vault answered {answer[:300]!r}")
        if body.count(b'"stamp":"') != len(self._uuids) or any(b'"uuid":"%b"' % one not in body for one in self._uuids):
            raise ValueError(f"the vault answered with other receipts: {answer[:300]!r}")
        return time.perf_counter() - self._sent


def _length(head: bytes) -> int:
    name = b"\r\ncontent-length: "
    start = head.lower().index(name) + len(name)
    return int(head[start:].partition(b"\r\n")[0])


def exchanges(port: int, clients: int, requests: Requests, seconds: float) -> Iterator[float]:
    """The seconds of each request, over a run."""
    poll = select.epoll()
    under_way = {}
    for _ in range(clients):
        client = Client(port)
        under_way[client.socket.fileno()] = client
        poll.register(client.socket.fileno(), select.EPOLLIN)
    until = time.perf_counter() + seconds
    for client in under_way.values():
        client.send(requests)
    left = clients
    while left:
        for descriptor, _ in poll.poll():
            took = under_way[descriptor].receive()
            if took is None:
                continue
            yield took
            if time.perf_counter() < until:
                under_way[descriptor].send(requests)
            else:
                left -= 1


def main() -> None:
    """Load, and print what came of it."""
    port, clients, size, seconds = int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
    requests = Requests(sys.stdin.readline().strip(), size)
    used, began = time.process_time(), time.perf_counter()
    times = sorted(exchanges(port, clients, requests, seconds))
    took = time.perf_counter() - began
    result = {
        "records": len(times) * size,
        "seconds": took,
        "p50_ms": times[len(times) // 2] * 1000,
        "p99_ms": times[len(times) * 99 // 100] * 1000,
        "longest_ms": times[-1] * 1000,
        "processor_seconds": time.process_time() - used,
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
