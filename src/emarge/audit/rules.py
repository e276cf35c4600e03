"""Which changes of the clock get a record of their own, and which are told together."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TypeVar

PER_MINUTE = 6
"""Records of changes of the clock in one log, at most: a source that flaps must not fill it."""
_MINUTE = timedelta(minutes=1)

Change = TypeVar("Change")


def of_the_last_minute(recorded: Sequence[datetime], now: datetime) -> list[datetime]:
    """Those instants that still count; one in the future, of a clock since put back, does not."""
    return [at for at in recorded if timedelta(0) <= now - at < _MINUTE]


def told_together(changes: Sequence[Change], room: int) -> list[Sequence[Change]]:
    """The changes in order, in at most ``room`` groups: one each as long as they fit, the last takes the rest."""
    if room <= 0:
        return []
    singles = len(changes) if len(changes) <= room else room - 1
    groups: list[Sequence[Change]] = [[one] for one in changes[:singles]]
    return [*groups, changes[singles:]] if singles < len(changes) else groups
