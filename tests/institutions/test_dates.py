from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emarge.institutions.dates import UnreadableDateError, month_comes_first, read_date

TODAY = date(2026, 11, 23)


@pytest.mark.parametrize(
    "text",
    [
        "21/07/2002",
        "21.07.2002",
        "21-07-2002",
        "2002-07-21",
        "2002/7/21",
        "20020721",
        "21 juillet 2002",
        "21 JUIL. 2002",
        "July 21, 2002",
        "2002-07-21 00:00:00",
        "2002-07-21T00:00:00Z",
        " 21/07/2002 ",
    ],
)
def test_one_date_in_many_writings(text):
    assert read_date(text, month_first=False, today=TODAY) == date(2002, 7, 21)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("21/07/02", "short_year"),
        ("31/02/2004", "impossible"),
        ("07/21/2002", "impossible"),
        ("24/11/2026", "future"),
        ("01/01/1899", "old"),
        ("37458", "unknown"),
        ("hier", "unknown"),
    ],
)
def test_an_uncertain_date_is_refused(text, code):
    with pytest.raises(UnreadableDateError) as refused:
        read_date(text, month_first=False, today=TODAY)
    assert refused.value.code == code


def test_a_column_that_can_only_be_month_first_is_read_so():
    column = ["07/21/2002", "01/02/2003", ""]
    assert month_comes_first(column)
    assert [read_date(text, month_first=True, today=TODAY) for text in column[:2]] == [
        date(2002, 7, 21),
        date(2003, 1, 2),
    ]


def test_a_column_with_both_orders_is_day_first():
    assert not month_comes_first(["07/21/2002", "21/07/2002"])
    assert not month_comes_first(["01/02/2003"])


@given(st.dates(date(1900, 1, 1), TODAY))
def test_every_date_comes_back(day):
    assert read_date(day.isoformat(), month_first=False, today=TODAY) == day
    assert read_date(f"{day:%d/%m/%Y}", month_first=False, today=TODAY) == day
