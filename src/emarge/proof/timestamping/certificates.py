"""Certificates of timestamp authorities: how ours are made, how anybody's are read (RFC 3161 §2.3, RFC 5280)."""

from datetime import datetime, timedelta

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from emarge.proof.timestamping.errors import Fault, TimestampError

# Tokens are checked at their own time, so the signer's certificate only limits how long new ones are given.
ROOT_LIFE = timedelta(days=20 * 365)
SIGNER_LIFE = timedelta(days=6 * 365)
# What the parser raises for bytes that are no certificate; they have no common ancestor.
UNREADABLE = (
    ValueError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)


def make_root(key: ec.EllipticCurvePrivateKey, *, name: str, now: datetime) -> x509.Certificate:
    """A self-signed root that may certify signers of tokens and nothing below them."""
    subject = _name(name, "timestamp root")
    builder = _builder(subject, subject, key.public_key(), now, ROOT_LIFE)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_key_usage(signs_certificates=True), critical=True)
    return builder.sign(key, hashes.SHA256())


def make_signer(
    public_key: ec.EllipticCurvePublicKey,
    *,
    root: x509.Certificate,
    root_key: ec.EllipticCurvePrivateKey,
    name: str,
    now: datetime,
) -> x509.Certificate:
    """The certificate of a key that signs tokens: extended key usage critical, timeStamping alone.

    It ends with its root at the latest.
    """
    life = min(SIGNER_LIFE, root.not_valid_after_utc - now.replace(microsecond=0))
    builder = _builder(_name(name, "timestamp authority"), root.subject, public_key, now, life)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(_key_usage(signs_certificates=False), critical=True)
    usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING])
    builder = builder.add_extension(usage, critical=True)
    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key())
    return builder.add_extension(issuer, critical=False).sign(root_key, hashes.SHA256())


def _name(name: str, role: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, name),
            x509.NameAttribute(NameOID.COMMON_NAME, role),
        ]
    )


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: datetime, life: timedelta
) -> x509.CertificateBuilder:
    start = now.replace(microsecond=0)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + life)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def load(certificate: bytes) -> x509.Certificate:
    """A certificate (DER) whose parts can be read; it must be the whole of the bytes. Raises `TimestampError`."""
    try:
        loaded = x509.load_der_x509_certificate(certificate)
        # Parsed on first use, and it must be now.
        loaded.public_key(), loaded.extensions, loaded.signature_hash_algorithm, loaded.subject, loaded.issuer
    except UNREADABLE as error:
        raise TimestampError(Fault.MALFORMED, "a certificate cannot be read") from error
    if loaded.public_bytes(Encoding.DER) != certificate:
        raise TimestampError(Fault.MALFORMED, "a certificate is not canonical")
    return loaded


def read_roots(pem: bytes) -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
    """The self-signed certificates of a PEM file, which are roots, and the others, which complete chains (DER).

    Raises `TimestampError` when it holds no root, or something else than certificates.
    """
    try:
        found = [load(one.public_bytes(Encoding.DER)) for one in x509.load_pem_x509_certificates(pem)]
    except UNREADABLE as error:
        raise TimestampError(Fault.MALFORMED, "a file of certificates cannot be read") from error
    ders = {one.public_bytes(Encoding.DER): one.subject == one.issuer for one in found}
    roots, others = (tuple(der for der, root in ders.items() if root is wanted) for wanted in (True, False))
    if not roots:
        raise TimestampError(Fault.MALFORMED, "a file of certificates holds no root: none is self-signed")
    return roots, others


def check_reserved_for_timestamping(certificate: x509.Certificate) -> None:
    """RFC 3161 §2.3: it may sign tokens and nothing else, and says so critically. Raises `TimestampError`."""
    extensions = {type(extension.value): extension for extension in certificate.extensions}
    usage = extensions.get(x509.ExtendedKeyUsage)
    if usage is None or not usage.critical or list(usage.value) != [ExtendedKeyUsageOID.TIME_STAMPING]:
        raise TimestampError(Fault.WRONG_USAGE, "its certificate is not reserved for timestamping")
    key_usage = extensions.get(x509.KeyUsage)
    if key_usage is not None and not (key_usage.value.digital_signature or key_usage.value.content_commitment):
        raise TimestampError(Fault.WRONG_USAGE, "the key of its certificate may not sign")
    constraints = extensions.get(x509.BasicConstraints)
    if constraints is not None and constraints.value.ca:
        raise TimestampError(Fault.WRONG_USAGE, "its certificate may certify others")
