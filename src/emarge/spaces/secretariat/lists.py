"""The lists of courses and students with their flag (rows M3.1, M3.2): search, filter, pages, selection."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlencode
from uuid import UUID

from django.db.models import Model, QuerySet
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from emarge.lib.refusal import Refused
from emarge.spaces.secretariat.page import matching, pages_of

Row = TypeVar("Row", bound=Model)

# Not the subject of a course, which is another word in other languages.
FLAGS = {
    "all": _("All"),
    "yes": pgettext_lazy("whether a course or a student is subject to sign-in", "Subject"),
    "no": pgettext_lazy("whether a course or a student is subject to sign-in", "Not subject"),
}


@dataclass(frozen=True)
class Choice:
    """What a list shows, all of it in its address."""

    words: str
    flag: str
    page: str

    def query(self, **changes: Any) -> str:
        values = {"q": self.words, "flag": "" if self.flag == "all" else self.flag, "page": self.page}
        return urlencode({name: value for name, value in (values | changes).items() if value})


def choice_of(given: QueryDict, flags: dict[str, Any]) -> Choice:
    """What an address asks for; an unknown filter gives way to everything."""
    flag = given.get("flag", "all")
    return Choice(given.get("q", "")[:100].strip(), flag if flag in flags else "all", given.get("page", ""))


def listed(rows: QuerySet[Any], choice: Choice, text_of: Callable[[Any], str]) -> dict[str, Any]:
    """The page of a list, for its template."""
    items = matching(rows, choice.words, text_of) if choice.words else rows
    page, pages = pages_of(items, choice.page)
    return {
        "choice": choice,
        "page": page,
        "pages": [(number, choice.query(page=number)) for number in pages],
        "here": choice.query(),
    }


def selected(posted: QueryDict, rows: QuerySet[Row], found: Callable[[], list[Row]]) -> list[Row]:
    """The rows that a form speaks of: one row's own button, the ticked ones, or all that the search finds.

    Raises Refused when nothing is selected. A row of another base does not exist here, and is passed over.
    """
    if posted.get("scope") == "all" and "one" not in posted:
        return found()
    texts = posted.getlist("one") or posted.getlist("row")
    chosen = list(rows.filter(uuid__in=[uuid for uuid in map(_uuid, texts) if uuid is not None]))
    if not chosen:
        raise Refused("nothing_selected", _("Nothing is selected. Tick at least one row first."))
    return chosen


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
