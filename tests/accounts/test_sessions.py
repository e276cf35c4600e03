from datetime import datetime, timedelta

import pytest
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from emarge.accounts.actions import forget_ended_sessions, set_password
from emarge.accounts.session_store import AT_MOST, KEPT_FOR, RENEWED_AFTER
from emarge.accounts.sessions import users_of
from tests.cast import PASSWORD, School, make_school

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
PAGE = "/student/"


class Clock:
    """The server's time, which a test moves on."""

    def __init__(self) -> None:
        self.at = timezone.now()

    def now(self) -> datetime:
        return self.at


@pytest.fixture
def clock(monkeypatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(timezone, "now", clock.now)
    return clock


@pytest.fixture
def school() -> School:
    return make_school()


def phone(login="alice", **more) -> Client:
    client = Client(headers={"host": "a.localhost"})
    assert client.post("/login", {"username": login, "password": PASSWORD, **more}).status_code == 302
    return client


def key_of(client: Client) -> str:
    return client.cookies["sessionid"].value


def with_key(key: str) -> Client:
    client = Client(headers={"host": "a.localhost"})
    client.cookies["sessionid"] = key
    return client


def test_a_session_lasts_twelve_hours_unless_the_box_is_ticked(school, clock):
    page = Client(headers={"host": "a.localhost"}).get("/login").content.decode()
    assert 'name="stay"' in page
    assert "checked" not in page
    client = phone()
    assert client.cookies["sessionid"]["max-age"] == 12 * 3600
    clock.at += timedelta(hours=11)
    assert client.get(PAGE).status_code == 200
    clock.at += timedelta(hours=2)
    assert client.get(PAGE).status_code == 302


def test_a_students_phone_stays_logged_in_as_long_as_it_is_used(school, clock):
    client = phone(stay="on")
    cookie = client.cookies["sessionid"]
    assert (cookie["max-age"], cookie["httponly"], cookie["samesite"]) == (KEPT_FOR.days * 86_400, True, "Lax")
    for _ in range(4):
        clock.at += KEPT_FOR - DAY
        assert client.get(PAGE).status_code == 200
        assert client.cookies["sessionid"]["max-age"] == KEPT_FOR.days * 86_400
    clock.at += KEPT_FOR + DAY
    assert client.get(PAGE).status_code == 302


def test_no_use_keeps_a_phone_beyond_a_year(school, clock):
    client, since = phone(stay="on"), clock.at
    while clock.at + 30 * DAY < since + AT_MOST:
        clock.at += 30 * DAY
        assert client.get(PAGE).status_code == 200
    clock.at = since + AT_MOST
    assert client.get(PAGE).status_code == 302


@pytest.mark.parametrize("login", ["thomas", "sylvie", "denis"])
def test_whoever_holds_rights_is_never_kept(school, login):
    assert phone(login, stay="on").cookies["sessionid"]["max-age"] == 12 * 3600


def test_the_key_changes_once_a_day_and_the_old_one_ends_a_day_later(school, clock):
    client = phone(stay="on")
    first = key_of(client)
    clock.at += RENEWED_AFTER - timedelta(minutes=1)
    client.get(PAGE)
    assert key_of(client) == first
    clock.at += timedelta(minutes=2)
    client.get(PAGE, headers={"hx-request": "true"})
    assert key_of(client) == first
    client.get(PAGE)
    second = key_of(client)
    assert second != first
    clock.at += DAY - timedelta(minutes=1)
    lost = with_key(first)  # the answer with the new key never came
    assert lost.get(PAGE).status_code == 200
    assert key_of(lost) not in {first, second}
    clock.at += timedelta(minutes=2)
    assert with_key(first).get(PAGE).status_code == 302
    assert client.get(PAGE).status_code == 200


def test_a_new_password_closes_every_phone_and_the_lean_path_too(school, clock):
    client = phone(stay="on")
    student = school.students["alice"].user
    assert users_of([key_of(client)], school.base.pk) == {key_of(client): student.pk}
    set_password(student, "another long secret")
    assert client.get(PAGE).status_code == 302
    assert users_of([key_of(client)], school.base.pk) == {}


def test_a_kept_session_counts_on_the_lean_path_for_its_whole_time(school, clock):
    client = phone(stay="on")
    clock.at += KEPT_FOR - DAY
    assert list(users_of([key_of(client)], school.base.pk)) == [key_of(client)]
    clock.at += 2 * DAY
    assert users_of([key_of(client)], school.base.pk) == {}


def test_a_logout_ends_the_key_before_it_too(school, clock):
    client = phone(stay="on")
    first = key_of(client)
    clock.at += DAY
    client.get(PAGE)
    assert Session.objects.count() == 2
    client.post("/logout")
    assert Session.objects.count() == 0
    assert with_key(first).get(PAGE).status_code == 302


def test_sessions_that_ended_are_forgotten(school, clock):
    phone()
    client = phone(stay="on")
    clock.at += DAY
    forget_ended_sessions()
    assert [row.session_key for row in Session.objects.all()] == [key_of(client)]
