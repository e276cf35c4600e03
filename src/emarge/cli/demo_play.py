"""The ten-second tour: one class meeting, from the roll call to the bundle, over HTTP as its people would do it."""

import json
import re
import time
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx

from emarge.cli.django_setup import setup
from emarge.cli.errors import CommandError
from emarge.cli.run import addresses_file

_UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_DRAWINGS = (
    "v1;600x300;90,170 18,-52 22,-31 17,24 -9,58 -15,36 30,-41 33,-48 21,12 -6,44 28,-21;250,210 60,-9 70,-14",
    "v1;600x300;120,90 -8,60 4,58 30,21 41,-18 18,-55 -22,-40 -48,-6 -33,44 60,38 80,-21;330,120 10,70 44,-66 12,64",
    "v1;600x300;80,200 40,-90 35,-45 12,40 -20,70 -35,60 50,-70 55,-30 20,35 45,-25 38,20;300,110 30,4 60,-12",
    "v1;600x300;150,110 -40,30 -10,50 40,30 60,-20 20,-60 -30,-40 -60,20 -8,66 70,44 90,-30 70,-52;180,90 3,120",
)
_SEALED_WITHIN = 60.0  # seconds
_NOT_YET = (409, 503)


class RefusedPageError(CommandError):
    """A page said no."""

    def __init__(self, response: httpx.Response) -> None:
        shown = re.search(r'role="alert"[^>]*>\s*(.*?)\s*<', response.text, re.DOTALL)
        why = shown[1] if shown else response.reason_phrase
        super().__init__(f"{response.request.method} {response.url.path} answered {response.status_code}: {why}")
        self.status = response.status_code


class Person:
    """One of the demo school's people, logged in over HTTP."""

    def __init__(self, url: str, login: str, password: str) -> None:
        self.login = login
        self._http = httpx.Client(base_url=url, follow_redirects=True, timeout=60, headers={"Accept-Language": "en"})
        self.get("/login")
        page = self.post("/login", username=login, password=password)
        if page.url.path == "/login":
            raise CommandError(f"The demo login {login} was refused: was its password changed since the base was made?")

    def get(self, path: str) -> httpx.Response:
        """A page."""
        return self._checked(self._http.get(path))

    def post(self, path: str, **fields: str) -> httpx.Response:
        """Send a form, with the token that the cookie carries, and follow to the page it leads to."""
        token = self._http.cookies.get("csrftoken") or ""
        return self._checked(self._http.post(path, data={"csrfmiddlewaretoken": token, **fields}))

    def close(self) -> None:
        self._http.close()

    @staticmethod
    def _checked(response: httpx.Response) -> httpx.Response:
        if response.is_error:
            raise RefusedPageError(response)
        return response


def play(out: Path, data: Path) -> int:
    """Play one class meeting and write its bundle to ``out``; CommandError says what stood in the way."""
    if not out.parent.is_dir():
        raise CommandError(f"There is no folder {out.parent} to write {out.name} into.", code=2)
    url = _address(data)
    setup(data)
    logins = _logins(data)
    meeting = _plan_meeting(data)
    with _people(url, logins) as people:
        _call_the_roll(people, meeting)
        _sign(people, meeting)
        bundle, fingerprint = _audit_trail(people)
    out.write_bytes(bundle)
    print(f"\nThe evidence bundle is {out} ({len(bundle):,} bytes).")
    print(f"Fingerprint to trust: {fingerprint}")
    print(f"Check it, offline, anywhere:  emarge verify {out} --trust {fingerprint}")
    return 0


def _say(text: str) -> None:
    print(f"  {text}", flush=True)


def _address(data: Path) -> str:
    try:
        return str(json.loads(addresses_file(data).read_text(encoding="utf-8"))["web"])
    except (OSError, ValueError, KeyError):
        raise CommandError(f"Nothing runs over {data}. Start it first: emarge run --data {data}") from None


def _logins(data: Path) -> dict[str, tuple[str, str]]:
    from emarge.cli.demo_base import read_logins

    try:
        return read_logins(data)
    except OSError:
        raise CommandError(f"There is no demo school in {data}. Make one: emarge demo --data {data}") from None


def _plan_meeting(data: Path) -> str:
    """Plan a class meeting that has just begun, as a timetable would bring it; its uuid."""
    from emarge.cli.demo_base import demo_base, plan_tour

    base = demo_base()
    if base is None:
        raise CommandError(f"There is no demo school in {data}. Make one: emarge demo --data {data}")
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    return str(plan_tour(base, starts_at=now - timedelta(minutes=5), ends_at=now + timedelta(minutes=55)).uuid)


@contextmanager
def _people(url: str, logins: dict[str, tuple[str, str]]) -> Iterator[dict[str, Person]]:
    people: dict[str, Person] = {}
    try:
        for role, (login, password) in logins.items():
            people[role] = Person(url, login, password)
        yield people
    finally:
        for person in people.values():
            person.close()


def _call_the_roll(people: dict[str, Person], meeting: str) -> None:
    teacher = people["teacher"]
    sheet = teacher.post(f"/teacher/meetings/{meeting}/start").text
    rows = re.findall(rf'id="line-({_UUID})".*?<strong>(.*?)</strong>\s*([^<]*)<', sheet, re.DOTALL)
    here = {person.login for person in _students(people)}
    absent = [line for line, last, first in rows if _login_of(first, last) not in here]
    for line in absent:
        teacher.post(f"/teacher/lines/{line}/mark", presence="absent")
    teacher.post(f"/teacher/meetings/{meeting}/end")
    _say(f"The teacher called the roll: {len(rows)} students, {len(absent)} absent.")
    teacher.post(f"/teacher/meetings/{meeting}/signature", method="drawn", drawing=_DRAWINGS[0])
    _say("The teacher signed and opened the sign-in.")


def _students(people: dict[str, Person]) -> list[Person]:
    return [person for role, person in people.items() if role.startswith("student")]


def _login_of(first: str, last: str) -> str:
    name = unicodedata.normalize("NFKD", f"{first.strip()}.{last.strip()}".lower())
    return "".join(character for character in name if not unicodedata.combining(character))


def _sign(people: dict[str, Person], meeting: str) -> None:
    watched = people["teacher"].get(f"/teacher/meetings/{meeting}/validation").text
    for number, student in enumerate(_students(people), start=1):
        lines = re.findall(rf"/student/lines/({_UUID})/sign", student.get("/student/to-sign").text)
        for line in (line for line in lines if f"row-{line}" in watched):
            student.post(f"/student/lines/{line}/sign", method="drawn", drawing=_DRAWINGS[number % len(_DRAWINGS)])
    _say(f"{len(_students(people))} students signed.")
    people["secretary"].post(f"/secretariat/supervision/{meeting}/validate")
    _say("The secretariat validated the class meeting.")


def _audit_trail(people: dict[str, Person]) -> tuple[bytes, str]:
    """Ask, approve, wait until everything is sealed, produce: the bundle and the fingerprint to trust."""
    today = datetime.now(UTC).astimezone().date().isoformat()
    asked = people["secretary"].post(
        "/secretariat/audit-trails/new",
        inspector="OPCO Démonstration",
        reference=f"TOUR-{datetime.now(UTC):%Y%m%d-%H%M%S}",
        reason="A class meeting of the demo school, to show the proof",
        period_from=today,
        period_to=today,
        language="en",
    )
    path = asked.url.path
    people["director"].post(f"{path}/approve")
    _say("A funder's request was entered by the secretary and approved by the director.")
    _produce(people["secretary"], path)
    bundle = people["secretary"].post(f"{path}/download")
    shown = re.search(r"\b[0-9a-f]{64}\b", people["secretary"].get(path).text)
    if shown is None or bundle.headers.get("Content-Type") != "application/zip":
        raise CommandError(f"The bundle was not handed over by {path}.")
    return bundle.content, shown[0]


def _produce(secretary: Person, path: str) -> None:
    """Produce the bundle; while records still travel to the vault, wait and ask again."""
    until = time.monotonic() + _SEALED_WITHIN
    while True:
        try:
            secretary.post(f"{path}/produce")
        except RefusedPageError as refused:
            if refused.status not in _NOT_YET or time.monotonic() > until:
                raise
            time.sleep(0.5)
        else:
            _say("Every record is sealed; the bundle was produced from the vault alone.")
            return
