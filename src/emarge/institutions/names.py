"""Names of people as files write them. Standard library and lib only."""

from emarge.lib.words import folded, tidy

_PARTICLES = {
    "de",
    "du",
    "des",
    "d",
    "la",
    "le",
    "van",
    "von",
    "der",
    "den",
    "el",
    "al",
    "ben",
    "da",
    "dos",
    "di",
}
_CIVILITIES = {
    "m",
    "mr",
    "mme",
    "mlle",
    "monsieur",
    "madame",
    "mademoiselle",
    "mrs",
    "ms",
    "dr",
    "pr",
    "prof",
}


def name_key(*parts: str) -> str:
    """What makes two spellings one name: the words, folded, in any order."""
    words = folded(" ".join(parts)).split()
    while len(words) > 1 and words[0] in _CIVILITIES:
        words = words[1:]
    return " ".join(sorted(words))


def split_full_name(text: str, *, first_name_first: bool) -> tuple[str, str, bool]:
    """Last name, first name, and whether the cut is certain.

    Capitals tell the last name, else a comma, else the order of the heading. The first name is empty when there is
    one word only.
    """
    words = tidy(text).split()
    if len(words) > 2 and folded(words[0]) in _CIVILITIES:  # noqa: PLR2004 - two words must be left
        words = words[1:]
    joined = " ".join(words)
    if joined.count(",") == 1:
        last, first = (part.strip() for part in joined.split(","))
        return last, first, True
    capitals = _capitals(words)
    if capitals is not None:
        last = " ".join(words[capitals])
        rest = words[: capitals.start] if capitals.start else words[capitals.stop :]
        return last, " ".join(rest), True
    if len(words) < 2:  # noqa: PLR2004 - a full name has two words
        return joined, "", True
    if first_name_first:
        return " ".join(words[1:]), words[0], len(words) == 2  # noqa: PLR2004
    return _last_name_first(words)


def _last_name_first(words: list[str]) -> tuple[str, str, bool]:
    """« De La Tour Marie »: the particles belong to the last name."""
    cut = 1
    while cut < len(words) - 1 and folded(words[cut - 1]) in _PARTICLES:
        cut += 1
    return " ".join(words[:cut]), " ".join(words[cut:]), len(words) - cut == 1


def _capitals(words: list[str]) -> slice | None:
    """The run of words in capitals at one end, the other end being in another case."""
    loud = [word.upper() == word and any(c.isalpha() for c in word) and len(word.strip(".")) > 1 for word in words]
    if not any(loud) or all(loud):
        return None
    if loud[0]:
        return slice(0, loud.index(False))
    if loud[-1]:
        quiet = len(loud) - loud[::-1].index(False)
        while quiet > 1 and folded(words[quiet - 1]) in _PARTICLES:
            quiet -= 1
        return slice(quiet, len(words))
    return None
