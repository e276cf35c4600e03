"""Sets of indexes of a log, as runs: what a destruction covers (docs/formats/destruction.md)."""

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from emarge.proof.vault.log.tiles import WIDTH

NONE = "none"
_NUMBER = r"(?:0|[1-9][0-9]{0,17})"
_TEXT = re.compile(rf"{_NUMBER}(?:-{_NUMBER})?(?: {_NUMBER}(?:-{_NUMBER})?)*", re.ASCII)


@dataclass(frozen=True)
class Ranges:
    """Runs ``[start, end)``, ascending and never touching, so that one set has one form."""

    runs: tuple[tuple[int, int], ...] = ()

    @classmethod
    def of(cls, indexes: Iterable[int]) -> "Ranges":
        """The set of these indexes, in any order."""
        return cls.joined((index, index + 1) for index in indexes)

    @classmethod
    def joined(cls, runs: Iterable[tuple[int, int]]) -> "Ranges":
        """The set of everything in these runs, in any order; they may overlap."""
        found: list[tuple[int, int]] = []
        for start, end in sorted(run for run in runs if run[0] < run[1]):
            if found and start <= found[-1][1]:
                found[-1] = (found[-1][0], max(end, found[-1][1]))
            else:
                found.append((start, end))
        return cls(tuple(found))

    @classmethod
    def parse(cls, text: str) -> "Ranges":
        """Read its text; ValueError when it is not written in the one form."""
        if text != NONE and not _TEXT.fullmatch(text):
            raise ValueError("these are no ranges")
        parts = [] if text == NONE else [part.split("-") for part in text.split(" ")]
        found = cls.joined((int(part[0]), int(part[-1]) + 1) for part in parts)
        if found.text != text:
            raise ValueError("ranges are ascending, apart and never empty")
        return found

    @property
    def text(self) -> str:
        """``first-last`` with both included, or one index, a space between; ``none`` when empty."""
        return " ".join(str(a) if b == a + 1 else f"{a}-{b - 1}" for a, b in self.runs) or NONE

    @property
    def count(self) -> int:
        return sum(end - start for start, end in self.runs)

    @property
    def bundles(self) -> "Ranges":
        """The indexes of the entry bundles of which every entry is in this set."""
        return Ranges.joined((-(-start // WIDTH) * WIDTH, end // WIDTH * WIDTH) for start, end in self.runs)

    def __bool__(self) -> bool:
        return bool(self.runs)

    def __iter__(self) -> Iterator[int]:
        for start, end in self.runs:
            yield from range(start, end)

    def __contains__(self, index: int) -> bool:
        place = bisect_right(self.runs, index, key=lambda run: run[0])
        return place > 0 and index < self.runs[place - 1][1]

    def __or__(self, other: "Ranges") -> "Ranges":
        return Ranges.joined((*self.runs, *other.runs))

    def __sub__(self, other: "Ranges") -> "Ranges":
        left: list[tuple[int, int]] = []
        taken = iter(other.runs)
        hole = next(taken, None)
        for start, end in self.runs:
            position = start
            while hole and hole[1] <= position:
                hole = next(taken, None)
            while hole and hole[0] < end:
                left.append((position, hole[0]))
                position = hole[1]
                if position >= end:
                    break
                hole = next(taken, None)
            left.append((position, end))
        return Ranges.joined(left)

    def __and__(self, other: "Ranges") -> "Ranges":
        return self - (self - other)
