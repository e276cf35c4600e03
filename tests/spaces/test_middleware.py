import pytest
from django.db import connection
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.urls import path

from emarge.accounts.middleware import open_to_all
from emarge.accounts.models import User
from emarge.hosting.models import HostingAccount
from emarge.spaces.context import return_address
from emarge.spaces.middleware import WriteInReadError
from emarge.spaces.notices import notice
from emarge.urls import handler404, handler500  # noqa: F401 - Django reads the handlers of this URL configuration
from emarge.urls import urlpatterns as own
from tests.cast import make_school

pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]


@open_to_all
def write(request):
    HostingAccount.objects.create(name="written")
    return HttpResponse("written")


@open_to_all
def write_by_hand(request):
    with connection.cursor() as cursor:
        cursor.execute("/* hidden */ DELETE FROM hosting_hostingaccount")
    return HttpResponse("written")


@open_to_all
def write_behind_with(request):
    with connection.cursor() as cursor:
        cursor.execute("WITH gone AS (SELECT 1) UPDATE hosting_hostingaccount SET name = 'gone'")
    return HttpResponse("written")


@open_to_all
def say(request):
    notice(request, "It is done.")
    notice(request, "And this too.")
    return HttpResponse("said")


@open_to_all
def break_down(request):
    raise RuntimeError("broken")


urlpatterns = [
    path("test/write", write),
    path("test/write-by-hand", write_by_hand),
    path("test/write-behind-with", write_behind_with),
    path("test/say", say),
    path("test/break", break_down),
    *own,
]


@pytest.fixture
def client() -> Client:
    make_school()
    return Client(headers={"host": "a.localhost"})


def test_nothing_inline_and_nothing_from_elsewhere(client):
    response = client.get("/login")
    assert response["Content-Security-Policy"] == (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
        "connect-src 'self'; manifest-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    )
    assert response["X-Frame-Options"] == "DENY"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Referrer-Policy"] == "same-origin"
    assert response["Permissions-Policy"] == "camera=(), geolocation=(), microphone=()"


def test_the_browser_keeps_no_page_but_keeps_the_files_of_the_front_end(client):
    page, file = client.get("/nowhere"), client.get("/static/brand/mark.svg")
    assert page["Cache-Control"] == "no-store"
    assert (file["Cache-Control"], file.getvalue()[:4]) == ("max-age=3600, public", b"<svg")


def test_a_static_file_carries_the_policy_too(client):
    response = client.get("/static/brand/mark.svg")
    assert (response.status_code, response["Content-Security-Policy"][:18]) == (200, "default-src 'none'")
    assert response.getvalue()[:4] == b"<svg"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("method", ["get", "head"])
@pytest.mark.parametrize("address", ["/test/write", "/test/write-by-hand", "/test/write-behind-with"])
def test_a_get_that_writes_is_refused(client, address, method):
    with pytest.raises(WriteInReadError):
        getattr(client, method)(address)
    assert list(HostingAccount.objects.values_list("name", flat=True)) == ["Account a"]


def test_a_post_may_write(client):
    assert client.post("/test/write").content == b"written"
    assert HostingAccount.objects.filter(name="written").count() == 1


def test_a_fault_of_ours_is_a_page_of_ours(client):
    client.raise_request_exception = False
    response = client.get("/test/break")
    assert (response.status_code, response.templates[0].name) == (500, "errors/500.html")


def test_notices_show_once_in_the_order_said(client):
    client.post("/test/say")
    notices = ["It is done.", "And this too."]
    first, second = client.get("/login").content.decode(), client.get("/login").content.decode()
    assert [first.count(text) for text in notices] == [1, 1]
    assert first.index(notices[0]) < first.index(notices[1])
    assert [second.count(text) for text in notices] == [0, 0]


def test_a_notice_is_text_and_never_markup(client):
    session = client.session
    session["notices"] = ["<b>bold</b>"]
    session.save()
    assert "&lt;b&gt;bold&lt;/b&gt;" in client.get("/login").content.decode()


@pytest.mark.parametrize(
    ("method", "referrer", "address"),
    [
        ("get", None, "/test/say?a=1"),
        ("post", "http://a.localhost/teacher/?week=2", "/teacher/?week=2"),
        ("post", "http://a.localhost/teacher/", "/teacher/"),
        ("post", "https://evil.example/teacher/", "/"),
        ("post", None, "/"),
    ],
)
def test_a_page_comes_back_to_an_address_that_a_get_may_open(method, referrer, address):
    headers = {"host": "a.localhost"} | ({"referer": referrer} if referrer else {})
    request = getattr(RequestFactory(), method)("/test/say?a=1", headers=headers)
    assert return_address(request) == address


def test_the_shell_names_the_person_and_the_base(client):
    client.force_login(User.objects.get(login="sylvie"))
    page = client.get("/nowhere").content.decode()
    assert '<span class="topbar-name d-none d-sm-inline">Sylvie SIMON</span>' in page
    assert '<span class="d-sm-none">Sylvie SIMON</span>' in page
    assert '<span class="d-none d-sm-inline">2026-2027</span>' in page
