"""Prints the journal of the vault."""

import json
from pathlib import Path
from typing import Any

from emarge.cli.errors import CommandError


def print_journal(data: Path, day: str | None, *, as_json: bool) -> int:
    """Print the lines of a day, as they are or in columns; CommandError when there is no such day."""
    from emarge.proof.vault.errors import CorruptVault
    from emarge.proof.vault.journal import journal

    folder = data / "vault" / journal.FOLDER
    try:
        days = journal.days_of(folder)
        if not days or day not in {None, *days}:
            known = f" It has {days[0]} to {days[-1]}." if days else ""
            raise CommandError(f"The journal has no line of {day or 'any day'}.{known}")
        for line in journal.lines_of(folder, day or days[-1]):
            if line.endswith(b"\n"):  # the vault may be writing the next one
                print(line.decode().rstrip("\n") if as_json else _columns(json.loads(line)))
    except (CorruptVault, ValueError) as error:
        raise CommandError(f"The journal does not hold together: {error}") from None
    return 0


def _columns(line: dict[str, Any]) -> str:
    columns = (
        f"{line['at'][11:23]}",
        f"{line.get('role', '-'):<10}",
        f"{line['function']:<12}",
        f"{line.get('log', '-'):<24}",
        f"{line['status']} {line.get('code', '')}".rstrip(),
        f"×{line['calls']}" if line["calls"] > 1 else "",
        _records(line),
    )
    return "  ".join(column for column in columns if column)


def _records(line: dict[str, Any]) -> str:
    ranges = line.get("ranges", [line["span"]] if "span" in line else [])
    named = ", ".join(f"{first}" if first == last else f"{first}–{last}" for first, last in ranges)
    return f"records {named}{' in part' if 'span' in line else ''}" if named else ""
