"""What an authority tells of its clock, read over HTTP (docs/formats/timestamping.md, *Status*, *History*)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

import httpx

from emarge.proof.timestamping.comparison import ClockState
from emarge.proof.timestamping.errors import TimestampUnavailable

_TIMEOUT = httpx.Timeout(3, connect=1)


@dataclass(frozen=True, slots=True)
class NumberedChange:
    """A change of the clock's state, by the authority's system clock; ``excluded``: who lies since."""

    number: int
    at: datetime
    before: ClockState
    state: ClockState
    reason: str
    excluded: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Changes:
    """The changes after a number, oldest first, of the history of this name, whose last number is ``last``."""

    history: str
    last: int
    changes: tuple[NumberedChange, ...]


@dataclass(frozen=True, slots=True)
class SourceReport:
    """A source: its state (`heard`, `excluded`, …) and what it says, in milliseconds from the system clock."""

    name: str
    address: str | None
    state: str
    fault: str | None
    interval_ms: tuple[float, float] | None


@dataclass(frozen=True, slots=True)
class Round:
    """One comparison: what each said and what two agree on, in milliseconds from the system clock at ``at``."""

    at: datetime
    verdict: str
    agreed_ms: tuple[float, float] | None
    intervals_ms: Mapping[str, tuple[float, float]]
    excluded: tuple[str, ...]
    state: ClockState | None


@dataclass(frozen=True, slots=True)
class Status:
    """Everything that a person needs to judge the time. ``bound`` and ``declared_accuracy`` are seconds.

    ``until``: when the quartz alone would stop to carry the time; ``said``: the whole answer, as it came.
    """

    at: datetime
    state: ClockState
    bound: float | None
    policy: str
    fit: bool
    reason: str
    declared_accuracy: float
    until: datetime | None
    tokens_since: datetime
    issued: int
    refused: Mapping[str, int]
    sources: tuple[SourceReport, ...]
    comparison: Round | None
    samples: tuple[Round, ...]
    changes: tuple[NumberedChange, ...]
    said: Mapping[str, Any]


class ReportClient:
    """A kept connection to the pages of an authority that anybody may read. Raises `TimestampUnavailable`."""

    def __init__(self, url: str) -> None:
        # The environment's proxies have no business between two processes of one installation.
        self._http = httpx.Client(base_url=url, timeout=_TIMEOUT, trust_env=False)

    def status(self) -> Status:
        """The state now, the sources, the last comparison, and the last day."""
        said = self._get("/status")
        try:
            return _status(said)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise TimestampUnavailable("The timestamp authority's status cannot be read.") from error

    def changes(self, after: int) -> Changes:
        """The changes of state numbered above ``after``."""
        said = self._get("/history", after=after)
        try:
            changes = tuple(_change(one) for one in said["changes"])
            return Changes(str(said["history"]), int(said["last"]), changes)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise TimestampUnavailable("The timestamp authority's history cannot be read.") from error

    def _get(self, path: str, **query: int) -> Any:
        try:
            answer = self._http.get(path, params=query)
            if answer.status_code != httpx.codes.OK:
                raise TimestampUnavailable(f"The timestamp authority answered {answer.status_code}.")
            return answer.json()
        except httpx.HTTPError as error:
            raise TimestampUnavailable(f"The timestamp authority does not answer: {error}.") from error
        except ValueError as error:
            raise TimestampUnavailable("The timestamp authority answered no JSON.") from error

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _status(said: Mapping[str, Any]) -> Status:
    return Status(
        at=_instant(said["at"]),
        state=ClockState(said["state"]),
        bound=None if said["bound"] is None else float(said["bound"]),
        policy=str(said["policy"]),
        fit=bool(said["fit"]),
        reason=str(said["reason"]),
        declared_accuracy=float(said["declared_accuracy"]),
        until=_instant(said["until"]) if said["until"] else None,
        tokens_since=_instant(said["tokens"]["since"]),
        issued=int(said["tokens"]["issued"]),
        refused={str(word): int(count) for word, count in said["tokens"]["refused"].items()},
        sources=tuple(_source(one) for one in said["sources"]),
        comparison=_round(said["comparison"]) if said["comparison"] else None,
        samples=tuple(_round(one) for one in said["samples"]),
        changes=tuple(_change(one) for one in said["changes"]),
        said=said,
    )


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def _change(said: Mapping[str, Any]) -> NumberedChange:
    return NumberedChange(
        number=int(said["number"]),
        at=_instant(said["at"]),
        before=ClockState(said["before"]),
        state=ClockState(said["state"]),
        reason=str(said["reason"]),
        excluded=tuple(str(name) for name in said["excluded"]),
    )


def _source(said: Mapping[str, Any]) -> SourceReport:
    heard = said["earliest_ms"] is not None
    return SourceReport(
        name=str(said["name"]),
        address=said["address"],
        state=str(said["state"]),
        fault=said["fault"],
        interval_ms=_pair((said["earliest_ms"], said["latest_ms"])) if heard else None,
    )


def _round(said: Mapping[str, Any]) -> Round:
    return Round(
        at=_instant(said["at"]),
        verdict=str(said["verdict"]),
        agreed_ms=_pair(said["agreed_ms"]) if said["agreed_ms"] else None,
        intervals_ms={str(name): _pair(one) for name, one in said["intervals_ms"].items()},
        excluded=tuple(str(name) for name in said["excluded"]),
        state=ClockState(said["state"]) if "state" in said else None,
    )


def _pair(said: Any) -> tuple[float, float]:
    earliest, latest = said
    return float(earliest), float(latest)
