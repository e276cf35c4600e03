import pytest
from axes.models import AccessAttempt
from django.test import Client

from tests.cast import PASSWORD, School, make_school

pytestmark = pytest.mark.django_db


@pytest.fixture
def school() -> School:
    return make_school()


def browser(name="a", address="127.0.0.1", **headers) -> Client:
    return Client(headers={"host": f"{name}.localhost", **headers}, REMOTE_ADDR=address)


def attempt(client: Client, login="sylvie", password=PASSWORD, **more):
    return client.post("/login", {"username": login, "password": password, **more})


def test_login_opens_the_home_page(school):
    client = browser()
    response = attempt(client)
    assert (response.status_code, response["Location"]) == (302, "/")
    assert client.session["_auth_user_id"] == str(school.secretary.pk)


def test_login_ignores_case_and_blanks_around(school):
    assert attempt(browser(), " Sylvie ").status_code == 302


def test_login_of_another_school_is_unknown(school):
    make_school("b")
    client = browser("b")
    attempt(client)
    assert client.session["_auth_user_id"] != str(school.secretary.pk)


@pytest.mark.parametrize(("login", "password"), [("sylvie", "wrong"), ("nobody", PASSWORD)])
def test_what_fails_is_said_in_one_way(school, login, password):
    response = attempt(browser(), login, password)
    assert response.status_code == 400
    assert [str(each) for each in response.context["form"].non_field_errors()] == [
        "This login and this password do not go together."
    ]
    assert "value=" + f'"{password}"' not in response.content.decode()


def test_somebody_made_inactive_is_refused(school):
    school.secretary.is_active = False
    school.secretary.save()
    assert attempt(browser()).status_code == 400


@pytest.mark.parametrize("fields", [{}, {"username": "sylvie"}, {"username": "x" * 255, "password": "y"}])
def test_a_form_badly_filled_is_refused_with_its_fields_marked(school, fields):
    response = browser().post("/login", fields)
    assert response.status_code == 400
    assert set(response.context["form"].errors) <= {"username", "password"}
    assert response.context["form"].errors != {}


def test_the_session_key_changes_at_login(school):
    client = browser()
    client.get("/login")
    session = client.session
    session["before"] = 1
    session.save()
    before = session.session_key
    client.cookies["sessionid"] = before
    attempt(client)
    assert client.session.session_key != before
    assert not client.session.exists(before)


@pytest.mark.parametrize(
    ("address", "target"),
    [
        ("/student/sign-ins?open=1", "/student/sign-ins?open=1"),
        ("http://a.localhost/student/", "http://a.localhost/student/"),
        ("https://evil.example/", "/"),
        ("//evil.example/", "/"),
        ("javascript:alert(1)", "/"),
        ("", "/"),
    ],
)
def test_next_leads_only_to_our_own_host(school, address, target):
    assert attempt(browser(), next=address)["Location"] == target


def test_the_form_keeps_next_and_says_what_browsers_may_fill(school):
    page = browser().get("/login", {"next": "/teacher/"}).content.decode()
    assert '<input type="hidden" name="next" value="/teacher/">' in page
    assert 'autocomplete="username"' in page
    assert 'autocomplete="current-password"' in page


def test_who_is_logged_in_goes_home(school):
    client = browser()
    client.force_login(school.secretary)
    response = client.get("/login")
    assert (response.status_code, response["Location"]) == (302, "/")


def test_login_needs_the_token_of_its_own_form(school):
    client = Client(headers={"host": "a.localhost"}, enforce_csrf_checks=True)
    response = attempt(client)
    assert response.status_code == 403
    assert response.templates[0].name == "errors/csrf.html"
    assert "_auth_user_id" not in client.session


def test_ten_failures_lock_the_pair_of_login_and_address(school):
    client = browser()
    statuses = [attempt(client, password="wrong").status_code for _ in range(11)]
    assert statuses == [400] * 9 + [429] * 2
    refused = attempt(client)  # even the right password, while the lock holds
    assert refused.status_code == 429
    assert "<h1>Too many attempts</h1>" in refused.content.decode()
    assert "_auth_user_id" not in client.session
    assert attempt(browser(**{"user-agent": "another"})).status_code == 429
    assert attempt(browser(), "SYLVIE ").status_code == 429
    assert attempt(browser(), "denis").status_code == 302
    assert attempt(browser(address="127.0.0.2")).status_code == 302


def test_the_lock_of_one_school_is_not_that_of_another(school):
    make_school("b")
    for _ in range(10):
        attempt(browser(), password="wrong")
    assert attempt(browser("b")).status_code == 302


def test_a_success_forgets_the_failures(school):
    client = browser()
    for _ in range(9):
        attempt(client, password="wrong")
    assert attempt(client).status_code == 302
    assert [attempt(browser(), password="wrong").status_code for _ in range(9)] == [400] * 9


def test_what_is_kept_of_a_failure_names_nobody(school):
    attempt(browser(), "sylvie", "a password typed wrong")
    kept = AccessAttempt.objects.values_list("username", "post_data", "get_data").get()
    assert [word for word in ("sylvie", "typed wrong") if any(word in text for text in kept)] == []


def test_logout_closes_the_session_by_post_alone(school):
    client = browser()
    client.force_login(school.secretary)
    assert client.get("/logout").status_code == 405
    assert "_auth_user_id" in client.session
    response = client.post("/logout")
    assert (response.status_code, response["Location"]) == (302, "/login")
    assert "_auth_user_id" not in client.session


def test_login_answers_no_other_method(school):
    assert [getattr(browser(), method)("/login").status_code for method in ("put", "delete", "patch")] == [405] * 3


def test_who_waited_in_vain_is_asked_to_try_again_and_nothing_is_hashed(school):
    client = browser()
    answer = client.post("/login", {"username": "sylvie", "password": PASSWORD}, headers={"x-emarge-busy": "1"})
    assert answer.status_code == 503
    assert "Too many people are logging in at this moment." in answer.content.decode()
    assert 'value="sylvie"' in answer.content.decode()
    assert "_auth_user_id" not in client.session
