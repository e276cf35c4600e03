"""The one application, on the real server: pages through the bridge, live streams, hostile clients."""

import asyncio
import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from emarge import asgi
from emarge.lib.turns import Turns
from emarge.proof.evidence import contents, records
from tests.attendance.journey import DRAWING
from tests.cast import PASSWORD
from tests.processes import Server, free_port

ROOT = Path(__file__).parent.parent
MEETING = "11111111-2222-4333-8444-555555555555"

_FILL = """
import json, sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from emarge.cli.django_setup import setup
setup(Path(sys.argv[1]), create=True)
from django_scopes import scope
from tests.cast import make_school
now = datetime.now(UTC)
schools = [make_school(name, starts_at=now, ends_at=now + timedelta(hours=2)) for name in "ab"]
print(json.dumps([str(school.meeting.uuid) for school in schools]))
"""


class Web:
    """A running web process over a data folder of its own, with the cast at a.localhost and b.localhost."""

    def __init__(self, data: Path) -> None:
        environment = {"DJANGO_SETTINGS_MODULE": "emarge.settings", "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}
        filled = subprocess.run(
            [sys.executable, "-c", _FILL, str(data)],
            env={**os.environ, **environment},
            capture_output=True,
            check=True,
            text=True,
        )
        self.data = data
        self.meeting, self.other_meeting = json.loads(filled.stdout)
        self.clients = ExitStack()
        self.server = Server(["web", "--data", str(data), "--no-relay"], free_port(), environment)

    def browser(self, login: str = "", base: str = "a") -> httpx.Client:
        """Somebody's browser, logged in through the page as a person would."""
        client = httpx.Client(
            base_url=self.server.url, headers={"host": f"{base}.localhost"}, timeout=60, trust_env=False
        )
        self.clients.enter_context(client)
        if login:
            page = client.get("/login")
            answer = client.post(
                "/login", data={"username": login, "password": PASSWORD, "csrfmiddlewaretoken": token(page)}
            )
            assert answer.status_code == 302
        return client


def token(page: httpx.Response) -> str:
    return re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)[1]


def press(client: httpx.Client, page: str, url: str, **data: str) -> httpx.Response:
    return client.post(url, data={**data, "csrfmiddlewaretoken": token(client.get(page))})


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    web = Web(tmp_path_factory.mktemp("web"))
    web.server.start()
    yield web
    assert web.server.stop() == 0


@pytest.fixture
def web(running):
    with running.clients:
        yield running


pytestmark = pytest.mark.processes


# Pages through the bridge


def test_health_needs_no_base(web):
    answer = httpx.get(f"{web.server.url}/health", trust_env=False)
    assert (answer.status_code, answer.text) == (200, "ok\n")


def test_a_login_sets_its_cookies_apart_and_redirects(web):
    client = web.browser()
    page = client.get("/login")
    answer = client.post(
        "/login", data={"username": "thomas", "password": PASSWORD, "csrfmiddlewaretoken": token(page)}
    )
    names = sorted(cookie.split("=", 1)[0] for cookie in answer.headers.get_list("set-cookie"))
    assert (answer.status_code, answer.headers["location"], names) == (302, "/", ["csrftoken", "device", "sessionid"])
    assert client.get("/").headers["location"] == "/teacher/"
    assert client.get("/teacher/").status_code == 200


def test_forty_logins_at_once_hold_few_threads_and_all_get_in(web):
    def one(_number: int) -> int:
        with httpx.Client(base_url=web.server.url, headers={"host": "a.localhost"}, timeout=60) as client:
            form = {"username": "alice", "password": PASSWORD, "csrfmiddlewaretoken": token(client.get("/login"))}
            return client.post("/login", data=form, headers={"x-emarge-busy": "1"}).status_code

    with ThreadPoolExecutor(40) as people:
        assert set(people.map(one, range(40))) == {302}


def test_who_finds_no_turn_to_log_in_is_told_so_on_the_page(monkeypatch):
    answered: list[asgi.Message] = []

    async def scene() -> None:
        application = asgi.Application()

        async def pages(scope: asgi.Message, _receive: asgi.Receive, _send: asgi.Send) -> None:
            answered.append(scope)

        monkeypatch.setattr(application, "_pages", pages)
        monkeypatch.setattr(application, "_logins", Turns(at_once=1, waiting=0, seconds=1))
        scope = {"type": "http", "method": "POST", "path": "/login", "headers": []}
        await application._answer_page(scope, b"", pages)
        application.close()

    asyncio.run(scene())
    assert [scope["headers"] for scope in answered] == [[(b"x-emarge-busy", b"1")]]


def test_static_files_come_with_their_kind(web):
    answer = web.browser().get("/static/brand/mark.svg")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/svg+xml")
    head = web.browser().head("/static/brand/mark.svg")
    assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", str(len(answer.content)))


@pytest.mark.parametrize("path", ["/%C3%A9t%C3%A9", "/%FF%FE", "/..%2F..%2Fetc/passwd", "/%00"])
def test_a_strange_path_is_not_found(web, path):
    assert web.browser().get(path).status_code == 404


@pytest.mark.parametrize(("size", "status", "pages"), [(200_000, 403, 1), (300_000, 413, 1), (3_000_000, 413, 0)])
def test_a_body_is_read_up_to_a_limit(web, size, status, pages):
    """403: read, and refused for want of a token; 413: over Django's limit, then over the server's."""
    client = web.browser()
    client.get("/login")
    answer = client.post("/login", content=b"x=" + b"y" * size, headers=FORM)
    assert (answer.status_code, answer.text.count("<html")) == (status, pages)


FORM = {"content-type": "application/x-www-form-urlencoded"}


def test_senders_that_never_finish_hold_no_thread(web):
    with ExitStack() as slow:
        for _ in range(3 * asgi.THREADS):
            sender = slow.enter_context(socket.create_connection(("127.0.0.1", web.server.port)))
            sender.sendall(b"POST /login HTTP/1.1\r\nHost: a.localhost\r\nContent-Length: 1000\r\n\r\nx")
        assert web.browser().get("/login").status_code == 200


def test_sixteen_at_once_are_all_answered(web):
    async def ask() -> list[int]:
        async with httpx.AsyncClient(base_url=web.server.url, trust_env=False, timeout=60) as client:
            answers = [client.get("/login", headers={"host": "a.localhost"}) for _ in range(16)]
            return [answer.status_code for answer in await asyncio.gather(*answers)]

    assert asyncio.run(ask()) == [200] * 16


# Live streams on the real server


def events_of(stream: httpx.Response):
    """The numbers that a stream tells, one event after the other."""
    return (json.loads(line.removeprefix("data: ")) for line in stream.iter_lines() if line.startswith("data:"))


def test_each_act_reaches_every_watcher_and_the_address_is_sealed_with_the_sign_in(web):
    teacher, colleague, secretary, alice = (web.browser(who) for who in ("thomas", "colette", "sylvie", "alice"))
    sheet, live = f"/teacher/meetings/{web.meeting}", f"/live/meetings/{web.meeting}"
    with (
        teacher.stream("GET", live) as first,
        colleague.stream("GET", live) as second,
        secretary.stream("GET", "/live/base") as base,
    ):
        assert first.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert first.headers["x-accel-buffering"] == "no"
        streams = [events_of(first), events_of(second), events_of(base)]
        nothing = {"meeting": web.meeting, "students": 0, "expected": 0, "scanned": 0, "signed": 0, "absent": 0}
        assert [next(stream) for stream in streams[:2]] == [{**nothing, "awaited": 0}] * 2

        def acted(answer: httpx.Response, **numbers: int) -> None:
            assert answer.status_code == 302
            for stream in streams:
                told = next(stream)
                assert {name: told[name] for name in numbers} == numbers

        hand = web.browser("thomas")
        acted(press(hand, sheet, f"{sheet}/start"), students=4, expected=3, signed=0)
        acted(press(hand, sheet, f"{sheet}/end"), students=4, expected=3, signed=0)
        signature = {"method": "drawn", "drawing": DRAWING}
        acted(press(hand, f"{sheet}/signature", f"{sheet}/signature", **signature), signed=0)
        page = re.search(r'href="(/student/lines/[^"]+/sign)"', alice.get("/student/").text)[1]
        acted(press(alice, page, page, **signature), students=4, expected=3, signed=1)
    assert sealed_address(web.data) == "127.0.0.1"


def sealed_address(data: Path) -> str:
    with sqlite3.connect(data / "web" / "base.sqlite3") as base:
        query = "SELECT record, content, content_key FROM audit_outboxevent WHERE event = 'sign_in.signed'"
        ((record, content, key),) = base.execute(query).fetchall()
    return contents.open_content(content, key, records.parse(record).commitment)["ip"]


def test_who_may_not_watch_gets_what_a_page_would_answer(web):
    live = f"/live/meetings/{web.meeting}"
    assert web.browser("alice").get(live).status_code == 404
    assert web.browser("thomas", "b").get(live).status_code == 404
    assert web.browser("thomas").get(f"/live/meetings/{web.other_meeting}").status_code == 404
    assert web.browser("thomas").get(f"/live/meetings/{MEETING}").status_code == 404
    nobody = web.browser().get(live)
    assert (nobody.status_code, nobody.headers["location"]) == (302, f"/login?next={live}")
    assert web.browser("thomas").get("/live/base").status_code == 403
    assert web.browser().get("/live/base").headers["location"] == "/login?next=/live/base"
    assert web.browser("thomas").post(live).status_code == 403  # no token
    assert web.browser("thomas").head(live).status_code == 405


def test_whoever_supervises_may_watch(web):
    with web.browser("sylvie").stream("GET", f"/live/meetings/{web.meeting}") as stream:
        assert next(events_of(stream))["meeting"] == web.meeting


def test_a_stop_ends_the_streams_and_the_process(tmp_path):
    web = Web(tmp_path)
    web.server.start()
    with web.clients, web.browser("thomas").stream("GET", f"/live/meetings/{web.meeting}") as stream:
        lines = stream.iter_lines()
        assert next(lines) == "retry: 2000"
        web.server.process.send_signal(signal.SIGTERM)
        assert not [line for line in lines if not line.startswith("data:") and line]
    assert web.server.process.wait(timeout=60) == 0


def test_a_port_that_is_taken_is_never_shared(web):
    arguments = ["-m", "emarge", "web", "--data", str(web.data), "--port", str(web.server.port)]
    second = subprocess.run(
        [sys.executable, *arguments],
        env={**os.environ, **web.server.environment},
        capture_output=True,
        check=False,
        text=True,
        timeout=60,
    )
    said = f"emarge: Port {web.server.port} is taken by another program. Choose another one: --port N.\n"
    assert (second.returncode, second.stderr) == (1, said)


# The stream by itself


class Wire:
    """Both ends of one connection: what the application sends, and when the client leaves."""

    def __init__(self) -> None:
        self.sent: asyncio.Queue[dict] = asyncio.Queue()
        self.left = asyncio.Event()

    async def receive(self) -> dict:
        await self.left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: dict) -> None:
        await self.sent.put(message)

    async def body(self) -> bytes:
        return (await self.sent.get()).get("body", b"")


def yes(application: asgi.Application) -> list[dict]:
    """Have every question whether somebody may watch answered by what the list holds."""
    verdict = [{"status": 204, "headers": [(b"x-emarge-topic", MEETING.encode())]}]

    async def pages(_scope, _receive, send):
        await send(verdict[0])

    application._pages = pages
    return verdict


async def watching(application: asgi.Application) -> tuple[Wire, asyncio.Task]:
    wire = Wire()
    scope = {"path": f"/live/meetings/{MEETING}"}
    task = asyncio.create_task(application._watch(scope, wire.receive, wire.send))
    assert (await wire.sent.get())["status"] == 200
    assert await wire.body() == b"retry: 2000\n\n"
    return wire, task


@pytest.fixture
def application(monkeypatch):
    """An application whose person may watch, over a base with nothing in it."""
    monkeypatch.setattr("emarge.spaces.streams._read", lambda _meetings: {})

    def make() -> asgi.Application:
        made = asgi.Application()
        yes(made)
        return made

    return make


def test_a_stream_is_left_with_its_client(application):
    async def story() -> list[int]:
        made = application()
        wire, task = await watching(made)
        before = made._streams.count(MEETING)
        wire.left.set()
        await task
        return [before, made._streams.count(MEETING)]

    assert asyncio.run(story()) == [1, 0]


def test_a_quiet_stream_says_that_it_lives(application, monkeypatch):
    monkeypatch.setattr(asgi, "HEARTBEAT_SECONDS", 0.05)

    async def story() -> list[bytes]:
        wire, task = await watching(application())
        first, quiet = await wire.body(), await wire.body()
        wire.left.set()
        await task
        return [first[:6], quiet]

    assert asyncio.run(story()) == [b"data: ", b": nothing new\n\n"]


def test_a_reader_that_takes_nothing_is_cut_off(application, monkeypatch):
    monkeypatch.setattr(asgi, "SEND_SECONDS", 0.05)

    async def story() -> int:
        made = application()
        taken = []

        async def send(message):
            taken.append(message)
            if len(taken) > 1:
                await asyncio.Event().wait()

        await asyncio.wait_for(made._watch({"path": f"/live/meetings/{MEETING}"}, Wire().receive, send), 10)
        return made._streams.count(MEETING)

    assert asyncio.run(story()) == 0


def test_a_stream_ends_when_its_person_may_watch_no_longer(application, monkeypatch):
    monkeypatch.setattr(asgi, "CHECK_SECONDS", (0.02, 0.05))

    async def story() -> tuple[bool, bytes]:
        made = application()
        verdict = yes(made)
        wire, task = await watching(made)
        await asyncio.sleep(0.2)
        went_on = not task.done()
        verdict[0] = {"status": 302, "headers": [(b"location", b"/login")]}
        await asyncio.wait_for(task, 10)
        bodies = [await wire.body() for _ in range(wire.sent.qsize())]
        return went_on, bodies[-1]

    assert asyncio.run(story()) == (True, b"")


def test_a_stopped_application_ends_its_streams(application):
    async def story() -> int:
        made = application()
        tasks = [(await watching(made))[1] for _ in range(2)]
        made.stop()
        await asyncio.gather(*tasks)
        return made._streams.count(MEETING)

    assert asyncio.run(story()) == 0
