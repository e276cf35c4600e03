"""Which files a bundle is made of (docs/formats/bundle.md, *Files*)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from emarge.proof.evidence.errors import EvidenceError, Fault

README = "README.txt"
TRUST = "trust.json"
MANIFEST = "manifest.json"
SHEET = "sheet.pdf"
PRODUCED = "produced"
RECORD, TOKEN, PROOF = ".json", ".tst", ".tlog-proof"
SEALED, KEY = ".bin", ".key"
NOTE, GROWTH = ".checkpoint", ".consistency"
MAX_INDEX = 10**10 - 1
_PROVED = (RECORD, TOKEN, PROOF)
_SINGLE = (README, TRUST, MANIFEST, SHEET)
_INDEXED = re.compile(r"(?:records/([0-9]{10})\.(?:json|tst|tlog-proof)|contents/([0-9]{10})\.(?:bin|key))")
_DATED = re.compile(r"dated/([0-9]{10})\.(?:checkpoint|tst|consistency)")
_CERTIFICATE = re.compile(r"certificates/[a-z0-9-]{1,64}\.pem")


@dataclass(frozen=True)
class Layout:
    """What the names of a bundle say: indexes ascending, names of certificates ascending, dated sizes ascending."""

    records: tuple[int, ...]
    contents: tuple[int, ...]
    certificates: tuple[str, ...]
    dated: tuple[int, ...] = ()


def record_stem(index: int) -> str:
    """Where the record of an index lies, without its extension."""
    return f"records/{index:010d}"


def content_stem(index: int) -> str:
    """Where the content of the record of an index lies, without its extension."""
    return f"contents/{index:010d}"


def dated_stem(size: int) -> str:
    """Where the dated checkpoint of a size lies, without its extension."""
    return f"dated/{size:010d}"


def is_listed(name: str) -> bool:
    """Whether the manifest lists this file: all but itself, the proofs and the production record."""
    return name != MANIFEST and not name.endswith((PROOF, GROWTH)) and not name.startswith(f"{PRODUCED}.")


def read(names: Iterable[str]) -> Layout:
    """The layout of a bundle. Raises EvidenceError for a file that is missing or has no place."""
    present = set(names)
    records, contents, dated, certificates = set(), set(), set(), []
    free = {*_SINGLE, *(PRODUCED + extension for extension in _PROVED)}
    for name in sorted(present - free):
        indexed = _INDEXED.fullmatch(name)
        if indexed and indexed[1]:
            records.add(int(indexed[1]))
        elif indexed:
            contents.add(int(indexed[2]))
        elif stamped := _DATED.fullmatch(name):
            dated.add(int(stamped[1]))
        elif _CERTIFICATE.fullmatch(name):
            certificates.append(name)
        else:
            raise EvidenceError(Fault.FILE_UNEXPECTED, name, "a bundle has no such file")
    needed = free | {record_stem(index) + extension for index in records for extension in _PROVED}
    needed |= {content_stem(index) + extension for index in contents for extension in (SEALED, KEY)}
    needed |= {dated_stem(size) + extension for size in dated for extension in (NOTE, TOKEN, GROWTH)}
    for name in sorted(needed - present):
        raise EvidenceError(Fault.FILE_MISSING, name, "a bundle has this file")
    for index in sorted(contents - records):
        raise EvidenceError(Fault.FILE_UNEXPECTED, content_stem(index) + SEALED, "no record goes with it")
    if not records:
        raise EvidenceError(Fault.FILE_MISSING, "records/", "there is no record")
    if not certificates:
        raise EvidenceError(Fault.FILE_MISSING, "certificates/", "there is no certificate")
    return Layout(tuple(sorted(records)), tuple(sorted(contents)), tuple(certificates), tuple(sorted(dated)))
