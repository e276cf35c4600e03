"""What a client believes of an external service: a real one, made of OpenSSL, and each way to answer badly."""

import hashlib
import time
from datetime import UTC, datetime, timedelta

import pytest
from asn1crypto import core, tsp
from tests.proof.timestamping.services import (
    OTHER_POLICY,
    POLICY,
    REPLY,
    Hierarchy,
    OpensslService,
    der,
    granted,
    new_key,
    stamper,
    token,
)

from emarge.proof.timestamping.errors import Fault, TimestampError, TimestampUnavailable
from emarge.proof.timestamping.external_client import ExternalClient, Service, ServiceError
from emarge.proof.timestamping.verify import verify_token

DATA = b"record"
AGO = datetime.now(UTC) - timedelta(days=9)
DIGEST = hashlib.sha256(DATA).digest()


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    made = OpensslService(tmp_path_factory.mktemp("tsa") / "rsa", Hierarchy("rsa"))
    with made.serving() as url:
        made.url = url
        yield made


@pytest.fixture
def ask(service):
    """A function: the token that the service gives when it answers in another way than it would."""

    def asked(answer=None, *, now=None, patience=10.0, **options):
        service.queries.clear()
        service.headers.clear()
        service.answer = answer or service.reply
        clock = {"now": now} if now else {}
        client = ExternalClient(Service(service.url, service.roots, **options), patience=patience, **clock)
        try:
            return client.stamp([DIGEST])[0]
        finally:
            client.close()
            service.answer = service.reply

    return asked


def refusal(call, *arguments, **options):
    with pytest.raises(TimestampUnavailable) as refused:
        call(*arguments, **options)
    cause = refused.value.__cause__
    return str(refused.value), cause.fault if isinstance(cause, TimestampError) else None


def answering(service, **options):
    """An answer made by hand for the query that comes."""

    def answer(query):
        nonce = tsp.TimeStampReq.load(query)["nonce"].native
        made = token(service.hierarchy, DIGEST, **{"nonce": nonce, **options})
        return 200, REPLY, granted(made)

    return answer


def test_a_token_is_received_with_its_certificates(ask, service):
    given = ask(policy=OTHER_POLICY, credential="Basic dXNlcjpwYXNz")
    stamp = verify_token(given, DATA, service.roots, [])
    assert (stamp.policy, abs(stamp.gen_time - datetime.now(UTC)) < timedelta(seconds=30)) == (OTHER_POLICY, True)
    query = tsp.TimeStampReq.load(service.queries[0])
    assert (query["cert_req"].native, query["req_policy"].native) == (True, OTHER_POLICY)
    assert service.headers[0]["Authorization"] == "Basic dXNlcjpwYXNz"


def test_an_elliptic_service_without_accuracy(tmp_path):
    made = OpensslService(tmp_path / "ec", Hierarchy("p384"), digest="sha384", options="ess_cert_id_alg = sha1")
    with made.serving() as url:
        client = ExternalClient(Service(url, made.roots))
        given = client.stamp([DIGEST, hashlib.sha256(b"other").digest()])
        client.close()
    times = [
        verify_token(one, data, made.roots, []).gen_time for one, data in zip(given, (DATA, b"other"), strict=True)
    ]
    assert times == sorted(times)


def test_modifications_are_accepted_when_the_token_is_good(ask, service):
    def modified(query):
        nonce = tsp.TimeStampReq.load(query)["nonce"].native
        return 200, REPLY, granted(token(service.hierarchy, DIGEST, nonce=nonce), status=1)

    assert verify_token(ask(modified), DATA, service.roots, []).policy == POLICY


def test_a_service_that_sends_no_certificates_needs_them_given(ask, service):
    bare = answering(service, carried=[])
    assert refusal(ask, bare)[1] is Fault.UNKNOWN_CERTIFICATE
    chain = tuple(map(der, (service.hierarchy.signer, service.hierarchy.between)))
    assert verify_token(ask(bare, chain=chain), DATA, service.roots, chain).policy == POLICY


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"nonce": 5}, Fault.OTHER_REQUEST),
        ({"nonce": None}, Fault.OTHER_REQUEST),
        ({"at": datetime.now(UTC) - timedelta(minutes=5)}, Fault.OTHER_TIME),
        ({"at": datetime.now(UTC) + timedelta(minutes=5)}, Fault.OTHER_TIME),
        ({"signed_by": new_key("rsa")}, Fault.BAD_SIGNATURE),
        ({"changes": {"accuracy": {"seconds": 2}}}, Fault.INACCURATE),
        (
            {"changes": {"message_imprint": {"hash_algorithm": {"algorithm": "sha256"}, "hashed_message": bytes(32)}}},
            Fault.OTHER_DATA,
        ),
    ],
)
def test_each_false_answer_has_its_own_fault(ask, service, options, expected):
    text, found = refusal(ask, answering(service, **options))
    assert (found, text.startswith("The timestamp service's token is not good")) == (expected, True)


def test_another_policy_than_the_one_required(ask, service):
    assert refusal(ask, answering(service), policy=OTHER_POLICY)[1] is Fault.OTHER_POLICY


@pytest.mark.parametrize(
    ("hierarchy", "expected"),
    [
        (
            Hierarchy("p256", signer_options={"start": datetime.now(UTC) - timedelta(days=9), "days": 1}),
            Fault.OUT_OF_PERIOD,
        ),
        (Hierarchy("p256", extensions=stamper()[:2]), Fault.WRONG_USAGE),
    ],
)
def test_a_certificate_that_is_expired_or_of_another_use(service, hierarchy, expected):
    made = answering(type("Other", (), {"hierarchy": hierarchy}))
    service.answer = made
    client = ExternalClient(Service(service.url, (der(hierarchy.root),)))
    assert refusal(client.stamp, [DIGEST])[1] is expected
    client.close()
    service.answer = service.reply


def test_an_unknown_root(service):
    client = ExternalClient(Service(service.url, (der(Hierarchy("p256").root),)))
    assert refusal(client.stamp, [DIGEST])[1] is Fault.UNTRUSTED
    client.close()


def test_our_own_clock_may_be_what_is_wrong(ask):
    text, found = refusal(ask, now=lambda: datetime(2027, 1, 1, tzinfo=UTC))
    assert (found, "ours 2027-01-01" in text) == (Fault.OTHER_TIME, True)


def test_an_altered_signature(ask, service):
    def altered(query):
        status, kind, body = service.reply(query)
        return status, kind, body[:-1] + bytes([body[-1] ^ 1])

    assert refusal(ask, altered)[1] is Fault.BAD_SIGNATURE


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((503, "text/plain", b"busy"), "answered 503"),
        ((302, "text/plain", b""), "answered 302"),
        ((200, "text/html", b"<p>Log in first</p>"), "something else than a timestamp"),
        ((200, REPLY, b"nonsense"), "cannot be read"),
        ((200, REPLY, b""), "cannot be read"),
        ((200, REPLY, b"\x30" + bytes(70_000)), "too much"),
    ],
)
def test_answers_that_are_no_timestamp(ask, answer, words):
    assert words in refusal(ask, lambda _: answer)[0]


def test_a_rejection_says_why(ask):
    assert "refused (unacceptedPolicy)" in refusal(ask, policy="1.2.3.4")[0]


def test_an_answer_that_comes_drop_by_drop(ask):
    def drops():
        for _ in range(200):
            time.sleep(0.02)
            yield b"\x30"

    begun = time.monotonic()
    assert "too slowly" in refusal(ask, lambda _: (200, REPLY, drops()), patience=0.2)[0]
    assert time.monotonic() - begun < 2


def test_an_answer_that_does_not_come(ask, service):
    def late(query):
        time.sleep(0.5)
        return service.reply(query)

    assert "does not answer: ReadTimeout" in refusal(ask, late, patience=0.1)[0]


def test_nobody_at_the_address(service):
    client = ExternalClient(Service("http://127.0.0.1:9/", service.roots))
    assert "does not answer: ConnectError" in refusal(client.stamp, [DIGEST])[0]
    client.close()


def test_a_token_too_long_to_be_logged(ask, service):
    padded = [("1.2.3.4.5", [core.OctetString(bytes(16_000))])]
    text, found = refusal(ask, answering(service, attributes=padded))
    assert (found, "more than 16000 bytes" in text) == (Fault.MALFORMED, True)


def test_a_credential_is_not_sent_in_clear():
    with pytest.raises(ServiceError, match="https"):
        ExternalClient(Service("http://tsa.example/", (), credential="Bearer secret"))
    ExternalClient(Service("https://tsa.example/", (), credential="Bearer secret")).close()
