import re
import unicodedata

_SPACES = re.compile(r"\s+")
_NOT_WORDS = re.compile(r"[\W_]+")
_INCLUSIVE = re.compile(r"[()·•.](?=(?:e|s|es|ne|ice|rice|trice)\b)|\)", re.IGNORECASE)
# Letters that Unicode does not decompose, and that people type without their stroke.
_STROKES = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "œ": "oe", "æ": "ae", "’": "'"})


def tidy(text: str) -> str:
    """The text in NFC, on one line, without space around nor double space."""
    return _SPACES.sub(" ", unicodedata.normalize("NFC", text)).strip()


def folded(text: str) -> str:
    """What two spellings of one name share: no case, no accent, words apart by one space."""
    small = unicodedata.normalize("NFKD", text).casefold().translate(_STROKES)
    small = unicodedata.normalize("NFKD", small)
    bare = "".join(character for character in small if not unicodedata.combining(character))
    return _NOT_WORDS.sub(" ", bare).strip()


def heading(text: str) -> str:
    """A heading or a label, folded, with inclusive endings joined to their word: « Né(e) le » is ``nee le``."""
    return folded(_INCLUSIVE.sub("", text))
