"""Tokens of other authorities: which are accepted, and the fault of each that is not. Oracle: OpenSSL."""

import hashlib
from datetime import UTC, datetime, timedelta
from functools import cache

import pytest
from asn1crypto import core, tsp
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.x509.oid import ExtendedKeyUsageOID, ObjectIdentifier
from tests.proof.timestamping.services import (
    DAY,
    POLICY,
    STAMPING,
    Hierarchy,
    OpensslService,
    authority,
    certify,
    der,
    new_key,
    stamper,
    token,
    usage,
)

from emarge.proof.timestamping import external_tokens, messages, tokens
from emarge.proof.timestamping.errors import Fault, TimestampError
from emarge.proof.timestamping.verify import Timestamp, prove, read_token, verify_token

DATA = b'{"event":"sign_in.signed"}'
DIGEST = hashlib.sha256(DATA).digest()
AT = datetime(2026, 11, 23, 9, 0, 0, 123456, tzinfo=UTC)


@cache
def hierarchy(kind="p256", *, intermediate=True):
    return Hierarchy(kind, intermediate=intermediate)


def made(other=None, **options):
    return token(other or hierarchy(), DIGEST, **{"at": AT, **options})


def verified(value, other=None, given=()):
    return verify_token(value, DATA, [der((other or hierarchy()).root)], list(given))


def fault(value, other=None, given=(), data=DATA):
    with pytest.raises(TimestampError) as refused:
        verify_token(value, data, [der((other or hierarchy()).root)], list(given))
    return refused.value.fault


@pytest.fixture(scope="module")
def answered(tmp_path_factory):
    """Tokens that OpenSSL made, with the folder of each service."""
    kinds = {
        "rsa": (Hierarchy("rsa"), "sha256", "accuracy = millisecs:500\ness_cert_id_alg = sha256"),
        "p384": (Hierarchy("p384"), "sha384", "ess_cert_id_alg = sha1\ness_cert_id_chain = yes"),
    }
    found = {}
    for name, (made_of, digest, options) in kinds.items():
        service = OpensslService(tmp_path_factory.mktemp("tsa") / name, made_of, digest=digest, options=options)
        query = messages.build_request(DIGEST, nonce=7, with_certificate=True)
        response = tsp.TimeStampResp.load(service.reply(query)[2])
        found[name] = service, response["time_stamp_token"].dump()
    return found


@pytest.mark.parametrize("name", ["rsa", "p384"])
def test_tokens_of_openssl_are_accepted(answered, openssl, name):
    service, given = answered[name]
    timestamp, signer = prove(given, DATA, service.roots, [])
    assert (timestamp.policy, timestamp.accuracy.total_seconds()) == (POLICY, {"rsa": 0.5, "p384": 1.0}[name])
    assert abs(timestamp.gen_time - datetime.now(UTC)) < timedelta(minutes=5)
    assert signer == der(service.hierarchy.signer)
    assert read_token(given) == timestamp
    (service.folder / "record").write_bytes(DATA)
    (service.folder / "token").write_bytes(given)
    verify = ["ts", "-verify", "-in", service.folder / "token", "-token_in", "-CAfile", service.folder / "roots.pem"]
    assert openssl(*verify, "-data", service.folder / "record") == (0, "Verification: OK\n")


@pytest.mark.parametrize("name", ["rsa", "p384"])
def test_each_signed_byte_of_openssl_s_tokens_counts(answered, name):
    service, given = answered[name]
    carried = external_tokens.read(given).certificates
    free = [(given.index(one), given.index(one) + len(one)) for one in carried]
    for place in range(0, len(given), 3):
        if any(start <= place < end for start, end in free):
            continue
        spoilt = bytearray(given)
        spoilt[place] ^= 0x01
        with pytest.raises(TimestampError):
            verify_token(bytes(spoilt), DATA, service.roots, [])


def test_openssl_agrees_with_what_the_maker_makes(openssl, tmp_path):
    service = OpensslService(tmp_path / "tsa", hierarchy())
    (tmp_path / "record").write_bytes(DATA)
    (tmp_path / "token").write_bytes(made(at=datetime.now(UTC)))
    verify = ["ts", "-verify", "-in", "token", "-token_in", "-CAfile", service.folder / "roots.pem"]
    assert openssl(*verify, "-data", "record") == (0, "Verification: OK\n")


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("rsa", {}),
        ("rsa", {"scheme": "plain", "hash_name": "sha384"}),
        ("rsa", {"scheme": "pss"}),
        ("rsa", {"scheme": "pss", "hash_name": "sha512", "ess": "both"}),
        ("rsa3072", {"hash_name": "sha512", "issuer_serial": False}),
        ("p256", {"ess": "v1"}),
        ("p256", {"key_sid": True}),
        ("p384", {"hash_name": "sha384"}),
        ("p521", {"hash_name": "sha512", "ess": "both"}),
        ("p256", {"changes": {"accuracy": {"seconds": 1}, "ordering": True}}),
        ("p256", {"changes": {"extensions": [{"extn_id": "1.3.6.1.5.5.7.1.3", "extn_value": b"\x30\x00"}]}}),
        ("p256", {"attributes": [("signing_time", [core.UTCTime(AT)])]}),
        ("p256", {"nonce": 2**64 - 1}),
    ],
)
def test_what_services_of_the_market_write_is_accepted(kind, options):
    assert verified(made(hierarchy(kind), **options), hierarchy(kind)).gen_time == AT


def test_without_its_certificates_they_must_be_given():
    bare = made(carried=[])
    assert fault(bare) is Fault.UNKNOWN_CERTIFICATE
    assert fault(bare, given=[der(hierarchy().signer)]) is Fault.UNTRUSTED
    assert verified(bare, given=[der(hierarchy().between), der(hierarchy().signer)]).policy == POLICY


def test_an_accuracy_that_is_not_said_is_a_second():
    expected = Timestamp(AT, timedelta(seconds=1), 2**159 + 1, POLICY)
    assert verified(made()) == expected
    said = made(changes={"accuracy": {"seconds": 0, "millis": 250, "micros": 1}})
    assert verified(said).accuracy == timedelta(microseconds=250_001)


@pytest.mark.parametrize("accuracy", [{"seconds": 1, "micros": 1}, {"seconds": 60}])
def test_an_accuracy_over_a_second(accuracy):
    assert fault(made(changes={"accuracy": accuracy})) is Fault.INACCURATE


def test_other_data():
    assert fault(made(), data=DATA + b" ") is Fault.OTHER_DATA


def test_another_key():
    assert fault(made(signed_by=new_key("p256"))) is Fault.BAD_SIGNATURE
    assert fault(made(signed_by=new_key("rsa"))) is Fault.BAD_SIGNATURE


def test_a_statement_exchanged_under_the_signature():
    good, other = (made(hierarchy("rsa"), at=at) for at in (AT, AT + timedelta(seconds=1)))
    was, now = (external_tokens.read(one).content for one in (good, other))
    assert fault(good.replace(was, now), hierarchy("rsa")) is Fault.NOT_BOUND


def test_names_that_mean_different_certificates():
    known, unknown = hierarchy(), Hierarchy("p256")
    twin = Hierarchy("p256", extensions=stamper())
    assert fault(made(carried=[unknown.signer, unknown.between])) is Fault.UNKNOWN_CERTIFICATE
    parsed = made(known)
    sid = external_tokens.read(parsed).sid
    swapped = parsed.replace(sid, sid[:-1] + bytes([sid[-1] ^ 1]))
    assert fault(swapped) is Fault.NOT_BOUND
    assert verified(made(twin), twin).policy == POLICY


def test_another_root():
    assert fault(made(), Hierarchy("p256")) is Fault.UNTRUSTED


@pytest.mark.parametrize(
    "extensions",
    [
        stamper()[:2],
        (*stamper()[:2], (x509.ExtendedKeyUsage([STAMPING]), False)),
        (*stamper()[:2], x509.ExtendedKeyUsage([STAMPING, ExtendedKeyUsageOID.CODE_SIGNING])),
        (*stamper()[:2], x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING])),
        (*authority(), stamper()[2]),
        (stamper()[0], usage("key_agreement"), stamper()[2]),
    ],
)
def test_a_signer_not_reserved_for_timestamping(extensions):
    other = Hierarchy("p256", extensions=extensions)
    assert fault(made(other), other) is Fault.WRONG_USAGE


def test_a_key_too_short():
    other = Hierarchy("rsa1024")
    assert fault(made(other), other) is Fault.WRONG_USAGE


@pytest.mark.parametrize(
    "extensions",
    [
        (),
        (x509.BasicConstraints(ca=False, path_length=None),),
        (authority()[0], usage("digital_signature")),
        (*authority(), (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]), False)),
        (*authority(), x509.UnrecognizedExtension(ObjectIdentifier("1.2.3.4"), b"\x05\x00")),
    ],
)
def test_an_intermediate_that_may_not_certify(extensions):
    other = Hierarchy("p256", intermediate_extensions=extensions)
    assert fault(made(other), other) is Fault.UNTRUSTED


def test_a_path_length_is_kept():
    other = Hierarchy("p256")
    other.root = certify("root", other.root_key, *authority(path_length=0))
    assert fault(made(other), other) is Fault.UNTRUSTED
    direct = Hierarchy("p256", intermediate=False)
    direct.root = certify("root", direct.root_key, *authority(path_length=0))
    assert verified(made(direct), direct).policy == POLICY


def test_a_certificate_signed_in_another_way_than_those_of_the_format():
    other = Hierarchy("p256")
    other.root_key = ed25519.Ed25519PrivateKey.generate()
    other.root = certify("root", other.root_key, *authority())
    other.between = certify("between", other.between_key, *authority(), issuer="root", issuer_key=other.root_key)
    assert fault(made(other), other) is Fault.UNTRUSTED


@pytest.mark.parametrize("life", [{"days": 1, "start": AT - 3 * DAY}, {"start": AT + DAY}])
def test_out_of_the_period_of_its_certificate(life):
    other = Hierarchy("p256", signer_options=life)
    assert fault(made(other), other) is Fault.OUT_OF_PERIOD


def test_out_of_the_period_of_an_intermediate_or_of_the_root():
    other = Hierarchy("p256")
    short = {"start": AT - 3 * DAY, "days": 1}
    good = other.between
    by_the_root = {"issuer": "root", "issuer_key": other.root_key}
    other.between = certify("between", other.between_key, *authority(), **by_the_root, **short)
    assert fault(made(other), other) is Fault.OUT_OF_PERIOD
    # Another certificate of the same intermediate is good: one good way up is enough.
    assert verified(made(other), other, [der(good)]).policy == POLICY
    other.between, other.root = good, certify("root", other.root_key, *authority(), **short)
    assert fault(made(other), other) is Fault.OUT_OF_PERIOD


def test_a_policy_of_ours_in_a_shape_that_is_not():
    assert fault(made(policy=tokens.QUORUM_POLICY)) is Fault.MALFORMED


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"signer_changes": {"unsigned_attrs": [{"type": "1.2.3.4", "values": [core.Null()]}]}}, Fault.UNEXPECTED_PART),
        ({"signer_changes": {"digest_algorithm": {"algorithm": "sha384"}}}, Fault.MALFORMED),
        ({"announced": "sha1"}, Fault.MALFORMED),
        ({"announced": "sha384"}, Fault.MALFORMED),
        ({"ess": "none"}, Fault.MALFORMED),
        ({"signed_changes": {"version": "v5"}}, Fault.MALFORMED),
        ({"carried": [hierarchy().signer] * 9}, Fault.MALFORMED),
        ({"changes": {"serial_number": -1}}, Fault.MALFORMED),
        ({"changes": {"serial_number": 2**160}}, Fault.MALFORMED),
        ({"changes": {"accuracy": {"millis": 1000}}}, Fault.MALFORMED),
        ({"changes": {"extensions": [{"extn_id": "1.2.3", "critical": True, "extn_value": b""}]}}, Fault.MALFORMED),
        ({"attributes": [("signing_time", [core.UTCTime(AT)])] * 2}, Fault.MALFORMED),
    ],
)
def test_a_shape_that_the_format_does_not_name(options, expected):
    assert fault(made(**options)) is expected


def test_nothing_can_be_cut_or_added():
    good = made()
    assert {fault(good[:size]) for size in range(0, len(good), 7)} == {Fault.MALFORMED}
    assert fault(good + b"\x00") is Fault.MALFORMED
    assert fault(b"\x30\x83\x00" + good[2:]) is Fault.MALFORMED


@pytest.mark.parametrize(
    ("text", "micros"),
    [(b"20261123090000Z", 0), (b"20261123090000.5Z", 500_000), (b"20261123090000.123456789Z", 123_456)],
)
def test_decimals_of_a_time(text, micros):
    assert external_tokens._six_decimals(text).startswith(text[:14])
    assert tokens.der.generalized_time_value(external_tokens._six_decimals(text)).microsecond == micros


@pytest.mark.parametrize("text", [b"20261123090000+0100", b"202611230900Z", b"20261123090000.Z", b"20261123090000"])
def test_times_that_are_not_in_utc(text):
    with pytest.raises(tokens.DerError):
        external_tokens._six_decimals(text)
