"""A token proves what it says or is refused with the fault named. Oracles: OpenSSL and rfc3161-client."""

import hashlib
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from asn1crypto import cms, core
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from rfc3161_client import VerifierBuilder, decode_timestamp_response

from emarge.proof.timestamping import messages, tokens
from emarge.proof.timestamping.certificates import SIGNER_LIFE
from emarge.proof.timestamping.errors import Fault, TimestampError
from emarge.proof.timestamping.verify import Timestamp, read_token, verify_token

DATA = b'{"event":"sign_in.signed"}'
STAMPING = ExtendedKeyUsageOID.TIME_STAMPING


class Forge:
    """Makes roots, signers and tokens with any fault in them."""

    def __init__(self, now):
        self.now = now
        self.root_key = ec.generate_private_key(ec.SECP256R1())
        self.key = ec.generate_private_key(ec.SECP256R1())

    def certificate(self, subject, key, *, extensions, issuer="root", life=SIGNER_LIFE):
        def name(text):
            return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

        builder = (
            x509.CertificateBuilder()
            .subject_name(name(subject))
            .issuer_name(name(issuer))
            .public_key(key.public_key())
            .serial_number(1000)
            .not_valid_before(self.now.replace(microsecond=0))
            .not_valid_after(self.now.replace(microsecond=0) + life)
        )
        for value, critical in extensions:
            builder = builder.add_extension(value, critical=critical)
        return builder.sign(self.root_key, hashes.SHA256())

    def root(self, *, authority=True, **changes):
        extensions = [(x509.BasicConstraints(ca=authority, path_length=None), True)]
        made = self.certificate("root", self.root_key, extensions=extensions, **changes)
        return made.public_bytes(Encoding.DER)

    def signer(self, *more, usage=(STAMPING,), critical=True, key=None, **changes):
        extensions = [(x509.ExtendedKeyUsage(usage), critical)] if usage else []
        return self.certificate("signer", key or self.key, extensions=[*extensions, *more], **changes)

    def token(self, certificate, *, data=DATA, content_digest=None, named=None, sid_serial=None, key=None):
        der = certificate.public_bytes(Encoding.DER)
        digest = hashlib.sha256(data).digest()
        imprint = messages.read_request(messages.build_request(digest, nonce=1)).imprint
        info = tokens.TstInfoWriter(tokens.DEMO_POLICY, self.now, timedelta(milliseconds=1)).write(imprint, 7, 1)
        attributes = tokens.signed_attributes(
            content_digest or hashlib.sha256(info).digest(),
            tokens.signing_certificate(named or hashlib.sha256(der).digest()),
        )
        signature = (key or self.key).sign(attributes, ec.ECDSA(hashes.SHA256()))
        r, s = decode_dss_signature(signature)
        if isinstance((key or self.key).curve, ec.SECP256R1):
            signature = encode_dss_signature(r, min(s, tokens.P256_ORDER - s))
        sid = tokens.signer_identifier(certificate.issuer.public_bytes(), sid_serial or certificate.serial_number)
        return tokens.build_token(info, sid=sid, attributes=attributes, signature=signature)

    def fault(self, certificate, token=None, *, roots=None):
        """The fault for which a token under a certificate is refused."""
        der = certificate.public_bytes(Encoding.DER)
        return fault(token or self.token(certificate), DATA, roots or [self.root()], [der])


def fault(token, data, roots, certificates):
    with pytest.raises(TimestampError) as refused:
        verify_token(token, data, roots, certificates)
    return refused.value.fault


@pytest.fixture
def forge(now):
    return Forge(now)


@pytest.fixture
def trust(authority):
    return [authority.root_certificate], authority.certificates


def test_a_token_proves_its_data(stamp, trust, now):
    token = stamp(DATA)
    serial = tokens.read_token(token).info.serial
    expected = Timestamp(now, timedelta(milliseconds=500), serial, tokens.DEMO_POLICY)
    assert verify_token(token, DATA, *trust) == expected
    assert read_token(token) == expected


def test_the_golden_token_verifies_for_ever(now):
    golden = {path.name: path.read_bytes() for path in (Path(__file__).parent / "golden").iterdir()}
    data = golden["record.json"]
    assert golden["request.tsq"] == messages.build_request(hashlib.sha256(data).digest(), nonce=2**63 + 5)
    assert verify_token(golden["token.der"], data, [golden["root.der"]], [golden["tsa.der"]]) == Timestamp(
        now, timedelta(milliseconds=500), 1, "2.25.133109607281002079832211882226271038126.1"
    )


def test_openssl_agrees(stamp, authority, openssl, tmp_path, now):
    (tmp_path / "record").write_bytes(DATA)
    (tmp_path / "other").write_bytes(DATA + b"\n")
    (tmp_path / "token").write_bytes(stamp(DATA))
    folder = authority._folder
    chain = [
        "-attime",
        int(now.timestamp()),
        "-CAfile",
        folder / "root.pem",
        "-untrusted",
        folder / "tsa.pem",
    ]
    verify = ["ts", "-verify", "-in", "token", "-token_in", *chain]
    assert openssl(*verify, "-data", "record") == (0, "Verification: OK\n")
    assert openssl(*verify, "-data", "other") == (1, "Verification: FAILED\n")


def test_openssl_accepts_the_answer_to_its_own_query(authority, openssl, tmp_path, now):
    (tmp_path / "record").write_bytes(DATA)
    assert openssl("ts", "-query", "-data", "record", "-sha256", "-cert", "-out", "query")[0] == 0
    answer = authority.respond((tmp_path / "query").read_bytes(), now=now)
    (tmp_path / "answer").write_bytes(answer)
    root = authority._folder / "root.pem"
    verify = [
        "ts",
        "-verify",
        "-queryfile",
        "query",
        "-in",
        "answer",
        "-CAfile",
        root,
        "-attime",
        int(now.timestamp()),
    ]
    assert openssl(*verify) == (0, "Verification: OK\n")


def test_rfc3161_client_agrees(authority, now):
    query = messages.build_request(hashlib.sha256(DATA).digest(), nonce=77)
    response = decode_timestamp_response(authority.respond(query, now=now))
    builder = VerifierBuilder(
        policy_id=x509.ObjectIdentifier(tokens.DEMO_POLICY),
        tsa_certificate=x509.load_der_x509_certificate(authority.certificates[0]),
        roots=[x509.load_der_x509_certificate(authority.root_certificate)],
        nonce=77,
    )
    assert builder.build().verify_message(response, DATA) is True
    assert response.tst_info.gen_time == now.replace(microsecond=0)  # it leaves fractions out


def test_other_data(stamp, trust):
    assert fault(stamp(DATA), DATA + b" ", *trust) is Fault.OTHER_DATA


@pytest.mark.parametrize("mask", [0x01, 0x80, 0xFF])
def test_each_byte_counts(stamp, trust, mask):
    token = stamp(DATA)
    for place in range(len(token)):
        spoilt = bytearray(token)
        spoilt[place] ^= mask
        with pytest.raises(TimestampError):
            verify_token(bytes(spoilt), DATA, *trust)


def test_nothing_can_be_cut_or_added(stamp, trust):
    token = stamp(DATA)
    assert {fault(token[:size], DATA, *trust) for size in range(len(token))} == {Fault.MALFORMED}
    assert fault(token + b"\x00", DATA, *trust) is Fault.MALFORMED


def test_the_other_form_of_a_signature(stamp, trust):
    token = stamp(DATA)
    parts = tokens.read_token(token)
    r, s = decode_dss_signature(parts.signature)
    other = tokens.build_token(
        parts.content,
        sid=parts.sid,
        attributes=parts.signed_attributes,
        signature=encode_dss_signature(r, tokens.P256_ORDER - s),
    )
    assert fault(other, DATA, *trust) is Fault.HIGH_S


def test_unsigned_parts(stamp, trust, authority):
    def changed(change):
        parsed = cms.ContentInfo.load(stamp(DATA))
        change(parsed["content"])
        return parsed.dump(force=True)

    def attribute(signed):
        signed["signer_infos"][0]["unsigned_attrs"] = [{"type": "1.2.3.4", "values": [core.Any(core.Null())]}]

    def certificate(signed):
        signed["certificates"] = [
            cms.CertificateChoices("certificate", cms.Certificate.load(authority.certificates[0]))
        ]

    assert fault(changed(attribute), DATA, *trust) is Fault.UNEXPECTED_PART
    assert fault(changed(certificate), DATA, *trust) is Fault.UNEXPECTED_PART


def test_a_longer_length_says_the_same_in_ber_and_is_refused(stamp, trust):
    token = stamp(DATA)
    assert token[:2] == b"\x30\x82"
    assert fault(b"\x30\x83\x00" + token[2:], DATA, *trust) is Fault.MALFORMED


def test_a_signature_over_another_statement(forge):
    signer = forge.signer()
    token = forge.token(signer, content_digest=hashlib.sha256(b"another").digest())
    assert forge.fault(signer, token) is Fault.NOT_BOUND


def test_a_signer_named_in_two_ways(forge):
    signer = forge.signer()
    assert forge.fault(signer, forge.token(signer, sid_serial=1001)) is Fault.NOT_BOUND


def test_a_certificate_that_is_not_given(forge):
    signer = forge.signer()
    token = forge.token(signer, named=hashlib.sha256(b"another").digest())
    assert forge.fault(signer, token) is Fault.UNKNOWN_CERTIFICATE


def test_another_key(forge):
    signer = forge.signer()
    token = forge.token(signer, key=ec.generate_private_key(ec.SECP256R1()))
    assert forge.fault(signer, token) is Fault.BAD_SIGNATURE


def test_what_the_forge_makes_without_a_fault_is_accepted(forge, now):
    signer = forge.signer()
    der = signer.public_bytes(Encoding.DER)
    assert verify_token(forge.token(signer), DATA, [forge.root()], [der]) == Timestamp(
        now, timedelta(milliseconds=1), 7, tokens.DEMO_POLICY
    )


@pytest.mark.parametrize(
    "options",
    [
        {"usage": ()},
        {"critical": False},
        {"usage": (ExtendedKeyUsageOID.CODE_SIGNING,)},
        {"usage": (STAMPING, ExtendedKeyUsageOID.CODE_SIGNING)},
    ],
)
def test_a_certificate_not_reserved_for_timestamping(forge, options):
    assert forge.fault(forge.signer(**options)) is Fault.WRONG_USAGE


def test_a_certificate_that_may_certify(forge):
    signer = forge.signer((x509.BasicConstraints(ca=True, path_length=None), True))
    assert forge.fault(signer) is Fault.WRONG_USAGE


def test_a_key_that_may_not_sign(forge):
    usage = dict.fromkeys(
        [
            "digital_signature",
            "content_commitment",
            "key_encipherment",
            "data_encipherment",
            "key_agreement",
            "crl_sign",
            "encipher_only",
            "decipher_only",
        ],
        False,
    )
    signer = forge.signer((x509.KeyUsage(**usage, key_cert_sign=True), True))
    assert forge.fault(signer) is Fault.WRONG_USAGE


def test_a_key_on_another_curve(forge):
    key = ec.generate_private_key(ec.SECP384R1())
    signer = forge.signer(key=key)
    assert forge.fault(signer, forge.token(signer, key=key)) is Fault.WRONG_USAGE


def test_another_root(forge, now):
    assert forge.fault(forge.signer(), roots=[Forge(now).root()]) is Fault.UNTRUSTED


def test_no_root(forge):
    signer = forge.signer()
    der = signer.public_bytes(Encoding.DER)
    assert fault(forge.token(signer), DATA, [], [der]) is Fault.UNTRUSTED


def test_a_root_that_is_no_authority(forge):
    assert forge.fault(forge.signer(), roots=[forge.root(authority=False)]) is Fault.UNTRUSTED


def test_after_the_end_of_the_certificate(forge, now):
    signer = forge.signer(life=timedelta(days=1))
    forge.now = now + timedelta(days=2)
    token = forge.token(signer)
    forge.now = now
    assert forge.fault(signer, token) is Fault.OUT_OF_PERIOD


def test_before_the_start_of_the_certificate(forge, now):
    signer = forge.signer()
    root = forge.root()
    forge.now = now - timedelta(days=2)
    assert forge.fault(signer, forge.token(signer), roots=[root]) is Fault.OUT_OF_PERIOD


def test_after_the_end_of_the_root(forge, now):
    signer, root = forge.signer(), forge.root(life=timedelta(days=1))
    forge.now = now + timedelta(days=2)
    assert forge.fault(signer, forge.token(signer), roots=[root]) is Fault.OUT_OF_PERIOD


def test_the_right_root_among_others(forge, now):
    signer = forge.signer()
    der = signer.public_bytes(Encoding.DER)
    roots = [Forge(now).root(), forge.root()]
    assert verify_token(forge.token(signer), DATA, roots, [b"no certificate", der]).serial == 7


def test_a_certificate_that_cannot_be_read(forge, stamp):
    spoilt = b"no certificate"
    signer = forge.signer()
    token = forge.token(signer, named=hashlib.sha256(spoilt).digest())
    assert fault(token, DATA, [forge.root()], [spoilt]) is Fault.MALFORMED
    assert fault(forge.token(signer), DATA, [spoilt], [signer.public_bytes(Encoding.DER)]) is Fault.MALFORMED


def with_version(der, number):
    """A certificate that says another version of X.509 than 3."""
    assert der.count(b"\xa0\x03\x02\x01\x02") == 1
    return der.replace(b"\xa0\x03\x02\x01\x02", bytes((0xA0, 3, 2, 1, number)))


def test_a_certificate_that_the_parser_does_not_know_is_refused_as_any_other(forge):
    """Each of these makes `cryptography` raise an exception that is no ValueError."""
    good = forge.signer()
    der = good.public_bytes(Encoding.DER)
    x400 = x509.UnrecognizedExtension(x509.ObjectIdentifier("2.5.29.17"), b"\x30\x02\xa3\x00")
    twice = x509.load_der_x509_certificate(forge.signer((x400, False)).public_bytes(Encoding.DER))
    unknown_key = der.replace(bytes.fromhex("06082a8648ce3d030107"), bytes.fromhex("06082a8648ce3d030177"))
    for spoilt in (with_version(der, 7), twice.public_bytes(Encoding.DER), unknown_key):
        assert spoilt != der
        token = forge.token(good, named=hashlib.sha256(spoilt).digest())
        assert fault(token, DATA, [forge.root()], [spoilt]) is Fault.MALFORMED


def test_nothing_beyond_the_base_dependencies_is_imported():
    listing = "import sys; import emarge.proof.timestamping.verify; print(*{m.split('.')[0] for m in sys.modules})"
    loaded = set(
        subprocess.run([sys.executable, "-c", listing], capture_output=True, text=True, check=True).stdout.split()
    )
    assert loaded & {"httpx", "granian", "django", "orjson", "apsw", "anyio"} == set()
