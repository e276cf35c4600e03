"""Kept HTTP/1.1 connections to one server of the installation: the standard library's, at little cost."""

import http.client
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

_GONE = (ConnectionError, http.client.BadStatusLine)


class LinkError(Exception):
    """The server cannot be reached, or did not answer whole."""


class Answer(NamedTuple):
    status: int
    body: bytes


class Link:
    """Posts to one address. Threads may share it: each exchange has a connection of its own, kept for the next one.

    The environment's proxies and .netrc have no business between two processes of one installation.
    """

    def __init__(self, url: str, headers: Mapping[str, str], *, connect: float, timeout: float) -> None:
        """``connect`` and ``timeout`` are seconds: to be connected, and without a byte of an answer."""
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError("the address of a server begins with http:// or https://")
        self._secure, self._host, self._port = parts.scheme == "https", parts.hostname, parts.port
        self._path, self._headers = parts.path.rstrip("/"), dict(headers)
        self._connect, self._timeout = connect, timeout
        self._free: list[http.client.HTTPConnection] = []

    def post(self, path: str, body: bytes) -> Answer:
        """One exchange; LinkError when it fails. On a kept connection that the server has closed it is made again."""
        try:
            if self._free:
                try:
                    return self._exchange(self._free.pop(), path, body)
                except (*_GONE, IndexError):
                    pass
            return self._exchange(self._open(), path, body)
        except (OSError, http.client.HTTPException) as error:
            raise LinkError(str(error) or type(error).__name__) from error

    def close(self) -> None:
        """Close what is kept."""
        while self._free:
            self._free.pop().close()

    def _open(self) -> http.client.HTTPConnection:
        kind = http.client.HTTPSConnection if self._secure else http.client.HTTPConnection
        connection = kind(self._host, self._port, timeout=self._connect)
        connection.connect()
        connection.sock.settimeout(self._timeout)
        return connection

    def _exchange(self, connection: http.client.HTTPConnection, path: str, body: bytes) -> Answer:
        try:
            connection.request("POST", self._path + path, body, self._headers)
            response = connection.getresponse()
            answer = Answer(response.status, response.read())
        except BaseException:
            connection.close()
            raise
        if response.will_close:
            connection.close()
        else:
            self._free.append(connection)
        return answer
