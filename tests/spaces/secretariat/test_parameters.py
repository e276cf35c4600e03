import pytest
from django_scopes import scope

from emarge.attendance.models import Parameters
from emarge.institutions.models import InstitutionCode
from tests.attendance.journey import events

URL = "/secretariat/parameters"
POSTS = [f"{URL}/activate", f"{URL}/deactivate", f"{URL}/extension"]


@pytest.fixture
def secretary(school, clock, browser):
    return browser(school, school.secretary)


def kept(school) -> Parameters:
    with scope(base=school.base):
        return Parameters.objects.select_related("institution_code").get()


def deactivated(school):
    with scope(base=school.base):
        Parameters.objects.update(active=False, institution_code=None)


def test_page_offers_the_codes_of_the_account_only(school, stranger, secretary):
    response = secretary.get(URL)
    assert response.status_code == 200
    assert [code.code for code in response.context["codes"]] == ["École-a"]


def test_activation_with_an_existing_code(school, secretary):
    deactivated(school)
    response = secretary.post(f"{URL}/activate", {"code": str(school.code.pk)})
    assert (response.status_code, response["Location"]) == (303, URL)
    parameters = kept(school)
    assert (parameters.active, parameters.institution_code) == (True, school.code)
    with scope(base=school.base):
        assert events() == ["log.opened", "parameters.changed"]
    assert "active, with the institution code École-a" in secretary.get(URL).content.decode()


def test_activation_with_a_new_code_keeps_its_case_and_makes_it_nfc(school, secretary):
    deactivated(school)
    secretary.post(f"{URL}/activate", {"code": "new", "new_code": "  CFA Éluard / n°7 "})
    assert kept(school).institution_code.code == "CFA Éluard / n°7"
    assert InstitutionCode.objects.get(code="CFA Éluard / n°7").account == school.code.account
    secretary.post(f"{URL}/activate", {"code": "new", "new_code": "cfa éluard / n°7"})
    assert kept(school).institution_code.code == "cfa éluard / n°7"
    assert InstitutionCode.objects.count() == 3


@pytest.mark.parametrize(
    ("posted", "code"),
    [
        ({"code": "new", "new_code": " \t "}, "code_blank"),
        ({"code": "new", "new_code": "x" * 101}, "code_too_long"),
        ({"code": "new", "new_code": "a\x00b"}, "code_unprintable"),
        ({"code": "new", "new_code": "a\u202eb"}, "code_unprintable"),
        ({"code": "1", "new_code": "typed"}, "code_ambiguous"),
        ({"code": "999999"}, "code_missing"),
        ({"code": "nonsense"}, "code_missing"),
        ({}, "code_missing"),
    ],
)
def test_a_senseless_code_is_refused_and_nothing_is_written(school, secretary, posted, code):
    deactivated(school)
    response = secretary.post(f"{URL}/activate", posted)
    assert (response.status_code, response.context["refusal"].code) == (400, code)
    assert kept(school).active is False
    assert InstitutionCode.objects.count() == 1


def test_code_of_another_account_does_not_exist_here(school, stranger, secretary):
    response = secretary.post(f"{URL}/activate", {"code": str(stranger.code.pk)})
    assert response.context["refusal"].code == "code_missing"
    assert kept(school).institution_code == school.code


def test_deactivation(school, secretary):
    assert secretary.post(f"{URL}/deactivate").status_code == 303
    assert kept(school).active is False
    assert "Activate digital sign-in" in secretary.get(URL).content.decode()


@pytest.mark.parametrize(
    ("number", "unit", "minutes"),
    [("1", "minutes", 1), ("90", "minutes", 90), ("2", "hours", 120), ("10", "days", 14400)],
)
def test_extension(school, secretary, number, unit, minutes):
    response = secretary.post(f"{URL}/extension", {"number": number, "unit": unit})
    assert response.status_code == 303
    assert kept(school).extension_minutes == minutes


@pytest.mark.parametrize(
    ("minutes", "shown"), [(15, (15, "minutes")), (120, (2, "hours")), (90, (90, "minutes")), (2880, (2, "days"))]
)
def test_extension_shows_in_its_largest_whole_unit(school, secretary, minutes, shown):
    with scope(base=school.base):
        Parameters.objects.update(extension_minutes=minutes)
    context = secretary.get(URL).context
    assert (context["number"], context["unit"]) == shown


@pytest.mark.parametrize(
    ("number", "unit", "code"),
    [
        ("0", "minutes", "extension_out_of_range"),
        ("11", "days", "extension_out_of_range"),
        ("1.5", "hours", "extension_malformed"),
        ("-3", "minutes", "extension_malformed"),
        ("٣", "minutes", "extension_malformed"),
        ("9999999", "minutes", "extension_malformed"),
        ("5", "weeks", "extension_malformed"),
        ("", "", "extension_malformed"),
    ],
)
def test_extension_out_of_reason_is_refused(school, secretary, number, unit, code):
    response = secretary.post(f"{URL}/extension", {"number": number, "unit": unit})
    assert (response.status_code, response.context["refusal"].code) == (400, code)
    assert kept(school).extension_minutes == 15


def test_fingerprint_says_when_the_vault_does_not_answer(secretary, monkeypatch):
    monkeypatch.delenv("EMARGE_VAULT_URL", raising=False)
    response = secretary.get(f"{URL}/fingerprint")
    assert (response.status_code, response.context["anchors"]) == (200, None)
    assert "The vault does not answer" in response.content.decode()


def test_without_the_right_403(school, clock, browser):
    for person in [school.director, school.teacher.user, school.students["alice"].user]:
        client = browser(school, person)
        assert [client.get(url).status_code for url in [URL, f"{URL}/fingerprint"]] == [403, 403]
        assert [client.post(url).status_code for url in POSTS] == [403, 403, 403]


def test_wrong_method_405(secretary):
    assert [secretary.post(url).status_code for url in [URL, f"{URL}/fingerprint"]] == [405, 405]
    assert [secretary.get(url).status_code for url in POSTS] == [405, 405, 405]
