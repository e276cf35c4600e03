import pytest
from hypothesis import given
from hypothesis import strategies as st

from emarge.proof.vault.log.ranges import Ranges

SETS = st.sets(st.integers(0, 1100), max_size=60)


@given(SETS, SETS)
def test_ranges_are_sets_of_indexes(some, others):
    one, two = Ranges.of(some), Ranges.of(others)
    assert list(one) == sorted(some)
    assert one.count == len(some)
    assert set(one | two) == some | others
    assert set(one - two) == some - others
    assert set(one & two) == some & others
    assert {index for index in range(1102) if index in one} == some
    assert Ranges.parse(one.text) == one
    assert (one == two) == (some == others)


@given(SETS)
def test_only_whole_bundles_are_bundles(spared):
    kept = Ranges.joined([(0, 1024)]) - Ranges.of(spared)
    whole = [number for number in range(4) if not spared & set(range(256 * number, 256 * number + 256))]
    assert list(kept.bundles) == [index for number in whole for index in range(256 * number, 256 * number + 256)]


def test_the_text_of_ranges():
    assert Ranges.of([0, 1, 2, 5, 9, 10]).text == "0-2 5 9-10"
    assert Ranges().text == "none"


@pytest.mark.parametrize("text", ["", "1 0", "0-2 2-4", "0-1 2", "3-3", "2-1", "01", "0 ", "0,1", "x", "none 1", "-1"])
def test_another_spelling_is_refused(text):
    with pytest.raises(ValueError, match="ranges"):
        Ranges.parse(text)
