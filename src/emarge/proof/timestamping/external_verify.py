"""Whether another authority's token proves when some bytes existed: docs/formats/timestamping.md."""

import hashlib
from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID

from emarge.proof.timestamping import certificates, external_tokens, tokens
from emarge.proof.timestamping.der import tlv
from emarge.proof.timestamping.errors import Fault, TimestampError
from emarge.proof.timestamping.external_tokens import ExternalToken, Named, Scheme

MAX_CHAIN = 6
_RSA_BITS = range(2048, 8193)
_CURVES = (ec.SECP256R1, ec.SECP384R1, ec.SECP521R1)
_HASHES = (hashes.SHA256, hashes.SHA384, hashes.SHA512)
_READ = {
    ExtensionOID.BASIC_CONSTRAINTS,
    ExtensionOID.KEY_USAGE,
    ExtensionOID.EXTENDED_KEY_USAGE,
    ExtensionOID.CERTIFICATE_POLICIES,
}
_STAMPING = {ExtendedKeyUsageOID.TIME_STAMPING, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE}
_SUBJECT_KEY = 0x80


class _Period(NamedTuple):
    """When every certificate of one chain is valid."""

    start: datetime
    end: datetime


def verify(parts: ExternalToken, digest: bytes, roots: Sequence[bytes], given: Sequence[bytes]) -> bytes:
    """The certificate (DER) under which a token over a SHA-256 is good, or `TimestampError`.

    ``given`` are certificates (DER) besides the token's own.
    """
    if parts.info.digest != digest:
        raise TimestampError(Fault.OTHER_DATA, "it was made for other data")
    if parts.content_digest != hashlib.new(parts.digest_hash.name, parts.content).digest():
        raise TimestampError(Fault.NOT_BOUND, "its signature is over another statement")
    signer = _signer_certificate(parts, given)
    loaded = _loaded_signer(signer)
    _check_named(parts, loaded)
    periods = _periods(signer, (*parts.certificates, *given), tuple(roots))
    if not any(start <= parts.info.gen_time <= end for start, end in periods):
        raise TimestampError(Fault.OUT_OF_PERIOD, "its time is outside the validity of its certificates")
    try:
        _check_signature(loaded, parts.scheme, parts.signature, parts.signed_attributes)
    except InvalidSignature as error:
        raise TimestampError(Fault.BAD_SIGNATURE, "its signature is not good") from error
    return signer


def _signer_certificate(parts: ExternalToken, given: Sequence[bytes]) -> bytes:
    """The certificate (DER) that a token names, among its own and those given. Raises `TimestampError`."""
    for certificate in (*parts.certificates, *given):
        if all(named.is_of(certificate) for named in parts.named):
            return certificate
    raise TimestampError(Fault.UNKNOWN_CERTIFICATE, "the certificate that it names is not given")


def _check_named(parts: ExternalToken, signer: x509.Certificate) -> None:
    """Every way in which a token names its signer must mean the same certificate."""
    issuer = signer.issuer.public_bytes()

    def agrees(named: Named) -> bool:
        return named.issuer_serial in {None, (issuer, signer.serial_number)}

    if parts.sid[0] == _SUBJECT_KEY:
        extensions = {type(extension.value): extension.value for extension in signer.extensions}
        key = extensions.get(x509.SubjectKeyIdentifier)
        good = isinstance(key, x509.SubjectKeyIdentifier) and parts.sid == tlv(_SUBJECT_KEY, key.digest)
    else:
        good = parts.sid == tokens.signer_identifier(issuer, signer.serial_number)
    if not good or not all(map(agrees, parts.named)):
        raise TimestampError(Fault.NOT_BOUND, "it names its signer in two different ways")


def _check_signature(signer: x509.Certificate, scheme: Scheme, signature: bytes, signed: bytes) -> None:
    """Raises InvalidSignature, or `TimestampError` when the key is of another kind."""
    key, chosen = signer.public_key(), scheme.hash
    if isinstance(key, rsa.RSAPublicKey) and scheme.kind in {"rsa", "pss"}:
        mask = padding.MGF1(scheme.hash)
        pss = padding.PSS(mask, scheme.salt)
        key.verify(signature, signed, pss if scheme.kind == "pss" else padding.PKCS1v15(), chosen)
    elif isinstance(key, ec.EllipticCurvePublicKey) and scheme.kind == "ecdsa":
        key.verify(signature, signed, ec.ECDSA(chosen))
    else:
        raise TimestampError(Fault.BAD_SIGNATURE, "it is signed in another way than its key can")


# A log has few signers and very many tokens: the checks of a certificate are the same each time.
@lru_cache(maxsize=64)
def _loaded_signer(certificate: bytes) -> x509.Certificate:
    """A certificate that may sign tokens (RFC 3161 §2.3), under whatever root. Raises `TimestampError`."""
    loaded = certificates.load(certificate)
    certificates.check_reserved_for_timestamping(loaded)
    key = loaded.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        strong = key.key_size in _RSA_BITS
    else:
        strong = isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, _CURVES)
    if not strong:
        raise TimestampError(Fault.WRONG_USAGE, "the key of its certificate is not of a size or curve allowed here")
    return loaded


@lru_cache(maxsize=64)
def _periods(signer: bytes, pool: tuple[bytes, ...], roots: tuple[bytes, ...]) -> tuple[_Period, ...]:
    """When each chain from a signer to a trusted root is valid. Raises `TimestampError` when there is none."""
    loaded = certificates.load(signer)
    trusted = [certificates.load(root) for root in roots]
    between = [certificates.load(one) for one in dict.fromkeys(pool) if one != signer and one not in roots]
    chains = list(_chains([loaded], between, trusted))
    if not chains:
        raise TimestampError(Fault.UNTRUSTED, "its certificate does not come from a trusted root")
    return tuple(
        _Period(max(one.not_valid_before_utc for one in chain), min(one.not_valid_after_utc for one in chain))
        for chain in chains
    )


def _chains(
    chain: list[x509.Certificate], between: list[x509.Certificate], roots: list[x509.Certificate]
) -> Iterator[list[x509.Certificate]]:
    """Every way up from the last certificate of a chain to a root."""
    if len(chain) >= MAX_CHAIN or not _is_plain(chain[-1]):
        return
    for root in roots:
        if _issued(chain, root):
            yield [*chain, root]
    for one in between:
        if one not in chain and _issued(chain, one):
            yield from _chains([*chain, one], between, roots)


def _is_plain(certificate: x509.Certificate) -> bool:
    """Whether everything critical in a certificate is understood, and its signature of today's kind."""
    critical = {extension.oid for extension in certificate.extensions if extension.critical}
    return critical <= _READ and isinstance(certificate.signature_hash_algorithm, _HASHES)


def _issued(chain: list[x509.Certificate], issuer: x509.Certificate) -> bool:
    """Whether a certificate may and did certify the last one of a chain."""
    values = {type(extension.value): extension.value for extension in issuer.extensions}
    basic, usage, extended = (
        values.get(kind) for kind in (x509.BasicConstraints, x509.KeyUsage, x509.ExtendedKeyUsage)
    )
    if not isinstance(basic, x509.BasicConstraints) or not basic.ca:
        return False
    if basic.path_length is not None and basic.path_length < len(chain) - 1:
        return False
    if isinstance(usage, x509.KeyUsage) and not usage.key_cert_sign:
        return False
    if isinstance(extended, x509.ExtendedKeyUsage) and not _STAMPING & set(extended):
        return False
    try:
        chain[-1].verify_directly_issued_by(issuer)
    except (*certificates.UNREADABLE, TypeError, InvalidSignature):
        return False
    return True


def read(token: bytes) -> ExternalToken:
    """Take a token of another authority apart. Raises `TimestampError`, also when it claims a policy of ours."""
    parts = external_tokens.read(token)
    if parts.info.policy.startswith(f"{tokens.ARC}."):
        raise TimestampError(Fault.MALFORMED, "it claims a policy of ours in a shape that is not")
    return parts
