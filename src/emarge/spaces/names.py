import unicodedata
from collections.abc import Iterable

from emarge.attendance.models import RollCallLine


def alphabetical(lines: Iterable[RollCallLine]) -> list[RollCallLine]:
    """Lines in the order in which people look for a name: É stands with E, unlike in the database."""
    return sorted(lines, key=lambda line: (_plain(line.last_name), _plain(line.first_name), line.pk))


def _plain(name: str) -> str:
    letters = unicodedata.normalize("NFKD", name)
    return "".join(letter for letter in letters if not unicodedata.combining(letter)).casefold()
