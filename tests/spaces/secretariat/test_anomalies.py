import csv
import io

import pytest
from django_scopes import scope

from emarge.attendance.models import ReviewedAnomaly
from emarge.attendance.tickets import Trace
from tests.attendance.journey import open_the_sign_in, sign

URL = "/secretariat/anomalies"
DEVICE, NETWORK = "a" * 32, "b" * 32


@pytest.fixture
def secretary(school, clock, browser):
    return browser(school, school.secretary)


@pytest.fixture
def roll_call(school):
    """Alice and Bao signed on one phone."""
    with scope(base=school.base):
        roll_call = open_the_sign_in(school)
        for name in ("alice", "bao"):
            sign(school, roll_call, name, trace=Trace(DEVICE, NETWORK, name * 4))
    return roll_call


def told(response):
    return [(str(row.named.line), str(row.kind), row.evidence) for row in response.context["rows"]]


ALICE = (
    "ADAM Alice",
    "One device for several students",
    ["Signed at 10:00:00", "Same device as BENOÎT Bao, who signed at 10:00:00"],
)


def test_an_anomaly_is_told_in_words_and_never_by_its_marks(roll_call, secretary):
    response = secretary.get(URL)
    page = response.content.decode()
    assert told(response)[0] == ALICE
    assert "An anomaly proves nothing" in page
    assert not [mark for mark in (DEVICE, NETWORK, "192.0.2.7") if mark in page]


def test_the_sheet_of_a_class_meeting_has_its_own(school, roll_call, secretary, stranger, browser):
    url = f"/secretariat/supervision/{school.meeting.uuid}/anomalies"
    response = secretary.get(url)
    assert told(response)[0] == ALICE
    assert secretary.get("/secretariat/supervision/" + str(stranger.meeting.uuid) + "/anomalies").status_code == 404
    assert browser(school, school.teacher.user).get(url).status_code == 403


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("", 2),
        ("from=2026-11-24&to=2026-11-30", 0),
        ("kind=shared_device", 2),
        ("kind=relayed", 0),
        ("q=benoit", 1),
        ("show=reviewed", 0),
        ("show=all&kind=nonsense&from=nonsense&page=x", 2),
        ("from=2020-01-01", 2),
    ],
)
def test_the_address_holds_the_filters(roll_call, secretary, query, count):
    response = secretary.get(f"{URL}?{query}")
    assert len(response.context["rows"]) == count


def test_a_year_is_cut_to_a_month(roll_call, secretary):
    choice = secretary.get(f"{URL}?from=2025-11-23&to=2026-11-23").context["choice"]
    assert (choice.to_on - choice.from_on).days == 30


def review(client, response, note="Borrowed a phone."):
    row = response.context["rows"][0].named
    values = {"kind": row.anomaly.kind.value, "evidence": row.anomaly.evidence, "note": note, "back": "q=adam"}
    return client.post(f"{URL}/lines/{row.line.uuid}/review", values)


def test_a_review_leaves_the_list_and_stands_under_reviewed(roll_call, secretary):
    answer = review(secretary, secretary.get(URL))
    assert (answer.status_code, answer["Location"].split("?")[0]) == (303, URL)
    assert [row[0] for row in told(secretary.get(URL))] == ["BENOÎT Bao"]
    page = secretary.get(f"{URL}?show=reviewed").content.decode()
    assert "Reviewed: Borrowed a phone. (Sylvie SIMON, 23/11/2026 11:00)" in page


def test_a_refused_note_stays_in_its_field(school, roll_call, secretary):
    answer = review(secretary, secretary.get(URL), note=" " * 3)
    assert answer.status_code == 400
    assert 'value="   "' in answer.content.decode()
    with scope(base=school.base):
        assert not ReviewedAnomaly.objects.exists()
    assert "A note is needed" in answer.content.decode()


def test_strangers_and_people_without_the_right_are_refused(school, roll_call, stranger, browser, secretary):
    page = secretary.get(URL)
    for path in (URL, f"{URL}.csv"):
        assert browser(school, school.teacher.user).get(path).status_code == 403
    assert review(browser(school, school.teacher.user), page).status_code == 403
    assert review(browser(stranger, stranger.secretary), page).status_code == 404
    assert browser(stranger, stranger.secretary).get(URL).context["rows"] == []


def test_the_file_holds_the_list_whole(school, roll_call, secretary):
    with scope(base=school.base):
        roll_call.lines.filter(last_name="ADAM").update(last_name="=ADAM")
    review(secretary, secretary.get(URL), note="+1")
    answer = secretary.get(f"{URL}.csv?show=all")
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert answer["Content-Disposition"] == 'attachment; filename="anomalies-2026-11-17-2026-11-23.csv"'
    heading, *rows = csv.reader(io.StringIO(answer.content.decode("utf-8-sig")))
    assert heading[3:5] == ["Student", "Anomaly"]
    first = next(row for row in rows if "ADAM" in row[3])
    assert first == [
        "2026-11-23",
        "10:00",
        "R1.01 Initiation au développement",
        "'=ADAM Alice",
        "One device for several students",
        " / ".join(ALICE[2]),
        "Sylvie SIMON",
        "2026-11-23 11:00",
        "'+1",
    ]


def test_the_file_in_french_opens_in_a_french_spreadsheet(roll_call, secretary):
    answer = secretary.get(f"{URL}.csv", headers={"accept-language": "fr"})
    assert answer.content.decode("utf-8-sig").splitlines()[0].startswith("Jour;Début;Séance;Étudiant;Anomalie;Indices")
