"""Controls: a full check of one log on request, in a process of its own, so that deposits do not wait for it."""

import asyncio
import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from emarge.proof.vault.checking.check import check_log
from emarge.proof.vault.checking.derivation import Progress
from emarge.proof.vault.errors import CorruptVault, VaultError
from emarge.proof.vault.journal.check import check_journal
from emarge.proof.vault.journal.journal import OWN_LOG, instant
from emarge.proof.vault.journal.journalling import Now
from emarge.proof.vault.setup import logs
from emarge.proof.vault.setup.credentials import read_configuration
from emarge.proof.vault.storage.sequencer import Sequencer

_EVERY = 0.2  # seconds between two words of progress
_LAST_IN_LINE = 10  # how nice the process is to the vault's own


@dataclass
class Control:
    """One check: what is known of it, and the process that does it."""

    known: dict[str, Any]
    process: asyncio.subprocess.Process | None = None
    following: "asyncio.Task[None] | None" = None


@dataclass
class Controls:
    """The last control of each log since the start, of which one at a time runs for a log."""

    folder: Path
    now: Now
    _controls: dict[str, Control] = field(default_factory=dict)

    async def start(self, log: str) -> dict[str, Any]:
        """Begin a control unless one runs, and say how far it is."""
        running = self._controls.get(log)
        if running is None or running.known["state"] != "running":
            control = Control({"state": "running", "started": instant(self.now()), "done": 0, "total": None})
            self._controls[log] = control
            control.process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", __name__, str(self.folder), log), stdout=asyncio.subprocess.PIPE
            )
            control.following = asyncio.get_running_loop().create_task(self._follow(control, control.process))
        return self._controls[log].known

    def state(self, log: str) -> dict[str, Any]:
        """What is known of the last control of a log."""
        return self._controls[log].known if log in self._controls else {"state": "none"}

    async def stop(self) -> None:
        """End the controls that run."""
        for control in self._controls.values():
            if control.process and control.process.returncode is None:
                control.process.kill()
            if control.following:
                await control.following

    async def _follow(self, control: Control, process: asyncio.subprocess.Process) -> None:
        said: dict[str, Any] = {}
        if process.stdout:
            async for line in process.stdout:
                said = orjson.loads(line)
                if said["state"] == "running":
                    control.known |= said
        await process.wait()
        ended = said if said.get("state", "running") != "running" else {"state": "failed"}
        times = {"started": control.known["started"], "finished": instant(self.now())}
        control.known = ended | times


def main(folder: Path, log: str, say: Callable[[dict[str, Any]], None]) -> None:
    """Check one log of a vault, and the journal with the vault's own; say how far it is, and last the result."""
    told = time.monotonic()

    def listen(progress: Progress) -> None:
        nonlocal told
        if time.monotonic() - told >= _EVERY:
            told = time.monotonic()
            say({"state": "running", "done": progress.done, "total": progress.total})

    name, _ = read_configuration(folder)
    try:
        sequencer = Sequencer(folder, read_only=True)
        try:
            found = logs.load(folder, name, log)
            checked = check_log(found, sequencer, listen)
            if log == OWN_LOG:
                check_journal(folder, found)
        finally:
            sequencer.close()
    except CorruptVault as fault:
        say({"state": "fault", "fault": str(fault)})
    except VaultError as error:
        say({"state": "failed", "why": str(error)})
    else:
        say({"state": "intact", "size": checked.size, "root": checked.root.hex(), "staged": checked.staged})


if __name__ == "__main__":
    os.nice(_LAST_IN_LINE)
    main(Path(sys.argv[1]), sys.argv[2], lambda said: print(json.dumps(said), flush=True))  # noqa: T201 - what it is for
