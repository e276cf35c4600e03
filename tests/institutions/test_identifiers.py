import pytest
from hypothesis import given
from hypothesis import strategies as st

from emarge.institutions.identifiers import (
    Family,
    Ine,
    WrongFormatError,
    base36_key,
    bea_key,
    looks_internal,
    masked,
    normalise,
    read_ine,
)

ten_digits = st.text("0123456789", min_size=10, max_size=10)
ten_signs = st.text("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=10, max_size=10)


@pytest.mark.parametrize(
    ("digits", "key"), [("1234567890", "V"), ("0412345678", "Z"), ("1111111111", "U"), ("0000000000", "A")]
)
def test_bea_keys_of_the_specification(digits, key):
    assert bea_key(digits) == key


@pytest.mark.parametrize(
    ("signs", "key"), [("0ABCDEFGHI", "6"), ("0EUQ1234AB", "1"), ("AAAAAAAAAA", "0"), ("A2B4C6D8E0", "0")]
)
def test_base36_keys_of_the_specification(signs, key):
    assert base36_key(signs) == key


@pytest.mark.parametrize(
    ("text", "family"),
    [
        ("111172107HG", Family.RNIE),
        ("1234567890V", Family.BEA),
        ("8079A35107V", Family.SIFA),
        ("3267D90797J", Family.PROVISIONAL),
        ("0ABCDEFGHI6", Family.BASE36),
    ],
)
def test_each_family_is_detected_with_a_right_key(text, family):
    assert read_ine(text) == Ine(text, family, key_is_right=True)


@pytest.mark.parametrize(("text", "family"), [("1521000847A", Family.BEA), ("0ABCDEFGHI5", Family.BASE36)])
def test_a_wrong_key_is_said(text, family):
    assert read_ine(text) == Ine(text, family, key_is_right=False)


@pytest.mark.parametrize(
    "text", ["", "FC-78183", "092657934K", "111172107HI", "1234567890I", "3267E90797J", "12345678901234", "été"]
)
def test_another_form_is_refused(text):
    with pytest.raises(WrongFormatError):
        read_ine(text)


def test_spaces_and_small_letters_are_put_right():
    assert read_ine(" 87706 5413ge").value == "877065413GE"
    assert read_ine("0965a\u00a058396t").value == "0965A58396T"


@given(ten_digits)
def test_every_bea_number_carries_its_key(digits):
    assert read_ine(digits + bea_key(digits)) == Ine(digits + bea_key(digits), Family.BEA, key_is_right=True)


@given(ten_signs)
def test_every_base36_number_with_its_key_is_right(signs):
    assert read_ine(signs + base36_key(signs)).key_is_right


@given(st.text(max_size=20))
def test_any_text_is_normalised_once_for_all_and_read_or_refused(text):
    assert normalise(normalise(text)) == normalise(text)
    try:
        ine = read_ine(text)
    except WrongFormatError:
        return
    assert read_ine(ine.value) == ine
    assert len(ine.value) == 11


@given(ten_digits, st.integers(0, 9), st.integers(1, 9))
def test_one_wrong_digit_of_a_bea_number_shows(digits, position, shift):
    wrong = digits[:position] + str((int(digits[position]) + shift) % 10) + digits[position + 1 :]
    assert not read_ine(wrong + bea_key(digits)).key_is_right


@pytest.mark.parametrize(
    ("text", "internal"),
    [
        ("FC-78183", True),
        ("fc 00217", True),
        ("2026-0012", True),
        ("092657934K", False),
        ("12345", False),
        ("1234567890V", False),
        ("FC", False),
    ],
)
def test_internal_numbers(text, internal):
    assert looks_internal(text) is internal


def test_an_identifier_is_masked_but_for_its_end():
    assert masked("111172107HG") == "•••••••07HG"
    assert masked("12") == "••"
