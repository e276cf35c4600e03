"""A whole installation: every process that ``emarge run`` starts over a data folder."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from emarge.cli.run import addresses_file
from tests.processes import free_port

SOURCES = Path(__file__).parents[1] / "src"


def environment() -> dict[str, str]:
    """That of this process, without what would tell a command where its data are."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("EMARGE", "DJANGO"))}
    return {**kept, "PYTHONPATH": str(SOURCES)}


@contextmanager
def running(data: Path, *words: str, output: Path | None = None) -> Iterator[dict[str, str]]:
    """``emarge run`` on a free port, with the addresses of its processes; stopped at the end.

    What it prints goes to the file ``output``, or nowhere.
    """
    command = [sys.executable, "-m", "emarge", "run", "--data", str(data), "--port", str(free_port()), *words]
    with (output or Path(os.devnull)).open("w") as printed:
        process = subprocess.Popen(command, env=environment(), stdout=printed, stderr=subprocess.STDOUT)
        try:
            until = time.monotonic() + 60
            while not addresses_file(data).exists():
                assert process.poll() is None
                assert time.monotonic() < until
                time.sleep(0.05)
            yield json.loads(addresses_file(data).read_text(encoding="utf-8"))
        finally:
            process.terminate()
            process.wait(timeout=60)


def pid_of(data: Path, *words: str) -> int:
    """The process of ours that was started with these words for this folder; LookupError when there is none."""
    wanted = [*words, "--data", str(data)]
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().decode().split("\x00")
        except OSError:
            continue
        if line[3 : 3 + len(wanted)] == wanted:
            return int(path.parent.name)
    raise LookupError(words)


@dataclass
class Tour:
    """``emarge demo play``, which goes on while a test does something else: its lines come one by one."""

    process: subprocess.Popen[str]

    def read_to(self, text: str) -> str:
        """What it printed up to and including the line with this text."""
        read = ""
        while text not in read:
            line = self.process.stdout.readline()
            assert line, f"the tour ended before {text!r}: {read}"
            read += line
        return read


@contextmanager
def touring(data: Path, bundle: Path) -> Iterator[Tour]:
    """Play a class meeting of the demo school: roll call, signatures, a funder's request, the bundle."""
    command = [sys.executable, "-m", "emarge", "demo", "play", str(bundle), "--data", str(data)]
    with subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Tour(process)
        finally:
            process.terminate()
