import pytest
from django.test import Client

from tests.cast import make_school

pytestmark = pytest.mark.django_db


def test_a_page_leads_a_stranger_to_the_login_and_back():
    make_school()
    response = Client(headers={"host": "a.localhost"}).get("/?week=3")
    assert (response.status_code, response["Location"]) == (302, "/login?next=/%3Fweek%3D3")


def test_a_fragment_reloads_the_page_of_a_stranger():
    make_school()
    response = Client(headers={"host": "a.localhost", "hx-request": "true"}).get("/")
    assert (response.status_code, response["HX-Refresh"]) == (401, "true")


def test_a_session_of_another_base_opens_nothing():
    a, _b = make_school("a"), make_school("b")
    client = Client(headers={"host": "b.localhost"})
    client.force_login(a.secretary)
    response = client.get("/")
    assert (response.status_code, response["Location"]) == (302, "/login?next=/")


def test_a_session_ends_with_its_user():
    a = make_school()
    client = Client(headers={"host": "a.localhost"})
    client.force_login(a.secretary)
    a.secretary.is_active = False
    a.secretary.save()
    assert client.get("/").status_code == 302
