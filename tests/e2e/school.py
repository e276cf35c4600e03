"""The demo school as its users have it: made by `emarge demo`, started by `emarge run`, on a free port."""

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import httpx

from emarge.cli.demo_base import read_logins
from tests.processes import free_port

ROOT = Path(__file__).parent.parent.parent
_STARTS_WITHIN = 60.0  # seconds: what a busy machine may need
_LOCALES = {"en": "en_US.UTF-8", "fr": "fr_FR.UTF-8"}


@dataclass(frozen=True)
class Planned:
    """A class meeting that was planned behind the screens, and the line of each login in its roll call."""

    meeting: str
    lines: dict[str, str]


@dataclass
class School:
    data: Path
    language: str
    port: int = field(default_factory=free_port)
    logins: dict[str, tuple[str, str]] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None
    killed: set[str] = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        """What the processes said."""
        return self.data.with_suffix(".log")

    def emarge(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run an `emarge` command to its end, in the school's language."""
        command = [sys.executable, "-m", "emarge", *arguments]
        return subprocess.run(command, env=self._environment(), capture_output=True, text=True, check=False)

    def make(self) -> None:
        """Make the demo school with its own command."""
        made = self.emarge("demo", "--data", str(self.data))
        assert made.returncode == 0, made.stderr

    def start(self) -> None:
        """Start everything, and wait until the web answers."""
        self.logins = read_logins(self.data)
        with self.log.open("ab") as log:
            command = [sys.executable, "-m", "emarge", "run", "--data", str(self.data), "--port", str(self.port)]
            self.process = subprocess.Popen(command, env=self._environment(), stdout=log, stderr=log)
        until = time.monotonic() + _STARTS_WITHIN
        while not self._answers():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < until, self.log.read_text()
            time.sleep(0.05)

    def stop(self) -> None:
        """Ask everything to stop, and wait."""
        if self.process is not None:
            self.process.terminate()
            assert self.process.wait(timeout=60) == 0, self.log.read_text()

    def plan(self, stage: str, *options: str) -> Planned:
        """Plan a class meeting that stands at a stage: see plans.py."""
        command = [sys.executable, "-m", "tests.e2e.plans", str(self.data), stage, *options]
        planned = subprocess.run(
            command, env=self._environment(), cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert planned.returncode == 0, planned.stderr
        return Planned(**json.loads(planned.stdout))

    def child(self, name: str) -> int:
        """The id of one of the processes that `emarge run` started: web, vault or timestamping."""
        return self.children()[name]

    def children(self) -> dict[str, int]:
        """The processes that `emarge run` started and that live."""
        assert self.process is not None
        parent = self.process.pid
        found = {}
        for number in Path(f"/proc/{parent}/task/{parent}/children").read_text().split():
            words = Path(f"/proc/{number}/cmdline").read_text().split("\0")
            found |= {name: int(number) for name in ("web", "vault", "timestamping") if name in words}
        return found

    @contextmanager
    def without(self, name: str) -> Iterator[None]:
        """One process does not answer inside the block: it is stopped where it stands, then goes on."""
        number = self.child(name)
        os.kill(number, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(number, signal.SIGCONT)

    def kill(self, name: str) -> None:
        """Kill a process at once, and wait until it was started again."""
        number = self.child(name)
        self.killed.add(name)
        os.kill(number, signal.SIGKILL)
        until = time.monotonic() + _STARTS_WITHIN
        while self.children().get(name, number) == number:
            assert time.monotonic() < until, self.log.read_text()
            time.sleep(0.05)

    def sign_ins(self, line: str) -> tuple[int, int]:
        """How many signatures a line has in the base, and how many records of one were made for its meeting."""
        signed = (
            "SELECT s.uuid FROM attendance_signin s JOIN attendance_rollcallline l ON l.id = s.line_id WHERE l.uuid = ?"
        )
        recorded = f"SELECT 1 FROM audit_outboxevent WHERE event = 'sign_in.signed' AND subject IN ({signed})"
        with closing(sqlite3.connect(f"file:{self.data / 'web' / 'base.sqlite3'}?mode=ro", uri=True)) as base:
            return tuple(len(base.execute(query, [UUID(line).hex]).fetchall()) for query in (signed, recorded))

    def _answers(self) -> bool:
        # The addresses are written once every process answers.
        if not (self.data / "run" / "addresses.json").exists():
            return False
        try:
            return httpx.get(f"{self.url}/health", timeout=2, trust_env=False).is_success
        except httpx.HTTPError:
            return False

    def _environment(self) -> dict[str, str]:
        """A user's environment: nothing of the tests' own settings, and a language."""
        foreign = ("EMARGE_", "DJANGO_", "LC_", "LANG")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
        return {**kept, "LANG": _LOCALES[self.language], "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"}


@contextmanager
def running_school(folder: Path, language: str = "en") -> Iterator[School]:
    """Make a demo school in a new folder and run it; at the end, its log may hold no fault of ours.

    What Django logs under ``django.security`` is a refusal of what was sent.
    """
    school = School(folder / "data", language)
    school.make()
    school.start()
    try:
        yield school
    finally:
        school.stop()
    said = school.log.read_text()
    faults = [line for line in said.splitlines() if re.search(r" ERROR (?!django\.security)| died ", line)]
    provoked = [line for line in faults if any(f"the {name} process died" in line for name in school.killed)]
    assert faults == provoked, said
