from collections.abc import Mapping
from typing import TypedDict

from emarge.attendance.rules import Method, Refusal
from emarge.attendance.texts import refused
from emarge.lib.refusal import Refused


class PostedSignature(TypedDict):
    """What the actions that sign take of a form (spaces/_signature_form.html); they check it."""

    method: Method
    drawing: str
    consent: bool
    typed_name: str


def posted_signature(data: Mapping[str, str]) -> PostedSignature:
    """Read a signature from a posted form. Refused: a method that we do not know."""
    method = data.get("method", "")
    if method not in {each.value for each in Method}:
        raise refused(Refusal.METHOD_UNKNOWN)
    return {
        "method": Method(method),
        "drawing": data.get("drawing", ""),
        "consent": "keyboard_consent" in data,
        "typed_name": data.get("typed_name", ""),
    }


def status_of(refusal: Refused | None) -> int:
    """The HTTP status of a page that shows a refusal: 400 for what was sent, 409 for the state of things."""
    if refusal is None:
        return 200
    return 400 if refusal.code in _MALFORMED else 409


_MALFORMED = {
    Refusal.METHOD_UNKNOWN.value,
    Refusal.CODE_WRONG.value,
    Refusal.CONSENT_MISSING.value,
    Refusal.DRAWING_EMPTY.value,
    Refusal.DRAWING_TOO_LARGE.value,
    Refusal.DRAWING_MALFORMED.value,
}
