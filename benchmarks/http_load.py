"""A small HTTP/1.1 client for load: keep-alive, one coroutine a person, little CPU of its own."""

import asyncio
import json
import secrets
import string
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from benchmarks.school import DRAWING

_ALPHABET = string.ascii_letters + string.digits
_CSRF_LENGTH = 32  # Django's CSRF_SECRET_LENGTH


class Connection:
    """One keep-alive connection to a server on loopback."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "127.0.0.1", parts.port or 80
        self.origin = f"http://{self._host}:{self._port}"
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def request(self, method: str, path: str, *, headers: str = "", body: bytes = b"") -> tuple[int, bytes]:
        """Status and location (or body) of one exchange; ConnectionError when the server went away."""
        if self._streams is None:
            self._streams = await asyncio.open_connection(self._host, self._port)
        reader, writer = self._streams
        try:
            writer.write(
                f"{method} {path} HTTP/1.1\r\nHost: {self._host}:{self._port}\r\n{headers}"
                f"Content-Length: {len(body)}\r\n\r\n".encode()
                + body
            )
            head = await reader.readuntil(b"\r\n\r\n")
            length, location = 0, b""
            for line in head.split(b"\r\n")[1:]:
                name, _, value = line.partition(b":")
                if name.lower() == b"content-length":
                    length = int(value)
                elif name.lower() == b"location":
                    location = value.strip()
            content = await reader.readexactly(length)
        except (OSError, asyncio.IncompleteReadError) as error:
            self.close()
            raise ConnectionError(str(error)) from error
        return int(head[9:12]), location or content

    def close(self) -> None:
        """Drop the connection; the next request opens another."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


@dataclass
class Student:
    """A logged-in student and the lines that they may sign."""

    connection: Connection
    cookies: str
    csrf: str
    lines: list[str]

    async def sign(self, line: str) -> bool:
        """*Validate* once; True when the server acknowledged the signature."""
        body = urlencode({"csrfmiddlewaretoken": self.csrf, "method": "drawn", "drawing": DRAWING}).encode()
        headers = f"{self.cookies}Content-Type: application/x-www-form-urlencoded\r\n"
        status, location = await self.connection.request(
            "POST", f"/student/lines/{line}/sign", headers=headers, body=body
        )
        return status == 302 and location.endswith(b"/signed")

    async def sign_json(self, line: str) -> bool:
        """The same as the page's script does it, outside Django's own stack."""
        body = json.dumps({"method": "drawn", "drawing": DRAWING}).encode()
        headers = f"{self.cookies}Origin: {self.connection.origin}\r\nX-CSRFToken: {self.csrf}\r\n"
        headers += "Content-Type: application/json\r\n"
        status, _ = await self.connection.request("POST", f"/student/lines/{line}/sign", headers=headers, body=body)
        return status == 200


def csrf_secret() -> str:
    """What a browser's CSRF cookie holds, and its form too."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(_CSRF_LENGTH))


def students_of(school: dict, url: str) -> list[Student]:
    """The students of a school made by ``benchmarks.school``, each on a connection of its own."""
    people = []
    for row in school["students"]:
        csrf = csrf_secret()
        cookies = f"Cookie: {school['session_cookie']}={row['session']}; {school['csrf_cookie']}={csrf}\r\n"
        people.append(Student(Connection(url), cookies, csrf, row["lines"]))
    return people
