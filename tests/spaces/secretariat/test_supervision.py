from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django_scopes import scope

from emarge.attendance.models import RollCall, RollCallLine
from emarge.audit.models import OutboxEvent
from emarge.timetable.models import ClassMeeting
from tests.attendance.journey import call_roll, line_of, open_the_sign_in, sign
from tests.cast import NOON, TEN
from tests.spaces.secretariat.conftest import AFTER

URL = "/secretariat/supervision"


@pytest.fixture
def secretary(school, clock, browser):
    return browser(school, school.secretary)


def texts(response):
    """The states of the listed meetings, as they are told."""
    return [str(state.text) for _meeting, state, _query in response.context["rows"]]


def statuses(response):
    return {row.line.first_name: str(row.text) for row in response.context["sheet"].rows}


def chosen(school):
    return f"{URL}?from=2026-11-23&meeting={school.meeting.uuid}"


def test_the_day_shows_its_meetings_with_their_state(school, secretary):
    assert texts(secretary.get(URL)) == ["Roll not called"]
    with scope(base=school.base):
        call_roll(school)
    assert texts(secretary.get(URL)) == ["Sign-in not opened"]


def test_the_chosen_meeting_shows_presence_and_sign_in_apart(school, secretary):
    with scope(base=school.base):
        roll_call = open_the_sign_in(school)
        sign(school, roll_call, "alice")
    response = secretary.get(chosen(school))
    assert statuses(response) == {
        "Alice": "Signed",
        "Bao": "Expected",
        "Chloe": "Not expected",
        "Dan": "Not expected",
    }
    assert [str(row.presence) for row in response.context["sheet"].rows] == [
        "Present",
        "Present",
        "Absent",
        "Present",
    ]
    page = response.content.decode()
    assert page.count("<svg class=") == 2
    assert page.count('aria-label="Signature of ADAM Alice"') == 1
    assert page.count('aria-label="Signature of TESSIER Thomas"') == 1


def test_a_record_waits_then_is_sealed(school, secretary, clock):
    with scope(base=school.base):
        roll_call = open_the_sign_in(school)
        signed = sign(school, roll_call, "alice")
    waiting = secretary.get(chosen(school)).context["sheet"].rows[0].sealing
    assert (waiting.sealed, waiting.waiting_since) == (False, TEN)
    OutboxEvent.objects.filter(subject=signed.uuid).update(index=41, stamped_at=TEN + timedelta(seconds=2))
    page = secretary.get(chosen(school))
    assert page.context["sheet"].rows[0].sealing.index == 41
    assert "no. 41, 23/11 10:00:02" in page.content.decode()


def test_waiting_deliveries_are_told_after_a_minute(school, secretary, clock):
    with scope(base=school.base):
        call_roll(school, at=clock.now - timedelta(seconds=59))
    assert secretary.get(URL).context["delay"] == ""
    clock.now += timedelta(minutes=4)
    assert secretary.get(URL).context["delay"] == "4\xa0minutes"


@pytest.mark.parametrize(
    ("show", "counts"),
    [("all", [1, 1]), ("incomplete", [1, 1]), ("unsigned", [1, 1]), ("open_now", [1, 0]), ("nonsense", [1, 1])],
)
def test_filters(school, secretary, clock, show, counts):
    with scope(base=school.base):
        roll_call = open_the_sign_in(school)
        sign(school, roll_call, "alice")
    before = len(secretary.get(f"{URL}?from=2026-11-23&show={show}").context["rows"])
    clock.now = AFTER
    after = len(secretary.get(f"{URL}?from=2026-11-23&show={show}").context["rows"])
    assert [before, after] == counts


@pytest.mark.parametrize(
    ("words", "count"), [("initiation", 1), ("TESSIER info1", 1), ("tessier physique", 0), ("s102", 1)]
)
def test_search_looks_in_subject_teacher_group_and_room(school, secretary, words, count):
    assert secretary.get(URL, {"q": words}).context["page"].paginator.count == count


@pytest.mark.parametrize("query", ["from=x&to=y", "meeting=x", "page=999", "from=2026-11-23&to=0001-01-01"])
def test_a_senseless_address_gives_way_to_today(school, secretary, query):
    response = secretary.get(f"{URL}?{query}")
    assert (response.status_code, len(response.context["rows"])) == (200, 1)


def test_open_meeting_refreshes_itself_and_the_fragment_equals_the_page(school, secretary):
    with scope(base=school.base):
        open_the_sign_in(school)
    page = secretary.get(chosen(school)).content.decode()
    url = f"{URL}/{school.meeting.uuid}?from=2026-11-23"
    fragment = secretary.get(url, headers={"HX-Request": "true"}).content.decode()
    assert f'data-live="/live/base" data-live-of="{school.meeting.uuid}"' in fragment
    assert f'<span data-counts="{school.meeting.uuid}" data-count="signed">0</span>' in fragment
    start = page.index('<section id="meeting"')
    whole = page[start : page.index("</section>", start) + len("</section>")]
    assert without_tokens(fragment) == without_tokens(whole)


def without_tokens(html):
    return [line for line in html.strip().splitlines() if "csrfmiddlewaretoken" not in line]


def test_fragment_opened_by_itself_leads_to_the_page(school, secretary):
    response = secretary.get(f"{URL}/{school.meeting.uuid}?from=2026-11-23")
    assert response.status_code == 303
    assert response["Location"] == (f"{URL}?from=2026-11-23&to=2026-11-23&show=all&meeting={school.meeting.uuid}")


def test_settle_then_validate(school, secretary, clock):
    with scope(base=school.base):
        roll_call = open_the_sign_in(school)
        sign(school, roll_call, "alice")
        bao = line_of(roll_call, school, "bao")
    clock.now = AFTER
    back = f"from=2026-11-23&show=all&meeting={school.meeting.uuid}"
    response = secretary.post(f"{URL}/lines/{bao.uuid}/settle", {"reason": "Telephone broken", "back": back})
    assert response.status_code == 303
    page = secretary.get(response["Location"])
    assert statuses(page)["Bao"] == "Regularised"
    assert "Telephone broken (Sylvie SIMON, 23/11/2026 12:16)" in page.content.decode()
    response = secretary.post(f"{URL}/{school.meeting.uuid}/validate", {"back": back})
    assert response.status_code == 303
    page = secretary.get(response["Location"])
    assert str(page.context["sheet"].state.text) == "Validated"
    assert "This class meeting is sealed" in page.content.decode()
    with scope(base=school.base):
        roll_call.refresh_from_db()
        assert (roll_call.validated_at, roll_call.validated_by) == (AFTER, school.secretary)


def test_settling_without_a_reason_is_refused_and_says_so(school, secretary, clock):
    with scope(base=school.base):
        bao = line_of(open_the_sign_in(school), school, "bao")
    clock.now = AFTER
    response = secretary.post(f"{URL}/lines/{bao.uuid}/settle", {"reason": "  "})
    assert (response.status_code, response.context["refusal"].code) == (400, "reason_missing")
    with scope(base=school.base):
        assert RollCallLine.objects.get(pk=bao.pk).settled_at is None


@pytest.mark.parametrize(("at", "code"), [(NOON, "window_still_open"), (AFTER, "lines_unsettled")])
def test_validation_is_refused_while_something_is_open(school, secretary, clock, at, code):
    with scope(base=school.base):
        roll_call = open_the_sign_in(school)
    clock.now = at
    response = secretary.post(f"{URL}/{school.meeting.uuid}/validate")
    assert (response.status_code, response.context["refusal"].code) == (409, code)
    assert response.context["choice"].meeting == school.meeting.uuid
    with scope(base=school.base):
        assert RollCall.objects.get(pk=roll_call.pk).validated_at is None


@pytest.fixture
def paths(school):
    with scope(base=school.base):
        line = line_of(open_the_sign_in(school), school, "bao")
    meeting = school.meeting.uuid
    return {
        "get": [URL, f"{URL}/{meeting}"],
        "post": [f"{URL}/lines/{line.uuid}/settle", f"{URL}/{meeting}/validate"],
    }


def test_without_the_right_403(school, clock, browser, paths):
    for person in [school.teacher.user, school.students["alice"].user]:
        client = browser(school, person)
        assert [client.get(url).status_code for url in paths["get"]] == [403, 403]
        assert [client.post(url).status_code for url in paths["post"]] == [403, 403]


def test_supervising_is_not_validating(school, clock, browser, paths):
    assert browser(school, school.director).post(paths["post"][1]).status_code == 403
    assert "does not include the right to validate" in (
        browser(school, school.director).get(chosen(school)).content.decode()
    )


def test_of_another_base_404(stranger, clock, browser, paths):
    client = browser(stranger, stranger.secretary)
    assert client.get(paths["get"][1], headers={"HX-Request": "true"}).status_code == 404
    assert client.get(f"{URL}?meeting={paths['get'][1].rpartition('/')[2]}").status_code == 404
    assert [client.post(url).status_code for url in paths["post"]] == [404, 404]


def test_wrong_method_405(secretary, paths):
    assert [secretary.post(url).status_code for url in paths["get"]] == [405, 405]
    assert [secretary.get(url).status_code for url in paths["post"]] == [405, 405]


def test_logged_out_leads_to_the_login(school, client):
    response = client.get(URL, headers={"host": "a.localhost"})
    assert (response.status_code, response["Location"]) == (302, f"/login?next={URL}")


def test_queries_do_not_grow_with_the_list(school, secretary):
    def counted():
        with CaptureQueriesContext(
            connection,
        ) as queries:
            secretary.get(chosen(school))
        return len(queries)

    with scope(base=school.base):
        sign(school, open_the_sign_in(school), "alice")
    one = counted()
    with scope(base=school.base):
        for hours in (3, 5):
            meeting = ClassMeeting.objects.create(
                base=school.base,
                course=school.meeting.course,
                room=school.meeting.room,
                starts_at=TEN + timedelta(hours=hours),
                ends_at=TEN + timedelta(hours=hours + 1),
            )
            meeting.teachers.set([school.teacher])
            school.meeting, first = meeting, school.meeting
            sign(school, open_the_sign_in(school, at=meeting.starts_at), "alice", at=meeting.starts_at)
            school.meeting = first
    assert counted() == one


def test_only_the_chosen_meeting_loads_its_drawings(school, secretary):
    def loading(url):
        with CaptureQueriesContext(connection) as queries:
            assert secretary.get(url).status_code == 200
        return sum('"drawing"' in query["sql"] for query in queries)

    with scope(base=school.base):
        sign(school, open_the_sign_in(school), "alice")
    assert (loading(f"{URL}?from=2026-11-23"), loading(chosen(school))) == (0, 2)


def test_the_list_refreshes_itself_without_the_sheet(school, secretary):
    with scope(base=school.base):
        open_the_sign_in(school)
    assert secretary.get(chosen(school)).context["sheet"] is not None
    listed = secretary.get(chosen(school), headers={"HX-Request": "true", "HX-Target": "meeting-list"})
    assert (listed.context["sheet"], texts(listed)) == (None, ["Open to sign-in"])
    assert f'<span data-counts="{school.meeting.uuid}" data-count="expected">2</span>' in listed.content.decode()
