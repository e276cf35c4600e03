"""A real vault whose real tokens say the time of a file: what was certified years ago, without waiting."""

import hashlib
import shutil
import sys
from datetime import datetime
from pathlib import Path

from emarge.cli.vault import create_vault, token_time
from emarge.proof.timestamping import messages
from emarge.proof.timestamping.authority import Authority, create
from emarge.proof.vault.service.server import serve

# A certificate of the authority lives six years: both are within one.
LONG_AGO, NOW = datetime.fromisoformat("2021-01-12T09:00:00Z"), datetime.fromisoformat("2026-11-23T12:00:00Z")


def make(data: Path) -> None:
    """A vault and its authority, in the past."""
    (data / "credentials").mkdir(parents=True)
    create(data / "timestamping", name="Émarge", now=LONG_AGO)
    # One clock never goes back: the same authority twice, one of them in the future.
    shutil.copytree(data / "timestamping", data / "later")
    create_vault(data, name="emarge-test")
    set_time(data, LONG_AGO)


def set_time(data: Path, at: datetime) -> None:
    """Let the authority believe that it is another day."""
    (data / "now").write_text(at.isoformat())


def main(data: Path, port: int) -> None:
    with Authority.open(data / "timestamping") as first, Authority.open(data / "later") as second:
        authorities = {LONG_AGO: first, NOW: second}

        def stamp(digests: list[bytes]) -> list[bytes]:
            at = datetime.fromisoformat((data / "now").read_text())
            return [messages.read_response(authorities[at].respond(_request(digest), now=at)) for digest in digests]

        serve(data / "vault", port=port, stamp=stamp, token_time=token_time)


def _request(digest: bytes) -> bytes:
    return messages.build_request(digest, nonce=int.from_bytes(hashlib.sha256(digest).digest()[:7], "big") | 1)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[3]))
