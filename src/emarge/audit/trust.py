"""What an inspector must know beforehand: the log's key and the roots of the timestamp authorities."""

import os
import re
import ssl
from pathlib import Path

from emarge.audit import vault
from emarge.lib.env import data_dir
from emarge.proof.evidence.trust import TrustAnchors
from emarge.proof.timestamping.certificates import read_roots
from emarge.proof.timestamping.errors import TimestampError
from emarge.proof.vault.errors import VaultRefused, VaultUnavailable

_PEM = re.compile(r"-----BEGIN CERTIFICATE-----\n[A-Za-z0-9+/=\n]+-----END CERTIFICATE-----\n")


def anchors(log: str, code: str) -> TrustAnchors:
    """The trust anchors of an institution code, whose ``fingerprint`` the inspector gets from elsewhere.

    Raises VaultUnavailable or VaultRefused when the vault does not give the log's key, or when the root
    certificate is not where it should be.
    """
    with vault.client("reader") as reader:
        vkey, mirrors, witnesses = reader.vkey(log), reader.cosigners(log), reader.witnesses(log)
    try:
        ders = tuple(ssl.PEM_cert_to_DER_cert(block.decode("ascii")) for block in roots())
    except ValueError as error:
        raise VaultUnavailable("the root certificate cannot be read") from error
    return TrustAnchors(vkey.partition("+")[0], vkey, code, ders, mirrors, witnesses)


def anchors_or_none(log: str, code: str) -> TrustAnchors | None:
    """The trust anchors for a screen, which says so when the vault does not answer."""
    try:
        return anchors(log, code)
    except (VaultUnavailable, VaultRefused):
        return None


def chain() -> list[bytes]:
    """The certificates of timestamp authorities below their roots, in PEM, which travel in a bundle.

    Ours, those of its former keys too, and what completes the chains of an external service. Raises VaultUnavailable
    when they are not where they should be, beside the root.
    """
    _, others = _external()
    ours = [block.encode("ascii") for block in _blocks(_root_file().with_name("tsa.pem"))]
    return ours + [ssl.DER_cert_to_PEM_cert(one).encode("ascii") for one in others]


def _external() -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
    """Roots and further certificates (DER) of the external service, past or present, of EMARGE_TSA_ROOTS."""
    named = os.environ.get("EMARGE_TSA_ROOTS")
    if not named:
        return (), ()
    try:
        return read_roots(Path(named).read_bytes())
    except (OSError, TimestampError) as error:
        raise VaultUnavailable("the certificates of EMARGE_TSA_ROOTS cannot be read") from error


def roots() -> list[bytes]:
    """The root certificates of the timestamp authorities that are trusted here, in PEM: ours, then an external one's.

    Raises VaultUnavailable.
    """
    others, _ = _external()
    ours = [block.encode("ascii") for block in _blocks(_root_file())]
    return ours + [ssl.DER_cert_to_PEM_cert(one).encode("ascii") for one in others]


def _root_file() -> Path:
    """The public root certificate: EMARGE_TIMESTAMP_ROOT, else the timestamp authority's of this machine."""
    named = os.environ.get("EMARGE_TIMESTAMP_ROOT")
    return Path(named) if named else data_dir() / "timestamping" / "root.pem"


def _blocks(path: Path) -> list[str]:
    """The certificates of a PEM file, one block each."""
    try:
        found = _PEM.findall(path.read_text(encoding="ascii"))
    except (OSError, ValueError) as error:
        raise VaultUnavailable(f"the certificate {path.name} cannot be read") from error
    if not found:
        raise VaultUnavailable(f"the certificate {path.name} cannot be read")
    return found
