"""What the checks of the vault and of the mirror show: a bar meanwhile, their rate and their verdict at the end."""

import argparse
import json
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.progress import TaskID

    from emarge.proof.vault.checking.check import CheckedLog
    from emarge.proof.vault.checking.derivation import Progress


def add_json(parser: argparse.ArgumentParser) -> None:
    """The option that prints one JSON object in the place of sentences."""
    parser.add_argument("--json", action="store_true", help="print one JSON object, and nothing else")


class Watch:
    """Listens to a check: how much it did, and in how many seconds."""

    def __init__(self) -> None:
        self._done: dict[str, Progress] = {}
        self._began = time.perf_counter()

    def __call__(self, progress: "Progress") -> None:
        self._done[progress.log] = progress

    def figures(self, checked: "list[CheckedLog]") -> dict[str, Any]:
        """Entries, bytes of entries, seconds, entries a second."""
        seconds = time.perf_counter() - self._began
        entries = sum(log.size for log in checked)
        return {
            "entries": entries,
            "bytes": sum(one.bytes for one in self._done.values()),
            "seconds": round(seconds, 3),
            "entries_per_second": round(entries / seconds),
        }


@contextmanager
def watch() -> "Iterator[Watch]":
    """A watch that draws a line on a terminal, and nothing elsewhere."""
    from rich.console import Console
    from rich.progress import Progress as Bar

    with Bar(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bar:
        tasks: dict[str, TaskID] = {}

        class Drawn(Watch):
            def __call__(self, progress: "Progress") -> None:
                super().__call__(progress)
                if progress.log not in tasks:
                    tasks[progress.log] = bar.add_task(progress.log, total=progress.total)
                bar.update(tasks[progress.log], completed=progress.done)

        yield Drawn()


def fault(text: str) -> str:
    """The JSON of a check that found a fault."""
    return json.dumps({"intact": False, "fault": text}, ensure_ascii=False)


def verdict(checked: "list[CheckedLog]", figures: dict[str, Any], **more: Any) -> str:
    """The JSON of a check that found everything whole."""
    logs = [
        {"origin": log.origin, "vkey": log.vkey, "size": log.size, "staged": log.staged, "root": log.root.hex()}
        for log in checked
    ]
    return json.dumps({"intact": True, "logs": logs, **figures, **more}, ensure_ascii=False)


def rate(figures: dict[str, Any]) -> str:
    """The figures of a check in words."""
    return (
        f"{figures['entries']:,} entries, {figures['bytes'] / 1e6:,.1f} MB of them read in {figures['seconds']:.1f} s: "
        f"{figures['entries_per_second']:,} a second"
    )
