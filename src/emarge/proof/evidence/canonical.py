"""Canonical JSON: RFC 8785 on a restricted profile, with the standard library only (docs/formats/record.md).

With ASCII keys the order of code points is the order of UTF-16 units that RFC 8785 asks for, and without
floats its number formatting is that of integers: ``json`` then writes the bytes of the RFC.
"""

import json
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any, NoReturn

from emarge.proof.evidence.errors import CanonicalError

MAX_INTEGER = 2**53 - 1
MAX_DEPTH = 16


def canonical(value: object) -> bytes:
    """Write a value of the profile as RFC 8785 bytes. Raises CanonicalError for any other value."""
    _check(value, MAX_DEPTH)
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"), sort_keys=True)
    return text.encode()


def parse_canonical(data: bytes) -> Any:
    """Read bytes written by ``canonical``. Raises CanonicalError for any other spelling of the same value."""
    try:
        value = json.loads(data.decode(), parse_float=_refuse_number, parse_constant=_refuse_number)
    except RecursionError as error:
        raise CanonicalError("nested too deeply") from error
    except UnicodeDecodeError as error:
        raise CanonicalError("not UTF-8") from error
    except json.JSONDecodeError as error:
        raise CanonicalError(f"not JSON: {error.msg} at character {error.pos}") from error
    except CanonicalError:
        raise
    except ValueError as error:  # an integer with thousands of digits
        raise CanonicalError("a number is out of range") from error
    if canonical(value) != data:
        raise CanonicalError("not in canonical form")
    return value


def _refuse_number(text: str) -> NoReturn:
    raise CanonicalError(f"not an integer: {text[:30]}")


def _check(value: object, depth: int) -> None:
    # Exact types: a subclass (an Enum, an IntFlag) could print as something else than it compares.
    kind = type(value)
    if kind is str:
        _check_text(value)  # type: ignore[arg-type]
    elif kind is int:
        if not -MAX_INTEGER <= value <= MAX_INTEGER:  # type: ignore[operator]
            raise CanonicalError("an integer is out of range")
    elif kind is dict:
        _check_keys(value)  # type: ignore[arg-type]
        _check_items(value.values(), depth)  # type: ignore[attr-defined]
    elif kind is list or kind is tuple:
        _check_items(value, depth)  # type: ignore[arg-type]
    elif value is not None and kind is not bool:
        raise CanonicalError(f"a {kind.__name__} has no canonical form here")


def _check_keys(fields: Mapping[object, object]) -> None:
    for key in fields:
        if type(key) is not str or not key.isascii():
            raise CanonicalError(f"a key is not an ASCII string: {key!r:.40}")


def _check_items(items: Iterable[object], depth: int) -> None:
    if depth == 0:
        raise CanonicalError("nested too deeply")
    for item in items:
        if type(item) is not str or not item.isascii():  # nearly everything is such a string
            _check(item, depth - 1)


def _check_text(text: str) -> None:
    if text.isascii():
        return
    if not unicodedata.is_normalized("NFC", text):
        raise CanonicalError("a string is not in Unicode normal form C")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise CanonicalError("a string holds a lone surrogate") from error
