"""The picture of the clock's last day, drawn here as SVG: what each source said, and the state that came of it.

Colours never speak alone: what is excluded or out of sync is hatched, what is soon out of sync is half as high. The
page that shows the picture tells the same in a table.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise

from django.utils.formats import date_format
from django.utils.html import escape
from django.utils.timezone import localtime
from django.utils.translation import gettext as _

from emarge.audit.authority import ClockState, Round, Status
from emarge.spaces.secretariat import times_texts as texts

DAY = timedelta(days=1)
_NARROW, _WIDE = 360, 960
_SIDE, _LANE, _LABEL, _BAND, _ROW = 8, 54, 22, 26, 24
_INK, _MUTED, _LINE, _PAPER = "#1b2140", "#565d78", "#d8d6cc", "#fffefb"
_BLUE, _PALE, _RED, _GREEN, _AMBER = "#26418f", "#dfe5f6", "#a8243c", "#1c6b47", "#8a5a00"
_SAMPLE = timedelta(minutes=5)
_SCALE = 2  # times the declared accuracy, up and down


def draw(status: Status, *, narrow: bool) -> str:
    """The SVG of the day before the status, in the language and the time zone that are active."""
    return _Picture(status, _NARROW if narrow else _WIDE, hours=6 if narrow else 3).svg()


def states(status: Status) -> list[tuple[datetime, datetime, ClockState]]:
    """The states of the last day, from when to when; nothing before the first change that was ever recorded."""
    end, start = status.at, status.at - DAY
    if not status.changes:
        return [(start, end, status.state)]
    first = status.changes[0]
    known = [] if first.number == 1 else [(start, first.before)]
    instants = [*known, *((max(one.at, start), one.state) for one in status.changes), (end, status.state)]
    return [(at, until, state) for (at, state), (until, _next) in pairwise(instants) if at < until]


class _Picture:
    def __init__(self, status: Status, width: int, hours: int) -> None:
        self._status, self._width, self._hours = status, width, hours
        self._start = status.at - DAY
        self._plot = width - 2 * _SIDE
        self._lanes = [source.name for source in status.sources] if status.samples else []

    def svg(self) -> str:
        parts: list[str] = []
        y = 4
        for name in self._lanes:
            parts += self._lane(name, y)
            y += _LABEL + _LANE
        parts += [self._text(_SIDE, y + 15, _("State of the clock"), weight=600)]
        parts += self._states(y + _LABEL)
        y += _LABEL + _BAND
        parts += self._axis(y)
        y += _ROW
        legend = list(self._legend(y))
        parts += [part for _height, part in legend]
        height = max(bottom for bottom, _part in legend) + 6
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self._width} {height}" width="{self._width}" '
            f'height="{height}" font-family="system-ui, sans-serif" font-size="13">'
            f'<defs><pattern id="no" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
            f'<rect width="6" height="6" fill="#fbe3e7"/><rect width="3" height="6" fill="{_RED}"/></pattern></defs>'
            f'<rect width="{self._width}" height="{height}" rx="8" fill="{_PAPER}"/>{"".join(parts)}</svg>'
        )

    def _x(self, at: datetime) -> float:
        return round(_SIDE + self._plot * min(max((at - self._start) / DAY, 0), 1), 1)

    def _lane(self, name: str, top: int) -> Iterator[str]:
        """One source: its intervals around the system clock, over what was agreed on."""
        y = top + _LABEL
        scale = _SCALE * self._status.declared_accuracy * 1000
        yield self._text(_SIDE, top + 15, str(texts.source_of(name)), weight=600)
        limits = _("top and bottom: ± %(limit)s ms") % {"limit": f"{scale:g}"}
        yield self._text(self._width - _SIDE, top + 15, limits, anchor="end", color=_MUTED)
        yield f'<rect x="{_SIDE}" y="{y}" width="{self._plot}" height="{_LANE - 6}" fill="#fff" stroke="{_LINE}"/>'
        last = self._status.comparison
        for sample in [*self._status.samples, *([last] if last else [])]:
            yield from self._sample(sample, name, y, scale)
        middle = y + (_LANE - 6) / 2
        yield f'<path d="M{_SIDE} {middle}h{self._plot}" stroke="{_MUTED}" stroke-dasharray="2 4"/>'

    def _sample(self, sample: Round, name: str, top: int, scale: float) -> Iterator[str]:
        width = max(self._plot * (_SAMPLE / DAY), 1)
        x = max(self._x(sample.at) - width, _SIDE)
        half = (_LANE - 6) / 2

        def bar(pair: tuple[float, float], color: str, least: float) -> str:
            upper, lower = (half - min(max(end / scale, -1), 1) * half for end in reversed(pair))
            height = max(lower - upper, least)
            y = min(max(top + (upper + lower - height) / 2, top), top + 2 * half - height)
            return f'<rect x="{x}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{color}"/>'

        if name in sample.excluded:
            yield f'<rect x="{x}" y="{top}" width="{width:.1f}" height="{2 * half}" fill="url(#no)"/>'
        elif sample.agreed_ms:
            yield bar(sample.agreed_ms, _PALE, 6)
        if name in sample.intervals_ms:
            yield bar(sample.intervals_ms[name], _RED if name in sample.excluded else _BLUE, 2)

    def _states(self, top: int) -> Iterator[str]:
        for start, end, state in states(self._status):
            x = self._x(start)
            yield self._block(state, x, top, max(self._x(end) - x, 1), _BAND - 4)

    def _block(self, state: ClockState, x: float, y: float, width: float, height: float) -> str:
        if state is ClockState.SOON_OUT_OF_SYNC:
            y, height = y + height / 2, height / 2
        fill = {
            ClockState.IN_SYNC: f'fill="{_GREEN}"',
            ClockState.SOON_OUT_OF_SYNC: f'fill="{_AMBER}"',
            ClockState.OUT_OF_SYNC: 'fill="url(#no)"',
            ClockState.UNKNOWN: f'fill="none" stroke="{_MUTED}" stroke-dasharray="3 3"',
        }[state]
        return f'<rect x="{x}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" {fill}/>'

    def _axis(self, top: int) -> Iterator[str]:
        first = localtime(self._start).replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
        for hour in (first + timedelta(hours=number) for number in range(24)):
            x = self._x(hour)
            if hour.hour % self._hours == 0 and _SIDE + 18 < x < self._width - _SIDE - 18:
                yield f'<path d="M{x} {top - 4}v5" stroke="{_MUTED}"/>'
                yield self._text(x, top + 14, date_format(hour, "H:i"), anchor="middle", color=_MUTED)

    def _legend(self, top: int) -> Iterator[tuple[int, str]]:
        """Each sign with its words: the bottom of it, and the piece."""
        signs = [(self._block(state, 0, 0, 16, 16), str(texts.STATES[state][1])) for state in ClockState]
        if self._lanes:
            signs += [
                (f'<rect y="5" width="16" height="6" fill="{_BLUE}"/>', _("what the source says")),
                (f'<rect y="2" width="16" height="12" fill="{_PALE}"/>', _("what two sources agree on")),
                ('<rect width="16" height="16" fill="url(#no)"/>', _("the source is excluded")),
            ]
        columns = 1 if self._width == _NARROW else 3
        for number, (sign, words) in enumerate(signs):
            x = _SIDE + number % columns * (self._plot / columns)
            y = top + number // columns * _ROW
            text = self._text(24, 13, words)
            yield y + _ROW, f'<g transform="translate({x:.0f} {y})">{sign}{text}</g>'

    def _text(
        self, x: float, y: float, words: str, *, anchor: str = "start", color: str = _INK, weight: int = 400
    ) -> str:
        place = f'x="{x}" y="{y}" text-anchor="{anchor}" fill="{color}" font-weight="{weight}"'
        return f"<text {place}>{escape(words)}</text>"
