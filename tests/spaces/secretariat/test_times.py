"""The page about recorded times and the proof of a record: who may see what, and what is said when nobody answers."""

import re
from datetime import UTC, datetime, timedelta
from uuid import uuid4
from xml.etree import ElementTree as ET

import pytest
from django.utils import timezone
from django_scopes import scope

from emarge.audit import authority
from emarge.audit.authority import ClockState
from emarge.audit.models import OutboxEvent
from emarge.audit.queries import clock_of
from emarge.proof.timestamping.report import NumberedChange, Round, SourceReport, Status
from emarge.spaces.secretariat import clock_picture
from emarge.spaces.secretariat import times_texts as texts
from tests.attendance.journey import open_the_sign_in, sign
from tests.audit.events import happen
from tests.cast import TEN

URL = "/secretariat/times"
PAGES = [URL, f"{URL}/standing"]
IN_SYNC, SOON, OUT, UNKNOWN = ClockState
AT = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
SVG = "{http://www.w3.org/2000/svg}"


def told(**changes) -> Status:
    """What an authority says whose receiver lies; the journey of its day is short."""
    rounds = [
        Round(
            AT - timedelta(hours=hours), "v", (-5.0, 5.0), {"gps": (2990.0, 3010.0), "quartz": (-5, 5)}, ("gps",), OUT
        )
        for hours in (23, 2, 1)
    ]
    facts = {
        "at": AT,
        "state": IN_SYNC,
        "bound": 0.005,
        "policy": "1.2",
        "fit": True,
        "reason": "two sources agree",
        "declared_accuracy": 0.1,
        "until": AT + timedelta(hours=1),
        "tokens_since": AT - timedelta(days=2),
        "issued": 1,
        "refused": {"timeNotAvailable": 2, "badAlg": 1, "badRequest": 3},
        "sources": (
            SourceReport("gps", "a:1", "excluded", None, (2990.0, 3010.0)),
            SourceReport("quartz", None, "heard", None, (-5.0, 5.0)),
        ),
        "comparison": rounds[-1],
        "samples": tuple(rounds),
        "changes": (
            NumberedChange(7, AT - timedelta(hours=5), IN_SYNC, OUT, "no two sources agree", ()),
            NumberedChange(8, AT - timedelta(hours=2), OUT, SOON, "a reason of a later version", ("gps",)),
            NumberedChange(9, AT - timedelta(hours=1), SOON, IN_SYNC, "two sources agree", ()),
        ),
        "said": {},
    }
    return Status(**{**facts, **changes})


@pytest.fixture
def secretary(school, clock, browser):
    return browser(school, school.secretary)


@pytest.fixture
def answering(monkeypatch):
    monkeypatch.setattr(authority, "status", told)


@pytest.fixture(autouse=True)
def alone(monkeypatch):
    """Neither vault nor authority, unless a test says otherwise."""
    for name in ("EMARGE_VAULT_URL", "EMARGE_TIMESTAMP_URL"):
        monkeypatch.delenv(name, raising=False)


def test_what_the_authority_says_is_said(secretary, answering):
    response = secretary.get(URL)
    context = response.context
    assert (response.status_code, context["excluded"], context["bound"]) == (200, "GPS receiver", "± 5.0 ms")
    assert [(str(row.name), str(row.state), row.offset) for row in context["sources"]] == [
        ("GPS receiver", "Excluded", "+3000.0 ms"),
        ("Quartz of the machine", "Heard", "+0.0 ms"),
    ]
    assert context["refused"] == [("the request was not in order", 4), ("the time was not certain", 2)]
    assert [str(row.state) for row in context["changes"]] == ["In sync", "Soon out of sync", "Out of sync"]
    assert str(context["changes"][1].reason) == "a reason of a later version"
    assert [row.begins.hour for row in context["hours"]] == [9, 8, 11]  # in Paris


def test_a_demonstration_is_called_one(secretary, monkeypatch):
    demo = told(policy=authority.DEMO_POLICY, comparison=None, samples=(), until=None, refused={})
    monkeypatch.setattr(authority, "status", lambda: demo)
    assert "quartz and system clock only" in secretary.get(URL).content.decode()


def test_without_an_authority_the_records_are_shown(school, secretary):
    assert "No record of the last 7 days tells of any." in secretary.get(URL).content.decode()
    details = {
        "history": "ab" * 16,
        "first": 1,
        "last": 3,
        "changed_at": "2026-11-23T09:30:06.250000Z",
        "before": "in_sync",
        "state": "out_of_sync",
        "reason": "no two sources agree",
        "excluded": ["gps"],
        "merged": {"since": "2026-11-23T09:30:01.000000Z", "states": ["in_sync", "out_of_sync"], "excluded": ["gps"]},
    }
    log = school.code.log
    happen(log, event="clock.changed", details=details, content=None, subject=clock_of(log))
    response = secretary.get(URL)
    assert (response.status_code, response.context["status"]) == (200, None)
    page = response.content.decode()
    assert all(words in page for words in ("does not answer now", "No two sources agree.", "3 changes told together."))
    assert secretary.get(f"{URL}/last-day.svg").status_code == 503


@pytest.mark.parametrize(
    ("mirror", "words"),
    [
        (None, "Vault: does not answer"),
        ("held", "Mirror: holds everything"),
        ("behind", "Mirror: behind, catching up"),
        ("unavailable", "Mirror: does not answer"),
    ],
)
def test_supervision_is_told_of_clock_and_mirror(secretary, answering, monkeypatch, mirror, words):
    monkeypatch.setattr("emarge.audit.vault.mirror", lambda: mirror)
    page = secretary.get(f"{URL}/standing").content.decode()
    assert all(one in page for one in (words, "In sync", URL))


def test_without_a_mirror_none_is_spoken_of(secretary, monkeypatch):
    monkeypatch.setattr("emarge.audit.vault.mirror", lambda: "")
    page = secretary.get(f"{URL}/standing").content.decode()
    assert ("Mirror" in page, "the timestamp authority does not answer" in page) == (False, True)


@pytest.mark.parametrize("narrow", [False, True])
def test_the_picture_is_svg_without_anything_inline(secretary, answering, narrow):
    response = secretary.get(f"{URL}/last-day.svg", {"narrow": "1"} if narrow else {})
    assert (response.status_code, response["content-type"]) == (200, "image/svg+xml; charset=utf-8")
    drawn = ET.fromstring(response.content)
    assert drawn.get("width") == ("360" if narrow else "960")
    assert not [
        one for one in drawn.iter() if {"style", "onload", "class"} & set(one.keys()) or one.tag == f"{SVG}style"
    ]
    assert "GPS receiver" in [one.text for one in drawn.iter(f"{SVG}text")]
    for one in drawn.iter(f"{SVG}rect"):
        assert float(one.get("x", 0)) >= 0
        assert float(one.get("x", 0)) + float(one.get("width")) <= int(drawn.get("width"))


def test_the_states_of_a_day_follow_each_other():
    hours = [((end - start) / timedelta(hours=1), state) for start, end, state in clock_picture.states(told())]
    assert hours == [(19, IN_SYNC), (3, OUT), (1, SOON), (1, IN_SYNC)]
    assert clock_picture.states(told(changes=())) == [(AT - clock_picture.DAY, AT, IN_SYNC)]
    first = NumberedChange(1, AT - timedelta(hours=5), UNKNOWN, IN_SYNC, "", ())
    assert clock_picture.states(told(changes=(first,))) == [(first.at, AT, IN_SYNC)]


def test_a_distance_has_its_sign():
    assert [texts.milliseconds(value) for value in (-1.26, -0.01, 0.04, 2)] == [
        "−1.3 ms",
        "+0.0 ms",
        "+0.0 ms",
        "+2.0 ms",
    ]


@pytest.fixture
def signed(school, clock):
    """The record of Alice's signature."""
    with scope(base=school.base):
        signature = sign(school, open_the_sign_in(school), "alice")
    return OutboxEvent.objects.get(subject=signature.uuid)


def proof_of(row, name=""):
    return f"/secretariat/records/{row.uuid}{name}"


def test_a_record_that_waits_says_so_and_who_signed(school, secretary, signed):
    response = secretary.get(proof_of(signed))
    page = response.content.decode()
    assert response.status_code == 200
    assert (response.context["actor"], response.context["student"]) == ("ADAM Alice", "ADAM Alice")
    assert all(words in page for words in ("waits for the vault", "There is no token to download now."))
    assert secretary.get(proof_of(signed, "/record.json")).content == bytes(signed.record)
    assert [secretary.get(proof_of(signed, f"/{name}")).status_code for name in ("token.tsr", "passwd")] == [404, 404]


def test_a_sealed_record_is_not_called_checked_while_the_vault_is_away(school, secretary, signed):
    stamped = TEN + timedelta(seconds=2)
    receipt = {"leaf": "", "size": 42, "checkpoint": "", "mirror": "local_only"}
    OutboxEvent.objects.filter(pk=signed.pk).update(index=41, stamped_at=stamped, receipt=receipt)
    page = re.sub(r"\s+", " ", secretary.get(proof_of(signed)).content.decode())
    assert page.count("Not checked") == 2
    assert all(one in page for one in ("The vault does not answer now", "23/11/2026 10:00:02.000000", "42 records"))
    assert "no mirror has been seen to hold it yet" in page
    supervision = secretary.get(f"/secretariat/supervision?from=2026-11-23&meeting={school.meeting.uuid}")
    assert "Sealed without the mirror" in supervision.content.decode()
    assert proof_of(signed) in supervision.content.decode()


def test_a_record_of_another_base_does_not_exist(stranger, school, clock, browser, signed):
    foreigner = browser(stranger, stranger.secretary)
    urls = [proof_of(signed), proof_of(signed, "/record.json"), f"/secretariat/records/{uuid4()}"]
    assert [foreigner.get(url).status_code for url in urls] == [404, 404, 404]


def test_without_the_right_403(school, clock, browser, signed):
    for person in (school.teacher.user, school.students["alice"].user):
        client = browser(school, person)
        urls = [*PAGES, f"{URL}/last-day.svg", proof_of(signed), proof_of(signed, "/record.json")]
        assert [client.get(url).status_code for url in urls] == [403] * 5


def test_only_reading(secretary, signed):
    for url in [*PAGES, f"{URL}/last-day.svg", proof_of(signed), proof_of(signed, "/record.json")]:
        assert secretary.post(url).status_code == 405


def test_a_meeting_shows_what_happened_to_the_clock_meanwhile(school, secretary, clock):
    with scope(base=school.base):
        open_the_sign_in(school)
    details = {
        "history": "ab" * 16,
        "first": 4,
        "last": 4,
        "changed_at": "2026-11-23T09:30:06.250000Z",
        "before": "in_sync",
        "state": "soon_out_of_sync",
        "reason": "the quartz alone carries the time",
        "excluded": [],
    }
    for log in (school.code.log, "log-other"):
        at = TEN + timedelta(minutes=30)
        happen(log, event="clock.changed", details=details, content=None, subject=clock_of(log), at=at)
    url = f"/secretariat/supervision?from=2026-11-23&meeting={school.meeting.uuid}"
    assert [str(one.state) for one in secretary.get(url).context["sheet"].clock] == ["Soon out of sync"]
    assert timezone.now() > TEN
