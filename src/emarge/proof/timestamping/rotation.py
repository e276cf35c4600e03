"""The keys of an authority over the years: certified by its root, replaced, never used again.

docs/formats/timestamping.md, *Rotation*, lays down the order of the writes.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from emarge.proof.timestamping import certificates, reservation
from emarge.proof.timestamping.errors import AuthorityError

ROOT, ROOT_KEY, SIGNERS, SIGNER_KEY, NEXT_KEY = "root.pem", "root-key.pem", "tsa.pem", "tsa-key.pem", "tsa-key-next.pem"
RENEWAL = timedelta(days=90)
"""How long before its end a certificate is to be renewed."""


def rotate(folder: Path, *, now: datetime, root_key: Path | None = None) -> x509.Certificate:
    """Make a new key that signs tokens, certified by the root; the former certificates stay listed.

    ``root_key`` is where the root's key is kept, by default the authority's folder. A running authority goes on with
    the former key until its next start. Raises `AuthorityError`, and nothing is changed.
    """
    with _alone(folder):
        root, listed = read_certificates(folder)
        authority_key = _load_key(root_key or folder / ROOT_KEY)
        if authority_key.public_key() != root.public_key():
            raise AuthorityError("That is not the key of the authority's root certificate.")
        if not root.not_valid_before_utc <= now < root.not_valid_after_utc:
            raise AuthorityError("The root certificate is out of its period: make a new authority.")
        _finish(folder, listed[0])
        key = ec.generate_private_key(ec.SECP256R1())
        name = str(root.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)[0].value)
        signer = certificates.make_signer(key.public_key(), root=root, root_key=authority_key, name=name, now=now)
        reservation.replace(folder / NEXT_KEY, private_pem(key))
        blocks = [one.public_bytes(serialization.Encoding.PEM) for one in (signer, *listed)]
        reservation.replace(folder / SIGNERS, b"".join(blocks))
        _finish(folder, signer)
    return signer


def read_certificates(folder: Path) -> tuple[x509.Certificate, list[x509.Certificate]]:
    """The root, and the certificates that sign or signed tokens, the current one first. Raises `AuthorityError`."""
    try:
        root = x509.load_pem_x509_certificate((folder / ROOT).read_bytes())
        return root, x509.load_pem_x509_certificates((folder / SIGNERS).read_bytes())
    except (OSError, ValueError) as error:
        raise AuthorityError(f"{folder} does not hold a timestamp authority ({error}).") from error


def signing_key(folder: Path, signer: x509.Certificate) -> ec.EllipticCurvePrivateKey:
    """The key of a certificate, even when a rotation was cut short. Raises `AuthorityError`."""
    following = folder / NEXT_KEY
    if following.exists() and (key := _load_key(following)).public_key() == signer.public_key():
        return key
    key = _load_key(folder / SIGNER_KEY)
    if key.public_key() != signer.public_key():
        raise AuthorityError(f"The key in {folder} is not the key of its certificate.")
    return key


def private_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    """A key as it is written: PKCS #8, not encrypted."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _finish(folder: Path, signer: x509.Certificate) -> None:
    """Give the key of the current certificate its final name; the former key is gone with that."""
    following = folder / NEXT_KEY
    if following.exists() and _load_key(following).public_key() == signer.public_key():
        following.replace(folder / SIGNER_KEY)
        reservation.sync_folder(folder)


def _load_key(path: Path) -> ec.EllipticCurvePrivateKey:
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as error:
        raise AuthorityError(f"The key {path} cannot be read ({error}).") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise AuthorityError(f"The key {path} is not one of an authority.")
    return key


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One rotation at a time. The authority's own lock is not taken: it may be running."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise AuthorityError(f"{folder} does not hold a timestamp authority ({error}).") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
