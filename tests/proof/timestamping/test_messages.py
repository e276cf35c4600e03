"""Requests and responses beside asn1crypto and OpenSSL."""

import hashlib

import pytest
from asn1crypto import core, tsp
from hypothesis import given
from hypothesis import strategies as st

from emarge.proof.timestamping import messages
from emarge.proof.timestamping.der import DerError
from emarge.proof.timestamping.messages import Failure, RejectedError
from emarge.proof.timestamping.tokens import DEMO_POLICY

DIGEST = hashlib.sha256(b"record").digest()


def request(**changes):
    fields = {
        "version": 1,
        "message_imprint": {"hash_algorithm": {"algorithm": "sha256"}, "hashed_message": DIGEST},
        **changes,
    }
    return tsp.TimeStampReq({name: value for name, value in fields.items() if value is not None}).dump()


@given(st.integers(0, 2**64 - 1))
def test_a_request_is_what_another_library_writes(nonce):
    ours = messages.build_request(DIGEST, nonce=nonce)
    parsed = tsp.TimeStampReq.load(ours, strict=True)
    assert parsed.native["nonce"] == nonce
    assert parsed.native["message_imprint"]["hashed_message"] == DIGEST
    assert messages.read_request(ours).nonce == nonce
    assert parsed.dump(force=True) == ours


def test_every_part_of_a_request_is_read():
    read = messages.read_request(request(req_policy=DEMO_POLICY, nonce=-7, cert_req=True))
    imprint = tsp.TimeStampReq.load(request())["message_imprint"].dump()
    assert read == messages.Request(imprint, DEMO_POLICY, -7, with_certificate=True)


def test_a_query_of_openssl_is_read(openssl, tmp_path):
    (tmp_path / "record").write_bytes(b"record")
    assert openssl("ts", "-query", "-data", "record", "-sha256", "-cert", "-out", "query")[0] == 0
    read = messages.read_request((tmp_path / "query").read_bytes())
    expected = tsp.TimeStampReq.load((tmp_path / "query").read_bytes())
    assert read == messages.Request(
        expected["message_imprint"].dump(), None, expected.native["nonce"], with_certificate=True
    )
    assert expected.native["message_imprint"]["hashed_message"] == DIGEST


def imprint(algorithm, digest):
    return {"hash_algorithm": {"algorithm": algorithm}, "hashed_message": digest}


@pytest.mark.parametrize(
    ("data", "failure"),
    [
        (b"", Failure.BAD_DATA_FORMAT),
        (b"not DER at all", Failure.BAD_DATA_FORMAT),
        (request()[:-1], Failure.BAD_DATA_FORMAT),
        (request() + b"\x00", Failure.BAD_DATA_FORMAT),
        (request(message_imprint=imprint("sha256", DIGEST[:-1])), Failure.BAD_DATA_FORMAT),
        (request(version=2), Failure.BAD_REQUEST),
        (request(message_imprint=imprint("sha1", bytes(20))), Failure.BAD_ALG),
        (request(message_imprint=imprint("sha512", bytes(64))), Failure.BAD_ALG),
        (request(extensions=[{"extn_id": "1.2.3", "extn_value": b""}]), Failure.UNACCEPTED_EXTENSION),
    ],
)
def test_a_bad_request_is_rejected_with_its_bit(data, failure):
    with pytest.raises(RejectedError) as refused:
        messages.read_request(data)
    assert refused.value.failure is failure


@given(st.binary(max_size=200))
def test_no_bytes_break_the_reader(data):
    with pytest.raises(RejectedError):
        messages.read_request(data)


@pytest.mark.parametrize("failure", Failure)
def test_a_rejection_is_what_another_library_reads(failure):
    data = messages.rejection(failure, "Réponse négative.")
    outer = core.SequenceOf.load(
        data, spec=tsp.PKIStatusInfo, strict=True
    )  # asn1crypto wants a token in every TimeStampResp
    assert len(outer) == 1
    status = outer[0]
    names = {"BAD_ALG": "bad_alg", "UNACCEPTED_EXTENSION": "unaccepted_extensions"}
    assert status.native == {
        "status": "rejection",
        "status_string": ["Réponse négative."],
        "fail_info": {names.get(failure.name, failure.name.lower())},
    }
    with pytest.raises(RejectedError, match="Réponse négative") as refused:
        messages.read_response(data)
    assert refused.value.failure is failure


def test_a_response_carries_its_token():
    token = b"\x30\x03\x02\x01\x07"
    assert messages.read_response(messages.granted(token)) == token


@pytest.mark.parametrize(
    "data", [b"", b"\x30\x00", b"\x30\x05\x30\x03\x02\x01\x00", messages.granted(b"\x30\x00") + b"0"]
)
def test_what_is_no_response_is_not_read(data):
    with pytest.raises(DerError):
        messages.read_response(data)


def test_a_batch_is_cut_where_its_parts_end():
    parts = [messages.build_request(DIGEST, nonce=nonce) for nonce in (0, 2**64 - 1, 255)]
    assert messages.split(b"".join(parts)) == parts
    assert messages.split(b"") == []
    with pytest.raises(DerError):
        messages.split(b"".join(parts)[:-1])
