"""Clients that are slow on purpose, over plain sockets."""

import socket
import time


def connect(port):
    """A connection that takes little at a time."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.connect(("127.0.0.1", port))
    client.settimeout(0.2)
    return client


def seconds_until_cut(client, dribble=b"", most=20.0):
    """Send these bytes one by one, for ever, and give after how long the server left, and what it said before."""
    with client:
        return _seconds_until_cut(client, dribble, most)


def _seconds_until_cut(client, dribble, most):
    began, said, left = time.monotonic(), b"", iter(dribble)
    while time.monotonic() - began < most:
        try:
            client.send(bytes([next(left, 120)]) if dribble else b"")
            part = client.recv(65536)
            if not part:
                return time.monotonic() - began, said
            said += part
        except TimeoutError:
            continue
        except OSError:
            return time.monotonic() - began, said
    raise AssertionError(f"the client was never cut; it got {said[:100]!r}")


def taken_after_a_rest(client, seconds):
    """Read nothing for so long, then all there is: how many bytes came before the connection ended."""
    time.sleep(seconds)
    client.settimeout(10)
    with client:
        return _taken(client)


def _taken(client):
    count = 0
    while True:
        try:
            part = client.recv(1 << 20)
        except ConnectionError:
            return count
        if not part:
            return count
        count += len(part)
