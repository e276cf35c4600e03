"""The journal on disk: one file a day, each line bound to the one before (docs/formats/journal.md)."""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import orjson

from emarge.proof.vault.errors import CorruptVault
from emarge.proof.vault.storage import files

FOLDER = "journal"
OWN_LOG = "vault"
"""The log of the vault's own records, which nobody else opens or writes."""
NOTHING_BEFORE = "0" * 64
_MAX_RANGES = 32
_LONGEST = 64 * 1024  # bytes of a line: no line comes near
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)


@dataclass(frozen=True)
class Summary:
    """What is sealed of a day: how many lines, the hashes of the first and the last, the digest of the file."""

    day: str
    lines: int
    first: str
    last: str
    digest: str


@dataclass
class Chain:
    """A day's file as far as it was read or written. ``previous`` is the hash of the last line, of any day."""

    day: str
    previous: str
    lines: int = 0
    first: str = ""
    length: int = 0
    _digest: "hashlib._Hash" = field(default_factory=hashlib.sha256)

    def line(self, at: datetime, fields: Mapping[str, Any]) -> bytes:
        """The next line, which is thereby taken."""
        bound = {**fields, "at": instant(at), "n": self.lines + 1, "previous": self.previous}
        data = canonical(bound) + b"\n"
        self._take(data)
        return data

    def verify(self, data: bytes) -> dict[str, Any]:
        """The fields of the line that was read next; CorruptVault when it does not follow from those before."""
        where = f"the journal of {self.day}, line {self.lines + 1},"
        try:
            fields = orjson.loads(data)
        except orjson.JSONDecodeError:
            raise CorruptVault(f"{where} is no line of a journal") from None
        if not isinstance(fields, dict) or canonical(fields) + b"\n" != data:
            raise CorruptVault(f"{where} is no line of a journal")
        if fields.get("n") != self.lines + 1 or fields.get("previous") != self.previous:
            raise CorruptVault(f"{where} does not follow from the line before")
        self._take(data)
        return fields

    def summary(self) -> Summary:
        return Summary(self.day, self.lines, self.first, self.previous, self._digest.hexdigest())

    def _take(self, data: bytes) -> None:
        self.previous = hashlib.sha256(data).hexdigest()
        self.first = self.first or self.previous
        self.lines += 1
        self.length += len(data)
        self._digest.update(data)


class Journal:
    """The journal of an opened vault. Not for two threads at once.

    Opening cuts off what a crash left of a last line; raises CorruptVault when the newest file is damaged.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open: files.Appending | None = None
        self._chain: Chain | None = None
        self._written: dict[str, Summary] = {}
        files.make_folder(folder)
        if days := days_of(folder):
            self._resume(days[-1])

    def turn(self, at: datetime) -> bool:
        """End the open day if its date has passed; whether it did."""
        if self._chain is None or self._chain.day >= at.astimezone(UTC).date().isoformat():
            return False
        self._end(self._chain)
        return True

    def append(self, at: datetime, calls: Sequence[Mapping[str, Any]]) -> None:
        """Write a line for each of these, durably, in one go; raises DurabilityLost."""
        self.turn(at)
        if self._chain is None or self._open is None:
            days = days_of(self._folder)
            day = max([at.astimezone(UTC).date().isoformat(), *days[-1:]])
            self._begin(Chain(day, last_hash(self._folder, day)))
        self._add(at, calls)

    def ended(self) -> list[str]:
        """The days that are over, oldest first."""
        return [day for day in days_of(self._folder) if self._chain is None or day < self._chain.day]

    def summary(self, day: str) -> Summary:
        """What was written on a day that is over; read from its file when that was before this start."""
        return self._written.get(day) or read_day(self._folder, day).summary()

    def forget(self, day: str) -> None:
        """A day was sealed: what was written on it stands in its record from now on."""
        self._written.pop(day, None)

    def close(self) -> None:
        if self._open is not None:
            self._open.close()
            self._open = None

    def _resume(self, day: str) -> None:
        chain = Chain(day, last_hash(self._folder, day))
        whole = read_day(self._folder, day, open_ended=True)
        self._begin(whole if whole.lines else chain)
        if self._open is not None:
            self._open.shorten(whole.length)

    def _begin(self, chain: Chain) -> None:
        self._chain = chain
        self._open = files.Appending(self._folder / chain.day)

    def _add(self, at: datetime, calls: Sequence[Mapping[str, Any]]) -> None:
        if self._chain is not None and self._open is not None:
            chain = self._chain
            self._open.append(b"".join([chain.line(at, call) for call in calls]))

    def _end(self, chain: Chain) -> None:
        self.close()
        self._chain = None
        if chain.lines:
            self._written[chain.day] = chain.summary()
        else:
            files.remove(self._folder / chain.day)  # of a start that was killed before its first line


def days_of(folder: Path) -> list[str]:
    """The days of a journal, in order; CorruptVault when the folder holds anything else."""
    names = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    for name in names:
        if not is_day(name):
            raise CorruptVault(f"{FOLDER}/{name:.40} is no day of a journal")
    return names


def is_day(text: str) -> bool:
    try:
        return bool(_DAY.fullmatch(text) and date.fromisoformat(text))
    except ValueError:
        return False


def read_day(folder: Path, day: str, *, previous: str | None = None, open_ended: bool = False) -> Chain:
    """Follow a day's file from line to line; CorruptVault names the first one that does not follow.

    ``previous`` is the hash that the first line must name, if it is known. In an ``open_ended`` file what comes after
    the last newline is not whole yet, and is left out.
    """
    chain = None
    for line in lines_of(folder, day):
        if not line.endswith(b"\n"):
            if open_ended and len(line) < _LONGEST:
                break
            raise CorruptVault(f"the journal of {day} ends in the middle of a line")
        chain = chain or Chain(day, previous if previous is not None else _named(line))
        chain.verify(line)
    return chain or Chain(day, previous or NOTHING_BEFORE)


def lines_of(folder: Path, day: str) -> Iterator[bytes]:
    """The lines of a day's file with their newlines, the last one perhaps without; CorruptVault when it is missing."""
    try:
        with (folder / day).open("rb") as file:
            while line := file.readline(_LONGEST):
                yield line
    except OSError as error:
        raise CorruptVault(f"the journal of {day} cannot be read: {error.strerror}") from None


def last_hash(folder: Path, day: str) -> str:
    """The hash of the last line before a day, of whichever earlier day; zeros when there is none."""
    for earlier in reversed([one for one in days_of(folder) if one < day]):
        path = folder / earlier
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - _LONGEST))
            whole = [line for line in file.read().splitlines(keepends=True) if line.endswith(b"\n")]
        if whole:
            return hashlib.sha256(whole[-1]).hexdigest()
    return NOTHING_BEFORE


def touched(indexes: Sequence[int]) -> dict[str, Any]:
    """The fields that say which records were touched."""
    if not indexes:
        return {}
    ranges = _ranges(sorted(set(indexes)))
    if len(ranges) <= _MAX_RANGES:
        return {"records": len(indexes), "ranges": ranges}
    span = [ranges[0][0], ranges[-1][1]]
    return {"records": len(indexes), "span": span, "digest": hashlib.sha256(canonical(ranges)).hexdigest()}


def canonical(value: object) -> bytes:
    """RFC 8785 bytes of ASCII strings, whole numbers, lists and objects: on these orjson writes them."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def instant(at: datetime) -> str:
    """An instant as records write it."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _ranges(ascending: Sequence[int]) -> list[list[int]]:
    starts = [ascending[0], *(after for before, after in pairwise(ascending) if after != before + 1)]
    ends = [*(before for before, after in pairwise(ascending) if after != before + 1), ascending[-1]]
    return [list(one) for one in zip(starts, ends, strict=True)]


def _named(line: bytes) -> str:
    """The hash that a file's first line names; the files before it tell whether that is true."""
    try:
        return str(orjson.loads(line)["previous"])
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return NOTHING_BEFORE
