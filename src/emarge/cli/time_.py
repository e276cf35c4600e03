import argparse
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from emarge.cli.errors import CommandError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from emarge.cli.parsers import Subparsers
    from emarge.proof.timestamping.report import SourceReport, Status

_TIME = "%Y-%m-%d %H:%M:%S UTC"
_COLUMNS = ("SOURCE", "STATE", "OFFSET", "INTERVAL", "WHERE, OR WHY NOT")


def add_parser(subparsers: "Subparsers") -> argparse.ArgumentParser:
    parser = subparsers.add_parser("time", help="tell whether the recorded times can be relied on now")
    commands = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    status = commands.add_parser(
        "status", help="the sources of time, their last comparison and the state (exit code 0: in sync, 1: not)"
    )
    where = status.add_mutually_exclusive_group()
    where.add_argument("--data", type=Path, metavar="DIR", help="the data folder of a running installation")
    where.add_argument(
        "--url",
        default=os.environ.get("EMARGE_TIMESTAMP_URL"),
        help="where the timestamp authority answers (EMARGE_TIMESTAMP_URL)",
    )
    status.add_argument("--json", action="store_true", help="the authority's own answer, as JSON")
    return parser


def run(args: argparse.Namespace) -> int:
    from emarge.proof.timestamping.comparison import ClockState
    from emarge.proof.timestamping.errors import TimestampUnavailable
    from emarge.proof.timestamping.report import ReportClient

    try:
        with ReportClient(_address(args)) as client:
            status = client.status()
    except TimestampUnavailable as error:
        raise CommandError(f"The state of the time is not known. {error}") from None
    print(json.dumps(status.said, indent=2) if args.json else "\n".join(_told(status)))
    return 0 if status.state is ClockState.IN_SYNC else 1


def _address(args: argparse.Namespace) -> str:
    """Where the authority answers: of a running installation, or as given."""
    if args.data is None:
        if not args.url:
            raise CommandError("Say where the timestamp authority answers: --data DIR or --url URL.", code=2)
        return str(args.url)
    from emarge.cli.run import addresses_file

    try:
        return str(json.loads(addresses_file(args.data).read_text(encoding="utf-8"))["timestamping"])
    except FileNotFoundError:
        raise CommandError(f"Nothing runs in {args.data}. Start it: emarge run --data {args.data}") from None
    except (OSError, ValueError, KeyError) as error:
        raise CommandError(f"{addresses_file(args.data)} cannot be read: {error}") from None


def _told(status: "Status") -> "Iterator[str]":
    """The lines of the human answer."""
    from emarge.proof.timestamping.tokens import DEMO_POLICY

    demo = status.policy == DEMO_POLICY
    bound = "unknown" if status.bound is None else f"± {status.bound * 1000:.1f} ms"
    yield f"State    {status.state}: {status.reason}"
    yield f"Bound    {bound} (declared accuracy: {status.declared_accuracy * 1000:g} ms)"
    yield f"Tokens   {'given' if status.fit else 'NOT given: records wait'}; {_counts(status)}"
    if status.until is not None:
        yield f"Until    {status.until.strftime(_TIME)}, should no external source be heard any more"
    if demo:
        yield "Policy   quartz and system clock only: demonstration policy. Nothing is compared with another source."
    else:
        yield f"Policy   three sources compared ({status.policy})"
    if status.comparison is not None:
        yield f"Compared {status.comparison.at.strftime(_TIME)}"
    yield ""
    yield from _table([_COLUMNS, *(_row(source) for source in status.sources)])


def _counts(status: "Status") -> str:
    refused = ", ".join(f"{word} {count}" for word, count in sorted(status.refused.items()))
    total = f"{sum(status.refused.values())} refused" + (f" ({refused})" if refused else "")
    return f"{status.issued} given, {total} since {status.tokens_since.strftime(_TIME)}"


def _row(source: "SourceReport") -> tuple[str, ...]:
    offset = interval = "-"
    if source.interval_ms is not None:
        earliest, latest = source.interval_ms
        offset = f"{(earliest + latest) / 2:+.1f} ms"
        interval = f"{earliest:+.1f} to {latest:+.1f} ms"
    state = source.state.upper() if source.state == "excluded" else source.state
    remark = "; ".join(text for text in (source.address, source.fault) if text)
    return source.name, state, offset, interval, remark


def _table(rows: "Sequence[tuple[str, ...]]") -> "Iterator[str]":
    widths = [max(len(row[column]) for row in rows) for column in range(len(_COLUMNS))]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
