"""The time zones that calendars name: IANA, Windows, or defined in the file itself."""

from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo, available_timezones

from icalendar import Timezone
from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON

_UTC_NAMES = {"utc", "gmt", "z", "etc/utc"}
# Names that some programs write with the offset before them: « (UTC+01:00) Brussels, Copenhagen, Madrid, Paris ».
_PLACES_OF_A_LIST = ", "


class Zones:
    """Finds a zone by the name that a calendar gives it, and remembers the names that it could not find."""

    def __init__(self, own: ZoneInfo, defined: dict[str, Timezone]) -> None:
        self.own = own
        self.unknown: set[str] = set()
        self._defined = defined
        self._found: dict[str, tzinfo] = {}

    def find(self, name: str | None) -> tzinfo:
        """The zone of a TZID; the base's own for a floating time, and for a name that nobody knows."""
        if name is None:
            return self.own
        if name not in self._found:
            self._found[name] = self._look_up(name.strip().strip('"')) or self._give_up(name)
        return self._found[name]

    def _give_up(self, name: str) -> tzinfo:
        self.unknown.add(name)
        return self.own

    def _look_up(self, name: str) -> tzinfo | None:
        if name.lower() in _UTC_NAMES:
            return UTC
        iana = WINDOWS_TO_OLSON.get(name, name)
        # Some programs put their own path in front: /example.org/20260101_1/Europe/Paris.
        parts = iana.strip("/").split("/")
        for start in range(len(parts)):
            candidate = "/".join(parts[start:])
            if candidate in _known_names():
                return ZoneInfo(candidate)
        definition = self._defined.get(name)
        if definition is not None:
            return _from_definition(definition)
        if name.startswith("("):
            for place in name.rpartition(") ")[2].split(_PLACES_OF_A_LIST):
                found = next((zone for zone in _known_names() if zone.endswith(f"/{place}")), None)
                if found:
                    return ZoneInfo(found)
        return None


def instant(wall: datetime, zone: tzinfo) -> datetime:
    """The aware UTC instant of a wall-clock time. A time that happens twice is the first one; one that never happens
    is read with the offset before the change (RFC 5545, 3.3.5).
    """
    return wall.replace(tzinfo=zone, fold=0).astimezone(UTC)


_names: set[str] = set()


def _known_names() -> set[str]:
    if not _names:
        _names.update(available_timezones())
    return _names


def _from_definition(definition: Timezone) -> tzinfo | None:
    try:
        zone: tzinfo = definition.to_tz()
        datetime(2026, 1, 1, tzinfo=zone).utcoffset()
    except (ValueError, KeyError, IndexError, TypeError, OverflowError):
        return None
    return zone
