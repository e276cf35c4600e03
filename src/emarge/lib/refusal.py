"""A refusal is a value with a text, in the language of whoever is refused."""

from typing import Any


class Refused(Exception):  # noqa: N818 - a refusal is an answer, not an error of the program
    """Raised by an action: nothing was written. ``code`` never changes; ``text`` is translated when shown."""

    def __init__(self, code: str, text: Any) -> None:
        super().__init__(code)
        self.code = code
        self.text = text
