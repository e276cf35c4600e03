import pytest
from django.test import Client
from django_scopes import scope

from emarge.accounts.models import Profile, Right
from tests.cast import School, make_school

pytestmark = pytest.mark.django_db


@pytest.fixture
def school() -> School:
    return make_school()


def client_of(user=None) -> Client:
    client = Client(headers={"host": "a.localhost"})
    if user:
        client.force_login(user)
    return client


def test_a_teacher_goes_to_the_timetable(school):
    assert client_of(school.teacher.user).get("/")["Location"] == "/teacher/"


def test_a_student_goes_to_the_student_space(school):
    assert client_of(school.students["alice"].user).get("/")["Location"] == "/student/"


def test_staff_go_to_the_secretariat(school):
    assert client_of(school.secretary).get("/")["Location"] == "/secretariat/"


@pytest.mark.parametrize(
    ("right", "address"),
    [
        (Right.SUPERVISE, "/secretariat/supervision"),
        (Right.EDIT_PARAMETERS, "/secretariat/parameters"),
        (Right.EDIT_SUBJECTION, "/secretariat/courses"),
        (Right.REQUEST_AUDIT_TRAILS, "/secretariat/audit-trails"),
        (Right.APPROVE_AUDIT_TRAILS, "/secretariat/audit-trails"),
        (Right.CONSULT_HISTORIES, "/secretariat/history"),
        (Right.MANAGE_RETENTION, "/secretariat/retention"),
        (Right.APPROVE_DESTRUCTIONS, "/secretariat/retention"),
    ],
)
def test_staff_come_to_what_their_right_opens(school, right, address):
    with scope(base=school.base):
        school.secretary.profile = Profile.objects.create(base=school.base, name="x", rights=[right.value])
        school.secretary.save()
    response = client_of(school.secretary).get("/", follow=True)
    assert [step for step, _status in response.redirect_chain] == ["/secretariat/", address]
    assert response.status_code == 200


def test_a_right_that_opens_no_screen_gives_no_space(school):
    with scope(base=school.base):
        only = Profile.objects.create(base=school.base, name="x", rights=[Right.VALIDATE_MEETINGS.value])
        school.secretary.profile = only
        school.secretary.save()
    assert client_of(school.secretary).get("/").templates[0].name == "home.html"


def test_who_has_no_space_is_told_whom_to_ask(school):
    with scope(base=school.base):
        school.secretary.profile = None
        school.secretary.save()
    response = client_of(school.secretary).get("/")
    assert (response.status_code, response.templates[0].name) == (200, "home.html")
    assert "You are logged in as sylvie" in response.content.decode()


def test_who_has_two_spaces_may_change(school):
    with scope(base=school.base):
        school.teacher.user.profile = school.secretary.profile
        school.teacher.user.save()
    page = client_of(school.teacher.user).get("/teacher/")
    assert [(each.key, each.url) for each in page.context["spaces"]] == [
        ("teachers", "/teacher/"),
        ("secretariat", "/secretariat/"),
    ]
    assert '<a class="btn btn-link" href="/secretariat/">Secretariat space</a>' in page.content.decode()


def test_home_answers_no_post(school):
    assert client_of(school.secretary).post("/").status_code == 405


def test_the_language_stays_and_the_page_comes_back(school):
    client = client_of()
    assert '<html lang="en">' in client.get("/login").content.decode()
    response = client.post("/language", {"language": "fr", "next": "/login?next=/teacher/"})
    assert (response.status_code, response["Location"]) == (303, "/login?next=/teacher/")
    assert '<html lang="fr">' in client.get("/login").content.decode()


def test_the_language_of_the_browser_comes_first(school):
    page = Client(headers={"host": "a.localhost", "accept-language": "fr-FR,fr;q=0.9"}).get("/login")
    assert '<html lang="fr">' in page.content.decode()


def test_the_language_leads_to_no_other_site(school):
    response = client_of().post("/language", {"language": "fr", "next": "https://evil.example/"})
    assert response["Location"] == "/"


@pytest.mark.parametrize("code", ["", "xx", "de", "../fr"])
def test_a_language_that_we_do_not_speak_is_refused(school, code):
    response = client_of().post("/language", {"language": code})
    assert (response.status_code, "django_language" in response.cookies) == (400, False)


def test_the_language_changes_by_post_alone(school):
    assert client_of().get("/language").status_code == 405


def test_an_address_that_leads_nowhere_is_a_page_of_ours(school):
    response = client_of(school.secretary).get("/nowhere")
    assert (response.status_code, response.templates[0].name) == (404, "errors/404.html")


def test_a_host_without_a_base_says_so():
    response = Client(headers={"host": "z.localhost"}).get("/login")
    assert (response.status_code, response.templates[0].name) == (404, "hosting/no_base.html")
