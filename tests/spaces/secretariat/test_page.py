import pytest
from django_scopes import scope

from emarge.accounts.models import Profile
from emarge.spaces.secretariat.page import folded, matching


@pytest.mark.parametrize(
    ("rights", "first"),
    [
        (["supervise", "edit_parameters"], "/secretariat/supervision"),
        (["edit_parameters"], "/secretariat/parameters"),
        (["approve_audit_trails"], "/secretariat/audit-trails"),
    ],
)
def test_home_is_the_first_screen_that_the_rights_open(school, browser, rights, first):
    with scope(base=school.base):
        Profile.objects.filter(name="secretary").update(rights=rights)
    response = browser(school, school.secretary).get("/secretariat/")
    assert (response.status_code, response["Location"]) == (302, first)


def test_home_without_any_right_403(school, browser):
    assert browser(school, school.teacher.user).get("/secretariat/").status_code == 403


def test_tabs_are_those_of_the_rights(school, browser):
    response = browser(school, school.director).get("/secretariat/supervision")
    assert [tab.name for tab in response.context["tabs"]] == ["supervision", "anomalies", "audit_trails", "retention"]


@pytest.mark.parametrize(("text", "plain"), [("ÉLISE", "elise"), ("Œuvre", "œuvre"), ("ŁUKASZ", "łukasz")])
def test_folded(text, plain):
    assert folded(text) == plain


def test_matching_needs_every_word():
    assert matching(["Alice Adam", "Ádam Bao"], "adam a", str) == ["Alice Adam", "Ádam Bao"]
    assert matching(["Alice Adam", "Ádam Bao"], "adam bao", str) == ["Ádam Bao"]
