"""The functions of those who oversee the vault: control a log, read the journal (docs/formats/vault-http.md)."""

import asyncio
from pathlib import Path

import orjson

from emarge.proof.vault.errors import VaultRefused
from emarge.proof.vault.journal import journal, seals
from emarge.proof.vault.journal.journal import OWN_LOG
from emarge.proof.vault.service.serving import LINES, Answer, Request, Serving

_MOST = 1024 * 1024  # bytes of a page of the journal


async def control(serving: Serving, request: Request) -> Answer:
    """Begin a full check of a log."""
    await serving.reader(request.log)
    return Answer(orjson.dumps(await serving.controls.start(request.log)), status=202)


async def controlled(serving: Serving, request: Request) -> Answer:
    """How far the last check of a log is, or what came of it."""
    serving.collector(request.log)
    return Answer(orjson.dumps(serving.controls.state(request.log)))


async def journal_days(serving: Serving, request: Request) -> Answer:  # noqa: ARG001 - every function has both
    """The days of the journal, with the record that sealed each."""
    return Answer(orjson.dumps({"days": await asyncio.to_thread(_days, serving)}))


async def journal_of(serving: Serving, request: Request) -> Answer:
    """Whole lines of a day, from a byte that begins one."""
    day, start = request.parts["day"], request.number("from", 0)
    path = serving.vault.folder / journal.FOLDER / day
    if not journal.is_day(day) or not path.exists():
        raise VaultRefused("unknown_day", "the journal has no such day")
    return Answer(await asyncio.to_thread(_page, path, start), LINES)


def _days(serving: Serving) -> list[dict[str, object]]:
    vault, folder = serving.vault, serving.vault.folder / journal.FOLDER
    days = journal.days_of(folder)
    names = {day: seals.name_of(vault.name, day) for day in days}
    places = vault.sequencer.places(OWN_LOG, list(names.values()))
    sealed = {day: places[name].index for day, name in names.items() if name in places}
    return [{"day": day, "bytes": (folder / day).stat().st_size, "sealed": sealed.get(day)} for day in days]


def _page(path: Path, start: int) -> bytes:
    with path.open("rb") as file:
        if start:
            file.seek(start - 1)
            if file.read(1) not in {b"\n", b""}:
                raise VaultRefused("bad_request", "from is where a line begins")
        page = file.read(_MOST)
    return page[: page.rfind(b"\n") + 1]
