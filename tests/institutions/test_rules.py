from datetime import date

import pytest

from emarge.institutions.rules import Lack, lacks
from emarge.institutions.texts import LACK_TEXTS


@pytest.mark.parametrize(
    ("identifier", "birth_on", "lack"),
    [
        ("111172107HG", date(2005, 1, 1), []),
        ("", date(2005, 1, 1), [Lack.IDENTIFIER]),
        ("111172107HG", None, [Lack.BIRTH_DATE]),
        ("", None, [Lack.IDENTIFIER, Lack.BIRTH_DATE]),
    ],
)
def test_what_a_student_lacks_to_be_subject_to_sign_in(identifier, birth_on, lack) -> None:
    assert lacks(identifier, birth_on) == lack


def test_everything_that_may_lack_has_its_words() -> None:
    assert set(LACK_TEXTS) == set(Lack)
