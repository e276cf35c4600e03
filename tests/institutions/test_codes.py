import pytest

from emarge.institutions.codes import codes_of, find_or_create_code, normalise_label
from emarge.institutions.models import InstitutionCode
from emarge.lib.refusal import Refused
from tests.cast import make_school


def test_a_label_is_trimmed_and_composed_and_keeps_its_case():
    assert normalise_label("  E\u0301cole n°7 ") == "École n°7"


@pytest.mark.parametrize(
    ("text", "code"),
    [("", "code_blank"), ("x" * 101, "code_too_long"), ("a\u200bb", "code_unprintable"), ("a\nb", "code_unprintable")],
)
def test_a_label_that_cannot_be_kept_is_refused(text, code):
    with pytest.raises(Refused) as caught:
        normalise_label(text)
    assert caught.value.code == code


@pytest.mark.django_db
def test_a_label_makes_one_code_of_the_account_whose_log_says_nothing():
    school, other = make_school(), make_school("b")
    account = school.code.account
    assert find_or_create_code(account, "École-a") == school.code
    made = find_or_create_code(account, "école-a")
    assert find_or_create_code(account, "école-a") == made
    assert (len(made.log), made.log.isalnum()) == (32, True)
    assert find_or_create_code(other.code.account, "École-a") != school.code
    assert [code.code for code in codes_of(school.base)] == ["École-a", "école-a"]
    assert InstitutionCode.objects.count() == 4
