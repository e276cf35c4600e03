"""The destructions of one log as they stand on disk: plans and certificates (docs/formats/destruction.md)."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from emarge.proof.vault.destruction import plans
from emarge.proof.vault.destruction.plans import Certificate, Plan, Sealed
from emarge.proof.vault.errors import CorruptVault, DestructionError, VaultRefused
from emarge.proof.vault.log.ranges import Ranges
from emarge.proof.vault.log.tiles import ENTRIES, WIDTH, Tile
from emarge.proof.vault.storage import files

FOLDER = "retention"
_PLAN, _CERTIFICATE = ".plan", ".certificate"


@dataclass(frozen=True)
class Destroyed:
    """One destruction: what it covers, and its certificate once there is one."""

    plan: Plan
    certificate: Certificate | None
    sealed: Sealed

    @property
    def uuid(self) -> str:
        return self.plan.order.uuid


class Destructions:
    """The plans and certificates in a folder, all opened under the log's key; CorruptVault when one is false.

    Read from any thread; written by one.
    """

    def __init__(self, folder: Path, vkey: str) -> None:
        self._folder = folder
        self._vkey = vkey
        self._found: dict[str, Destroyed] = {}
        paths = sorted(folder.iterdir()) if folder.is_dir() else []
        for path in [one for one in paths if one.suffix == _PLAN] + [
            one for one in paths if one.suffix == _CERTIFICATE
        ]:
            self._keep(self._read(path))

    def __iter__(self) -> Iterator[Destroyed]:
        """All of them, in the order of their decision; those that are not finished last."""
        found = list(self._found.values())
        finished = {(one.certificate.decided, one.uuid): one for one in found if one.certificate}
        yield from (finished[key] for key in sorted(finished))
        yield from (one for one in found if one.certificate is None)

    def get(self, order: str) -> Destroyed | None:
        """The destruction of an order."""
        return self._found.get(order)

    def plan(self, order: str) -> Sealed:
        """The plan of an order that was decided."""
        return Sealed.load((self._folder / (order + _PLAN)).read_bytes())

    @property
    def entries(self) -> Ranges:
        """Every record whose entry is destroyed, or about to be."""
        return Ranges.joined(run for one in list(self._found.values()) for run in one.plan.entries.runs)

    @property
    def records(self) -> Ranges:
        """Every record whose key and content are destroyed, or about to be."""
        return Ranges.joined(run for one in list(self._found.values()) for run in one.plan.records.runs)

    def covering(self, index: int) -> Destroyed | None:
        """The destruction that took the entry at an index."""
        return next((one for one in list(self._found.values()) if index in one.plan.entries), None)

    def require(self, index: int) -> None:
        """Raise VaultRefused when the entry at an index was destroyed."""
        if (one := self.covering(index)) is not None:
            raise VaultRefused("destroyed", f"the entry {index} was destroyed under the order {one.uuid}")

    def has_bundle(self, tile: Tile) -> bool:
        """Whether a tile is a bundle of which every entry was destroyed."""
        return tile.level == ENTRIES and self.covering(tile.index * WIDTH) is not None

    def put_plan(self, sealed: Sealed) -> Plan:
        """Make a plan durable: from here on its records are destroyed."""
        plan = plans.open_plan(sealed.note, self._vkey)
        self._put(plan.order.uuid + _PLAN, sealed)
        self._keep(Destroyed(plan, None, sealed))
        return plan

    def put_certificate(self, sealed: Sealed) -> Destroyed:
        """Make a certificate durable; DestructionError when it is not the log's, CorruptVault beside another one."""
        certificate = plans.open_certificate(sealed.note, self._vkey)
        self._put(certificate.plan.order.uuid + _CERTIFICATE, sealed)
        return self._keep(Destroyed(certificate.plan, certificate, sealed))

    def _put(self, name: str, sealed: Sealed) -> None:
        files.put_all(self._folder.parent, {self._folder / name: sealed.dump()})

    def _keep(self, one: Destroyed) -> Destroyed:
        known = self._found.get(one.uuid)
        if known and known.plan != one.plan:
            raise CorruptVault(f"plan and certificate of the order {one.uuid} do not say the same")
        self._found[one.uuid] = one
        return one

    def _read(self, path: Path) -> Destroyed:
        try:
            sealed = Sealed.load(path.read_bytes())
            if path.suffix == _PLAN:
                found = Destroyed(plans.open_plan(sealed.note, self._vkey), None, sealed)
            else:
                certificate = plans.open_certificate(sealed.note, self._vkey)
                found = Destroyed(certificate.plan, certificate, sealed)
        except DestructionError as error:
            raise CorruptVault(f"{FOLDER}/{self._folder.name}/{path.name}: {error}") from error
        if found.uuid != path.stem:
            raise CorruptVault(f"{FOLDER}/{self._folder.name}/{path.name} is of another order")
        return found


def unlink_bundles(folder: Path, entries: Ranges) -> int:
    """Unlink the bundles of these entries durably, with every partial one; how many files there were."""
    paths = list(bundle_files(folder, entries))
    files.destroy(paths)
    return len(paths)


def bundle_files(folder: Path, entries: Ranges) -> Iterator[Path]:
    """The files that hold the bundles of these entries, whole or partial."""
    for start, end in entries.runs:
        for number in range(start // WIDTH, end // WIDTH):
            full = folder / Tile(ENTRIES, number).path
            partial = full.with_suffix(".p")
            found = [full, full.with_name(full.name + files.TEMPORARY)]
            found += list(partial.iterdir()) if partial.is_dir() else []
            yield from (path for path in found if path.exists())
