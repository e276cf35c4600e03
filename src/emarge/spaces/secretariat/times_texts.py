"""The words of the pages about time: states, reasons, sources, checks."""

from typing import Any

from django.utils.formats import number_format
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from emarge.audit.authority import ClockState, Verdict
from emarge.audit.proofs import Checked

STATES: dict[str, tuple[str, Any]] = {
    ClockState.IN_SYNC: ("state-present", _("In sync")),
    ClockState.SOON_OUT_OF_SYNC: ("state-late", _("Soon out of sync")),
    ClockState.OUT_OF_SYNC: ("state-absent", _("Out of sync")),
    ClockState.UNKNOWN: ("", _("State of the clock unknown")),
}
REASONS: dict[str, Any] = {
    Verdict.AGREED: _("Two sources at least agree."),
    Verdict.HOLD_OVER: _("No external source is heard: the quartz of the machine alone carries the time, for a while."),
    Verdict.RETURNING: _("The sources are compared again: three good rounds in a row are awaited."),
    Verdict.NO_QUORUM: _("No two sources agree."),
    Verdict.TOO_WIDE: _("What the sources agree on is wider than the declared accuracy."),
    Verdict.OUTSIDE: _("The system clock is not within what the sources agree on."),
    Verdict.STEPPED: _("The system clock was set, by hand or by a program."),
    Verdict.QUARTZ_DISSENTS: _("The external sources agree, but the quartz contradicts them."),
    Verdict.HOLD_OVER_ENDED: _("No external source has been heard for too long: the quartz cannot carry the time on."),
    Verdict.NOT_REFRESHED: _("The sources have not been compared yet, or not lately."),
    Verdict.DECLARED: _("The system clock is declared trusted: no other source is compared with it."),
}
SOURCES: dict[str, Any] = {
    "gps": _("GPS receiver"),
    "internet": _("Internet time"),
    "quartz": _("Quartz of the machine"),
    "system clock": _("System clock of the machine"),
}
SOURCE_STATES: dict[str, tuple[str, Any]] = {
    "heard": ("state-present", _("Heard")),
    "excluded": ("state-absent", _("Excluded")),
    "imprecise": ("state-late", _("Too imprecise")),
    "silent": ("state-unsigned", _("Silent")),
    "expired": ("", _("Expired")),
    "declared": ("state-late", _("Declared")),
}
REFUSALS: dict[str, Any] = {
    "timeNotAvailable": _("the time was not certain"),
    "systemFailure": _("the disk did not keep the serial numbers"),
}
MIRRORS: dict[str, tuple[str, Any]] = {
    "held": ("state-sealed", _("Mirror: holds everything")),
    "behind": ("state-late", _("Mirror: behind, catching up")),
    "unavailable": ("state-unsigned", _("Mirror: does not answer")),
}
CHECKS: dict[Checked, tuple[str, Any]] = {
    Checked.GOOD: ("state-sealed", _("Checked now: good")),
    Checked.FALSE: ("state-absent", _("Checked now: FALSE")),
    Checked.NOT_MADE: ("state-waiting", _("Not checked")),
}


def state_of(word: str) -> tuple[str, Any]:
    """The look and the words of a state, as the authority or as a record writes it."""
    return STATES.get(word.replace("_", " "), STATES[ClockState.UNKNOWN])


def reason_of(word: str) -> Any:
    """Why the state is what it is; a reason of a later version stays as it came."""
    return REASONS.get(word, word)


def source_of(name: str) -> Any:
    """A source's name for people; one that is not known here keeps its own."""
    return SOURCES.get(name, name)


def names_of(sources: tuple[str, ...]) -> str:
    """Several sources, by their names for people."""
    return ", ".join(str(source_of(name)) for name in sources)


def milliseconds(value: float) -> str:
    """A distance from the system clock, with its sign and its unit."""
    rounded = round(value, 1)
    sign = "−" if rounded < 0 else "+"
    return gettext("%(number)s ms") % {"number": f"{sign}{number_format(abs(rounded), 1)}"}


def width(seconds: float) -> str:
    """Half of an interval, in milliseconds."""
    return gettext("± %(number)s ms") % {"number": number_format(round(seconds * 1000, 1), 1)}


def interval(pair: tuple[float, float] | None) -> str:
    """What a source says, from its earliest to its latest."""
    if pair is None:
        return "—"
    earliest, latest = pair
    return gettext("%(earliest)s to %(latest)s") % {"earliest": milliseconds(earliest), "latest": milliseconds(latest)}


def refusals(counts: dict[str, int]) -> list[tuple[Any, int]]:
    """Why tokens were refused, and how many: what is no fault of the time is one kind."""
    told: dict[str, int] = {}
    for word, count in counts.items():
        text = str(REFUSALS.get(word, _("the request was not in order")))
        told[text] = told.get(text, 0) + count
    return sorted(told.items())
