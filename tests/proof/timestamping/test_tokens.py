"""The bytes of tokens beside asn1crypto: what we write by concatenation, it writes too."""

import hashlib
import os
from datetime import UTC, datetime, timedelta

import pytest
from asn1crypto import cms, tsp
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from hypothesis import given
from hypothesis import strategies as st

from emarge.proof.timestamping import messages, tokens
from emarge.proof.timestamping.errors import Fault, TimestampError
from emarge.proof.timestamping.tokens import DEMO_POLICY, TstInfoWriter

DIGEST = hashlib.sha256(b"record").digest()
IMPRINT = tsp.MessageImprint({"hash_algorithm": {"algorithm": "sha256"}, "hashed_message": DIGEST}).dump()


def reencoded(token):
    """The token once more, every part parsed strictly and written anew."""
    parsed = cms.ContentInfo.load(token, strict=True)
    content = parsed["content"]["encap_content_info"]["content"]
    again = tsp.TSTInfo.load(
        content.native_bytes if hasattr(content, "native_bytes") else content.contents, strict=True
    )
    assert again.native is not None
    assert again.dump(force=True) == content.contents
    assert parsed.native is not None
    return parsed.dump(force=True)


@pytest.mark.parametrize("nonce", [0, 127, 128, 2**64 - 1])
def test_a_token_is_the_same_after_a_strict_re_encode(stamp, now, nonce):
    for microsecond in (0, 1, 250000, 999999):
        token = stamp(b"record", at=now.replace(microsecond=microsecond), nonce=nonce)
        assert reencoded(token) == token


def test_a_token_with_its_certificate_too(authority, now):
    request = tsp.TimeStampReq(
        {"version": 1, "message_imprint": tsp.MessageImprint.load(IMPRINT), "cert_req": True}
    ).dump()
    token = messages.read_response(authority.respond(request, now=now))
    assert reencoded(token) == token
    certificates = cms.ContentInfo.load(token)["content"]["certificates"]
    assert [certificate.dump() for certificate in certificates] == authority.certificates


def test_a_token_says_what_the_format_lays_down(stamp, authority, now):
    token = stamp(b"record", nonce=9)
    signed = cms.ContentInfo.load(token)["content"]
    assert signed["version"].native == "v3"
    assert signed["encap_content_info"]["content"].parsed.native == {
        "version": "v1",
        "policy": DEMO_POLICY,
        "message_imprint": {
            "hash_algorithm": {"algorithm": "sha256", "parameters": None},
            "hashed_message": DIGEST,
        },
        "serial_number": tokens.read_token(token).info.serial,
        "gen_time": now,
        "accuracy": {"seconds": None, "millis": 500, "micros": None},
        "ordering": False,
        "nonce": 9,
        "tsa": None,
        "extensions": None,
    }
    (signer,) = signed["signer_infos"]
    named = signer["signed_attrs"][2]["values"][0]["certs"][0]
    assert [attribute["type"].native for attribute in signer["signed_attrs"]] == [
        "content_type",
        "message_digest",
        "signing_certificate_v2",
    ]
    assert named["cert_hash"].native == hashlib.sha256(authority.certificates[0]).digest()
    assert signer["unsigned_attrs"].native is None
    assert signed["certificates"].native is None


@given(
    st.datetimes(min_value=datetime(1000, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - Hypothesis adds UTC
    st.timedeltas(min_value=timedelta(microseconds=1), max_value=timedelta(seconds=1)),
    st.integers(1, 2**158),
    st.none() | st.integers(-(2**64), 2**64),
)
def test_a_statement_is_read_back(at, accuracy, serial, nonce):
    info = TstInfoWriter(DEMO_POLICY, at, accuracy).write(IMPRINT, serial, nonce)
    assert tsp.TSTInfo.load(info, strict=True).dump(force=True) == info
    assert tokens._read_tst_info(info) == tokens.TstInfo(DEMO_POLICY, DIGEST, serial, at, accuracy, nonce)


@pytest.mark.parametrize("data", [b"", b"\x30\x00", b"-----BEGIN"])
def test_what_is_no_token_is_malformed(data):
    with pytest.raises(TimestampError) as refused:
        tokens.read_token(data)
    assert refused.value.fault is Fault.MALFORMED


@pytest.mark.parametrize(("info", "signature"), [(100, 70), (130, 72), (128, 71), (127, 64)])
def test_a_frame_gives_the_token_that_is_built(info, signature):
    sid = tokens.signer_identifier(b"\x30\x00", 7)
    certificate = tokens.signing_certificate(bytes(range(32)))
    content, digest, signed = os.urandom(info), os.urandom(32), os.urandom(signature)
    attributes = tokens.signed_attributes(digest, certificate)
    frame = tokens.TokenFrame(sid, certificate)
    assert frame.attributes(digest) == attributes
    for _ in range(2):
        built = tokens.build_token(content, sid=sid, attributes=attributes, signature=signed)
        assert frame.token(content, digest, signed) == built


@pytest.mark.parametrize("s", [1, 127, 128, tokens.P256_HALF_ORDER, tokens.P256_HALF_ORDER + 1, tokens.P256_ORDER - 1])
@pytest.mark.parametrize("r", [1, 255, tokens.P256_ORDER - 1])
def test_the_smaller_s_is_kept(r, s):
    smaller = min(s, tokens.P256_ORDER - s)
    assert tokens.low_s(encode_dss_signature(r, s)) == encode_dss_signature(r, smaller)
