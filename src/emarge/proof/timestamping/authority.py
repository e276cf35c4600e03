"""The timestamp authority of RFC 3161: its folder, and its answers. See docs/formats/timestamping.md."""

import hashlib
import logging
import re
import secrets
import shutil
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from emarge.proof.timestamping import certificates, messages, reservation, rotation, tokens
from emarge.proof.timestamping.clock import Reading, declared
from emarge.proof.timestamping.errors import AuthorityError, ClockUnfit
from emarge.proof.timestamping.messages import Failure, RejectedError, Request

_ALGORITHM = ec.ECDSA(hashes.SHA256())
_CREDENTIAL = "credential"
_NAME_LIMIT = 64  # RFC 5280, ub-organization-name
_DIGEST = re.compile(r"[0-9a-f]{64}")
_REMINDER = timedelta(days=1)

_log = logging.getLogger("emarge.timestamping")


def create(folder: Path, *, name: str, now: datetime, root_key: Path | None = None) -> str:
    """Make an authority in a new folder, under an organisation's name; return its client credential.

    ``root_key`` is where the root's key is written instead of the folder: a file that must not exist. The folder
    appears whole or not at all. Raises `AuthorityError` when it exists, the name is too long, or that file exists.
    """
    if folder.exists():
        raise AuthorityError(f"{folder} exists already: an authority is never made over another.")
    if not 1 <= len(name) <= _NAME_LIMIT:
        raise AuthorityError(f"The name of an authority has 1 to {_NAME_LIMIT} characters.")
    credential = secrets.token_urlsafe(32)
    making = folder.with_name(f".{folder.name}-{secrets.token_hex(8)}")
    making.mkdir(mode=0o700)
    key = ec.generate_private_key(ec.SECP256R1())
    kept: Path | None = None
    try:
        _fill(making, name, credential, now, key)
        kept = _keep_root_key(root_key or making / rotation.ROOT_KEY, key)
        making.rename(folder)
    except BaseException as error:
        if kept:
            kept.unlink()
        shutil.rmtree(making)
        if isinstance(error, OSError) and folder.exists():
            raise AuthorityError(f"{folder} appeared meanwhile.") from error
        raise
    reservation.sync_folder(folder.parent)
    return credential


def _keep_root_key(path: Path, key: ec.EllipticCurvePrivateKey) -> Path:
    try:
        reservation.write_new(path, rotation.private_pem(key))
    except FileExistsError as error:
        raise AuthorityError(f"{path} exists already: no key is ever written over another.") from error
    reservation.sync_folder(path.parent)
    return path


def _fill(folder: Path, name: str, credential: str, now: datetime, root_key: ec.EllipticCurvePrivateKey) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    root = certificates.make_root(root_key, name=name, now=now)
    signer = certificates.make_signer(key.public_key(), root=root, root_key=root_key, name=name, now=now)
    files = {
        rotation.ROOT: root.public_bytes(serialization.Encoding.PEM),
        rotation.SIGNERS: signer.public_bytes(serialization.Encoding.PEM),
        rotation.SIGNER_KEY: rotation.private_pem(key),
        _CREDENTIAL: hashlib.sha256(credential.encode("ascii")).hexdigest().encode("ascii") + b"\n",
    }
    for file, content in files.items():
        reservation.write_new(folder / file, content)
    reservation.start(folder)
    reservation.sync_folder(folder)


class Authority:
    """An authority ready to answer. Its certificates are free to read; giving tokens locks the folder."""

    def __init__(
        self,
        folder: Path,
        *,
        root: x509.Certificate,
        signers: Sequence[x509.Certificate],
        key: ec.EllipticCurvePrivateKey,
        credential_digest: str | None,
    ) -> None:
        self._folder = folder
        self._key = key
        signer = signers[0]
        self._period = (
            max(signer.not_valid_before_utc, root.not_valid_before_utc),
            min(signer.not_valid_after_utc, root.not_valid_after_utc),
        )
        self._remind_at = self._period[1] - rotation.RENEWAL
        self._certificate = signer.public_bytes(serialization.Encoding.DER)
        self._sid = tokens.signer_identifier(signer.issuer.public_bytes(), signer.serial_number)
        attribute = tokens.signing_certificate(hashlib.sha256(self._certificate).digest())
        self._frame = tokens.TokenFrame(self._sid, attribute)
        self.root_certificate = root.public_bytes(serialization.Encoding.DER)
        self.certificates = [one.public_bytes(serialization.Encoding.DER) for one in signers]
        """DER of the certificates whose keys sign, or signed, its tokens, the current one first; not the root."""
        self.credential_digest = credential_digest
        self.issued = 0
        self.refused: Counter[Failure] = Counter()

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Open the authority of a folder. Raises `AuthorityError` when it is not a whole one."""
        root, signers = rotation.read_certificates(folder)
        key = rotation.signing_key(folder, signers[0])
        try:
            credential = folder / _CREDENTIAL
            digest = credential.read_text("ascii").strip() if credential.exists() else None
        except (OSError, ValueError) as error:
            raise AuthorityError(f"{folder} does not hold a timestamp authority ({error}).") from error
        if digest is not None and not _DIGEST.fullmatch(digest):
            raise AuthorityError(f"The credential file in {folder} is not a SHA-256 in hexadecimal.")
        return cls(folder, root=root, signers=signers, key=key, credential_digest=digest)

    def describe(self, now: datetime) -> dict[str, Any]:
        """The certificate of the key that signs, for people: docs/formats/timestamping.md, *Status*."""
        start, end = self._period
        return {
            "not_before": start.isoformat(),
            "not_after": end.isoformat(),
            "renew": now >= end - rotation.RENEWAL,
            "former": len(self.certificates) - 1,
        }

    def remind(self, now: datetime) -> None:
        """Log, once a day, that the certificate ends soon."""
        if now >= self._remind_at:
            self._remind_at = now + _REMINDER
            end = f"{self._period[1]:%F}"
            _log.warning("the certificate that signs tokens ends on %s: emarge timestamping rotate", end)

    @cached_property
    def _reserved(self) -> reservation.Reservation:
        """Locked with the first token and kept: two processes would break the order of time."""
        return reservation.Reservation(self._folder)

    def hold(self) -> None:
        """Take the right to sign now. Raises `AuthorityError` when another process has it."""
        _ = self._reserved

    def respond(self, request: bytes, *, now: datetime) -> bytes:
        """Answer one TimeStampReq at ``now``, the system clock being declared trusted. See `answer`."""
        return self.answer([request], declared(now))[0]

    def answer(self, requests: Sequence[bytes], reading: Reading) -> list[bytes]:
        """One TimeStampResp per TimeStampReq, in order.

        Raises `ClockUnfit` when the reading cannot be stamped, OSError when serials cannot be reserved,
        `AuthorityError` when another process signs with this folder: no token exists then.
        """
        try:
            gen_time, accuracy = self._instant(reading)
            first = self._reserved.take(len(requests), gen_time)
        except (ClockUnfit, OSError, AuthorityError) as error:
            unfit = isinstance(error, ClockUnfit)
            self.refused[Failure.TIME_NOT_AVAILABLE if unfit else Failure.SYSTEM_FAILURE] += len(requests)
            raise
        writer = tokens.TstInfoWriter(reading.policy, gen_time, accuracy)
        return [
            self._answer(request, serial, writer, reading.policy)
            for serial, request in enumerate(requests, start=first)
        ]

    def _instant(self, reading: Reading) -> tuple[datetime, timedelta]:
        """The genTime to write, never before an earlier one, and an accuracy that covers the reading."""
        if not reading.fit:
            raise ClockUnfit(f"The clock is {reading.state}: {reading.reason}.")
        gen_time = max(reading.at, self._reserved.latest)
        accuracy = reading.bound + (gen_time - reading.at)
        if accuracy > reading.limit:
            raise ClockUnfit("The clock is behind a time that may have been given already.")
        if not self._period[0] <= gen_time <= self._period[1]:
            raise ClockUnfit("The certificate of the authority is out of its period.")
        self.remind(gen_time)
        return gen_time, accuracy

    def _answer(self, data: bytes, serial: int, writer: tokens.TstInfoWriter, policy: str) -> bytes:
        try:
            request = messages.read_request(data)
        except RejectedError as rejected:
            return self._reject(rejected.failure, str(rejected))
        if request.policy is not None and request.policy != policy:
            return self._reject(Failure.UNACCEPTED_POLICY, f"Tokens are given under {policy} alone.")
        info = writer.write(request.imprint, serial, request.nonce)
        self.issued += 1
        return messages.granted(self._token(info, request))

    def _reject(self, failure: Failure, text: str) -> bytes:
        self.refused[failure] += 1
        return messages.rejection(failure, text)

    def _token(self, info: bytes, request: Request) -> bytes:
        digest = hashlib.sha256(info).digest()
        attributes = self._frame.attributes(digest)
        signature = tokens.low_s(self._key.sign(attributes, _ALGORITHM))
        if not request.with_certificate:
            return self._frame.token(info, digest, signature)
        return tokens.build_token(
            info, sid=self._sid, attributes=attributes, signature=signature, certificate=self._certificate
        )

    def close(self) -> None:
        """Let another process sign; a clean restart goes on where this one stopped."""
        if "_reserved" in vars(self):
            vars(self).pop("_reserved").close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
