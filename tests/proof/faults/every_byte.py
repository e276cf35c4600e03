"""Change a bundle byte by byte: nothing that differs from the true bundle may verify.

``python -m tests.proof.faults.every_byte [BUNDLE FINGERPRINT]`` changes each byte in turn, three ways: in the container
as it is; in each file with the container made anew; in each listed file with the manifest made anew as well. By
default it takes the golden bundle. Exits 1 naming the first change that verifies.
"""

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.proof.evidence.school import relisted

from emarge.proof.evidence import bundle, layout
from emarge.proof.evidence.errors import EvidenceError
from emarge.proof.evidence.verify import verify_bundle

GOLDEN = Path(__file__).parent.parent / "golden"


def changed(content, position):
    """The content with one bit turned, another one from a byte to the next."""
    return content[:position] + bytes([content[position] ^ 1 << position % 8]) + content[position + 1 :]


def places(files: dict[str, bytes]) -> list[tuple[str, int]]:
    """Every byte of every file."""
    return [(name, position) for name in sorted(files) for position in range(len(files[name]))]


def in_the_container(data: bytes, positions: Iterable[int]) -> Iterator[tuple[str, bytes]]:
    for position in positions:
        yield f"byte {position} of the container", changed(data, position)


def in_the_files(
    files: dict[str, bytes], chosen: Iterable[tuple[str, int]], *, relist: bool
) -> Iterator[tuple[str, bytes]]:
    for name, position in chosen:
        if relist and not layout.is_listed(name):
            continue
        forged = {**files, name: changed(files[name], position)}
        yield f"byte {position} of {name}", bundle.write(relisted(forged) if relist else forged)


def survivors(forgeries: Iterable[tuple[str, bytes]], fingerprint: str) -> list[str]:
    """The changes that still verify; anything but EvidenceError is a fault of the verifier and comes through."""
    found = []
    for what, data in forgeries:
        try:
            verify_bundle(data, fingerprint)
        except EvidenceError:
            continue
        found.append(what)
    return found


def main(arguments: list[str]) -> int:
    if arguments:
        data, fingerprint = Path(arguments[0]).read_bytes(), arguments[1]
    else:
        data, fingerprint = (GOLDEN / "bundle.zip").read_bytes(), (GOLDEN / "fingerprint").read_text().strip()
    verify_bundle(data, fingerprint)
    files = bundle.read(data)
    ways = {
        "container": in_the_container(data, range(len(data))),
        "files": in_the_files(files, places(files), relist=False),
        "files and manifest": in_the_files(files, places(files), relist=True),
    }
    for way, forgeries in ways.items():
        found = survivors(forgeries, fingerprint)
        sys.stdout.write(f"{way}: {len(found)} changes verify\n")
        sys.stdout.flush()
        if found:
            sys.stdout.write(f"{found[0]}\n")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
