"""The authority: made once on purpose, and what it answers."""

import hashlib
import os
import signal
import stat
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from asn1crypto import tsp
from rfc3161_client import decode_timestamp_response

from emarge.proof.timestamping import messages, tokens
from emarge.proof.timestamping.authority import Authority, create
from emarge.proof.timestamping.certificates import SIGNER_LIFE
from emarge.proof.timestamping.clock import declared
from emarge.proof.timestamping.comparison import ClockState
from emarge.proof.timestamping.errors import AuthorityError, ClockUnfit
from emarge.proof.timestamping.messages import Failure, RejectedError
from emarge.proof.timestamping.reservation import COUNT_BITS
from emarge.proof.timestamping.verify import Timestamp, read_token

QUERY = messages.build_request(hashlib.sha256(b"record").digest(), nonce=1)
FILES = {
    "root.pem",
    "root-key.pem",
    "tsa.pem",
    "tsa-key.pem",
    "credential",
    "reserved.json",
}


def count(serial):
    """The part of a serial number that counts; the run stands above it."""
    assert serial.bit_length() == 127
    return serial % 2**COUNT_BITS


def stamped(authority, reading):
    return read_token(messages.read_response(authority.answer([QUERY], reading)[0]))


def test_what_create_makes(tmp_path, now):
    credential = create(tmp_path / "authority", name="Émarge", now=now)
    files = {file.name: stat.S_IMODE(file.stat().st_mode) for file in (tmp_path / "authority").iterdir()}
    assert files == dict.fromkeys(FILES, 0o600)
    assert stat.S_IMODE((tmp_path / "authority").stat().st_mode) == 0o700
    assert [path.name for path in tmp_path.iterdir()] == ["authority"]
    with Authority.open(tmp_path / "authority") as authority:
        assert authority.credential_digest == hashlib.sha256(credential.encode()).hexdigest()


def test_create_refuses_an_existing_folder(tmp_path, now):
    (tmp_path / "authority").mkdir()
    with pytest.raises(AuthorityError, match="exists already"):
        create(tmp_path / "authority", name="Émarge", now=now)
    assert list((tmp_path / "authority").iterdir()) == []


def test_create_leaves_nothing_half_made(tmp_path, now, monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(OSError, match="No space"):
        create(tmp_path / "authority", name="Émarge", now=now)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["", "x" * 65])
def test_a_name_has_the_length_that_certificates_allow(tmp_path, now, name):
    with pytest.raises(AuthorityError, match="1 to 64"):
        create(tmp_path / "authority", name=name, now=now)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("missing", ["root.pem", "tsa.pem", "tsa-key.pem"])
def test_an_incomplete_folder_is_refused(folder, missing):
    (folder / missing).unlink()
    with pytest.raises(AuthorityError, match=r"does not hold|cannot be read"):
        Authority.open(folder)


def test_another_key_is_refused(folder):
    (folder / "tsa-key.pem").write_bytes((folder / "root-key.pem").read_bytes())
    with pytest.raises(AuthorityError, match="not the key"):
        Authority.open(folder)


def test_a_spoilt_credential_is_refused_rather_than_ignored(folder):
    (folder / "credential").write_text("")
    with pytest.raises(AuthorityError, match="credential"):
        Authority.open(folder)


def test_a_token_carries_the_reading(authority, now):
    stamp = stamped(authority, declared(now, timedelta(milliseconds=20, microseconds=3)))
    assert replace(stamp, serial=count(stamp.serial)) == Timestamp(
        now, timedelta(milliseconds=20, microseconds=3), 1, tokens.DEMO_POLICY
    )


def test_a_batch_is_answered_in_order_and_one_bad_request_spoils_nothing_else(authority, now):
    digests = [hashlib.sha256(bytes([number])).digest() for number in range(3)]
    queries = [messages.build_request(digest, nonce=number) for number, digest in enumerate(digests)]
    answers = authority.answer([queries[0], b"nonsense", *queries[1:]], declared(now))
    with pytest.raises(RejectedError) as refused:
        messages.read_response(answers.pop(1))
    assert refused.value.failure is Failure.BAD_DATA_FORMAT
    read = [tokens.read_token(messages.read_response(answer)).info for answer in answers]
    assert [(info.digest, info.nonce, count(info.serial)) for info in read] == [
        (digests[0], 0, 1),
        (digests[1], 1, 3),
        (digests[2], 2, 4),
    ]


@pytest.mark.parametrize("policy", [tokens.DEMO_POLICY, "1.2.3.4"])
def test_a_policy_asked_for_is_given_or_refused(authority, now, policy):
    query = tsp.TimeStampReq.load(QUERY).copy()
    query["req_policy"] = policy
    answer = authority.respond(query.dump(force=True), now=now)
    if policy == tokens.DEMO_POLICY:
        assert read_token(messages.read_response(answer)).policy == policy
    else:
        with pytest.raises(RejectedError) as refused:
            messages.read_response(answer)
        assert refused.value.failure is Failure.UNACCEPTED_POLICY


def test_signatures_have_the_smaller_s(authority, now):
    answers = authority.answer([QUERY] * 64, declared(now))
    assert max(tokens.read_token(messages.read_response(a)).s for a in answers) <= tokens.P256_HALF_ORDER


def test_time_never_goes_back_and_the_accuracy_still_covers_the_clock(authority, now):
    steps = [0, 300, 100, 250, -150, 301]
    bound = timedelta(milliseconds=500)
    given = [stamped(authority, declared(now + timedelta(milliseconds=step), bound)) for step in steps]
    milliseconds = [(stamp.gen_time - now) // timedelta(milliseconds=1) for stamp in given]
    assert milliseconds == [0, 300, 300, 300, 300, 301]
    assert [stamp.accuracy // timedelta(milliseconds=1) for stamp in given] == [500, 500, 700, 550, 950, 500]
    assert [count(stamp.serial) for stamp in given] == [1, 2, 3, 4, 5, 6]


def test_a_clock_that_stepped_back_too_far_gets_no_token(authority, now):
    stamped(authority, declared(now))
    with pytest.raises(ClockUnfit, match="behind"):
        authority.respond(QUERY, now=now - timedelta(milliseconds=501))
    assert count(stamped(authority, declared(now)).serial) == 2


@pytest.mark.parametrize("state", [ClockState.OUT_OF_SYNC, ClockState.UNKNOWN])
def test_an_unfit_clock_gets_no_token(authority, now, state):
    with pytest.raises(ClockUnfit, match=state.value):
        authority.answer([QUERY], replace(declared(now), state=state))


def test_no_token_exceeds_the_declared_accuracy(authority, now):
    reading = replace(declared(now, timedelta(milliseconds=60)), limit=timedelta(milliseconds=100))
    assert stamped(authority, reading).accuracy == timedelta(milliseconds=60)
    # The clock goes back a little: genTime stays, the accuracy grows, as far as it may.
    behind = replace(reading, at=now - timedelta(milliseconds=40))
    assert (stamped(authority, behind).gen_time, stamped(authority, behind).accuracy) == (now, behind.limit)
    with pytest.raises(ClockUnfit, match="behind"):
        authority.answer([QUERY], replace(reading, at=now - timedelta(milliseconds=41)))
    with pytest.raises(ClockUnfit, match="declared trusted"):
        authority.answer([QUERY], replace(reading, bound=timedelta(milliseconds=101)))


@pytest.mark.parametrize("at", [-timedelta(seconds=1), SIGNER_LIFE + timedelta(seconds=1)])
def test_no_token_outside_the_certificate(authority, now, at):
    with pytest.raises(ClockUnfit, match="certificate"):
        authority.respond(QUERY, now=now + at)


def test_one_process_signs_and_others_read(authority, folder, now):
    authority.hold()
    with Authority.open(folder) as other:
        assert other.certificates == authority.certificates
        with pytest.raises(AuthorityError, match="Another process"):
            other.respond(QUERY, now=now)


def test_a_clean_restart_goes_on_at_once(folder, now):
    for serial in (1, 2, 3):
        with Authority.open(folder) as authority:
            assert count(stamped(authority, declared(now)).serial) == serial


@pytest.mark.parametrize(
    ("query", "info"),
    [
        (["-sha256", "-cert"], None),
        (["-sha256", "-no_nonce"], None),
        (["-sha256", "-tspolicy", tokens.DEMO_POLICY], None),
        (["-sha256", "-tspolicy", "1.2.3.4"], "the requested TSA policy is not supported by the TSA"),
        (["-sha512"], "unrecognized or unsupported algorithm identifier"),
        (["-sha1"], "unrecognized or unsupported algorithm identifier"),
    ],
)
def test_openssl_asks_and_reads_every_answer(authority, openssl, tmp_path, *, now, query, info):
    (tmp_path / "record").write_bytes(b"record")
    assert openssl("ts", "-query", "-data", "record", *query, "-out", "query")[0] == 0
    (tmp_path / "answer").write_bytes(authority.respond((tmp_path / "query").read_bytes(), now=now))
    _, text = openssl("ts", "-reply", "-in", "answer", "-text")
    assert ("Status: Granted." in text, "Status: Rejected." in text) == (info is None, info is not None)
    assert info is None or info in text
    root = ["-CAfile", authority._folder / "root.pem", "-untrusted", authority._folder / "tsa.pem"]
    verify = ["ts", "-verify", "-queryfile", "query", "-in", "answer", *root, "-attime", int(now.timestamp())]
    assert (openssl(*verify)[0] == 0) is (info is None)


@pytest.mark.parametrize(
    ("failure", "info"),
    [
        (Failure.BAD_ALG, "unrecognized or unsupported algorithm identifier"),
        (Failure.BAD_REQUEST, "transaction not permitted or supported"),
        (Failure.BAD_DATA_FORMAT, "the data submitted has the wrong format"),
        (Failure.TIME_NOT_AVAILABLE, "the TSA's time source is not available"),
        (Failure.UNACCEPTED_POLICY, "the requested TSA policy is not supported by the TSA"),
        (Failure.UNACCEPTED_EXTENSION, "the requested extension is not supported by the TSA"),
        (Failure.SYSTEM_FAILURE, "the request cannot be handled due to system failure"),
    ],
)
def test_openssl_reads_every_refusal(openssl, tmp_path, failure, info):
    (tmp_path / "answer").write_bytes(messages.rejection(failure, "No."))
    _, text = openssl("ts", "-reply", "-in", "answer", "-text")
    assert ("Status: Rejected." in text, "Status description: No." in text, info in text) == (True, True, True)
    assert decode_timestamp_response((tmp_path / "answer").read_bytes()).status == 2


STAMP_FOR_EVER = """
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from emarge.proof.timestamping import messages
from emarge.proof.timestamping.authority import Authority
from emarge.proof.timestamping.clock import declared
from emarge.proof.timestamping.errors import ClockUnfit
from emarge.proof.timestamping.verify import read_token
authority = Authority.open(Path(sys.argv[1]))
query = messages.build_request(bytes(32), nonce=1)
while True:
    try:
        answers = authority.answer([query] * 7, declared(datetime.now(UTC), timedelta(milliseconds=1)))
    except ClockUnfit:
        continue
    for stamp in map(read_token, map(messages.read_response, answers)):
        print(stamp.serial, stamp.gen_time.isoformat(), flush=True)
"""


@pytest.mark.processes
def test_serials_and_time_survive_kill_9(tmp_path):
    create(tmp_path / "authority", name="Émarge", now=datetime.now(UTC))
    given = []
    for round_number in range(8):
        process = subprocess.Popen(
            [sys.executable, "-c", STAMP_FOR_EVER, str(tmp_path / "authority")],
            stdout=subprocess.PIPE,
            text=True,
        )
        lines = [process.stdout.readline() for _ in range(20 + round_number)]
        process.send_signal(signal.SIGKILL)
        lines += process.stdout.read().splitlines(keepends=True)
        process.stdout.close()
        assert process.wait() == -signal.SIGKILL
        given += [line.split() for line in lines if line.endswith("\n")]
    serials = [int(serial) for serial, _ in given]
    times = [datetime.fromisoformat(at) for _, at in given]
    assert len(set(serials)) == len(serials)
    counts = [serial % 2**COUNT_BITS for serial in serials]
    assert counts == sorted(counts)
    assert len({serial >> COUNT_BITS for serial in serials}) == 8
    assert times == sorted(times)
