"""Seals each day of the journal that is over, by one record in the vault's own log (docs/formats/journal.md)."""

import asyncio
import logging

from emarge.proof.vault.errors import StampUnavailable, VaultRefused, VaultUnavailable
from emarge.proof.vault.journal import journal, seals
from emarge.proof.vault.journal.journal import OWN_LOG
from emarge.proof.vault.journal.journalling import Journalling, Now
from emarge.proof.vault.journal.seals import Seal
from emarge.proof.vault.log.deposits import Deposit
from emarge.proof.vault.service.serving import Serving

_AGAIN = 5.0  # seconds until a seal is tried again that could not be made

logger = logging.getLogger("emarge.vault")


class Sealer:
    """Seals what is over: at the start, then whenever a day ends. Away tokens or an away mirror only delay it."""

    def __init__(self, serving: Serving, journalling: Journalling, now: Now) -> None:
        self._serving = serving
        self._journalling = journalling
        self._now = now

    async def run(self) -> None:
        """Seal until cancelled. Whatever else it raises is fatal for the vault."""
        while True:
            self._journalling.turned.clear()
            try:
                await self._seal_what_is_over()
            except (StampUnavailable, VaultUnavailable, VaultRefused) as error:
                logger.warning("the journal waits for its seal: %s", error)
                await asyncio.sleep(_AGAIN)
            else:
                await self._journalling.turned.wait()

    async def _seal_what_is_over(self) -> None:
        kept = self._journalling.journal
        today = journal.instant(self._now())[:10]
        for day in [day for day in await asyncio.to_thread(kept.ended) if day < today]:
            last = await self._last()
            if last is None or day > last.summary.day:
                summary = await asyncio.to_thread(kept.summary, day)
                if summary.lines:
                    await self._seal(Seal(summary, (last.summary.day, last.summary.digest) if last else None))
            kept.forget(day)

    async def _last(self) -> Seal | None:
        """The last seal in the vault's own log, None before the first."""
        if not self._serving.knows(OWN_LOG):
            return None
        found = await asyncio.to_thread(self._serving.vault.sequencer.find, OWN_LOG, seals.LABEL)
        if not found:
            return None
        reader, size = await self._serving.reader(OWN_LOG)
        return seals.read(await asyncio.to_thread(reader.entry, found[-1], size))

    async def _seal(self, seal: Seal) -> None:
        collector = await self._serving.open(OWN_LOG)
        name, day = self._serving.vault.name, seal.summary.day
        record = seals.build(name, seal, self._now())
        await collector.deposit([Deposit(seals.name_of(name, day), record, (seals.LABEL, f"day:{day}"), b"", b"")])
        logger.info("the journal of %s is sealed", day)
