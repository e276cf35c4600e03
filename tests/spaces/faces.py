"""What the tests of every space do: come as somebody, count queries, read a page."""

import re

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

HTMX = {"HX-Request": "true"}


def come_as(user=None, base: str = "a") -> Client:
    """A browser at a base's host, logged in as somebody or nobody."""
    client = Client(headers={"host": f"{base}.localhost"})
    if user is not None:
        client.force_login(user)
    return client


def text_of(response) -> str:
    """What a person reads on a page, in one line."""
    body = re.sub(r"(?s)<(template|head).*?</\1>", " ", response.content.decode())
    return " ".join(re.sub(r"<[^>]+>", " ", body).split())


def part_of(response, start: str, end: str) -> str:
    """The piece of a page from ``start`` to ``end``, without the tokens that change at each answer."""
    body = response.content.decode()
    piece = body[body.index(start) :]
    piece = piece[: piece.index(end) + len(end)]
    return " ".join(re.sub(r'name="csrfmiddlewaretoken" value="[^"]+"', "", piece).split())


def queries_of(client: Client, url: str) -> int:
    """How many queries a page takes, its session and shell included."""
    with CaptureQueriesContext(connection) as captured:
        assert client.get(url).status_code == 200
    return len(captured)
