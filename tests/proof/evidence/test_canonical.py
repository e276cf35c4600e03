import json
import unicodedata

import orjson
import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from emarge.proof.evidence.canonical import MAX_INTEGER, canonical, parse_canonical
from emarge.proof.evidence.errors import CanonicalError

# Every string of the profile: NFC, without surrogates. Hypothesis' "Cs" are the surrogates.
texts = st.text(st.characters(exclude_categories=["Cs"])).map(lambda text: unicodedata.normalize("NFC", text))
keys = st.text(st.characters(max_codepoint=127))
scalars = st.none() | st.booleans() | st.integers(-MAX_INTEGER, MAX_INTEGER) | texts
values = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(keys, inner), max_leaves=20)


@given(values)
def test_two_other_implementations_write_the_same_bytes(value):
    data = canonical(value)
    assert data == rfc8785.dumps(value)
    assert data == orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


@given(values)
def test_reading_gives_the_value_back(value):
    assert parse_canonical(canonical(value)) == value


@given(values)
def test_any_other_spelling_is_refused(value):
    data = canonical(value)
    for spelling in (json.dumps(value, indent=1).encode(), b" " + data, data + b"\n", b"\xef\xbb\xbf" + data):
        if spelling != data:
            with pytest.raises(CanonicalError):
                parse_canonical(spelling)


@given(st.binary())
def test_any_bytes_are_refused_or_canonical(data):
    try:
        value = parse_canonical(data)
    except CanonicalError:
        return
    assert canonical(value) == data


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.0, "a float has no canonical form here"),
        ({"a": b"b"}, "a bytes has no canonical form here"),
        ([MAX_INTEGER + 1], "an integer is out of range"),
        (-MAX_INTEGER - 1, "an integer is out of range"),
        ({"é": 1}, "a key is not an ASCII string: 'é'"),
        ({1: 1}, "a key is not an ASCII string: 1"),
        ("e\u0301", "a string is not in Unicode normal form C"),
        ("\ud800", "a string holds a lone surrogate"),
    ],
)
def test_what_is_not_of_the_profile_is_refused(value, text):
    with pytest.raises(CanonicalError) as caught:
        canonical(value)
    assert str(caught.value) == text


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", "not JSON: Expecting value at character 0"),
        (b"\xff", "not UTF-8"),
        (b"1.5", "not an integer: 1.5"),
        (b"1e3", "not an integer: 1e3"),
        (b"NaN", "not an integer: NaN"),
        (b"9007199254740992", "an integer is out of range"),
        (b"1" * 5000, "a number is out of range"),
        (b"-0", "not in canonical form"),
        (b'{"a":1,"a":1}', "not in canonical form"),
        (b'{"b":1,"a":1}', "not in canonical form"),
        (b'"\\u00e9"', "not in canonical form"),
        (b"[" * 100_000, "nested too deeply"),
        (b"[" * 17 + b"]" * 17, "nested too deeply"),
    ],
)
def test_bytes_that_are_not_canonical_are_refused(data, text):
    with pytest.raises(CanonicalError) as caught:
        parse_canonical(data)
    assert str(caught.value) == text


def test_sixteen_levels_are_allowed():
    assert canonical(parse_canonical(b"[" * 16 + b"]" * 16)) == b"[" * 16 + b"]" * 16
