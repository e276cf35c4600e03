import os
import subprocess
import sys
import uuid
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from tests.proof.evidence.school import MEETING, NINE, ORIGIN, REQUEST, SPACE, School, named, pseudonym

from emarge.proof.evidence import bundle, trust
from emarge.proof.evidence.verdict import Caution, Person, RecordVerdict, Warn
from emarge.proof.evidence.verify import verify_bundle
from emarge.proof.timestamping import tokens

ROOT = Path(__file__).parents[3]
GOLDEN = ROOT / "tests" / "proof" / "golden"
EVERY = tuple(range(12))


def person(name):
    return Person(**named(name)[0])


def test_a_bundle_says_what_was_asked_and_when_it_was_made(played):
    _, data, fingerprint = played
    verdict = verify_bundle(data, fingerprint)
    assert (verdict.code, verdict.fingerprint, verdict.log, verdict.size) == ("CFA Démo", fingerprint, ORIGIN, 12)
    assert (verdict.request, verdict.produced_index) == (REQUEST, 11)
    assert verdict.produced_at == NINE + timedelta(days=2, seconds=1)
    assert verdict.warnings == (Caution(Warn.DEMO_POLICY, EVERY), Caution(Warn.CLOCK_UNKNOWN, EVERY))
    assert [record.event for record in verdict.records] == [
        "log.opened",
        "roll_call.opened",
        "roll_call.marked",
        "roll_call.marked",
        "roll_call.ended",
        "sign_in.opened",
        "sign_in.signed",
        "sign_in.signed",
        "meeting.validated",
        "audit_trail.requested",
        "audit_trail.approved",
    ]


def test_a_record_says_who_what_when_and_who_vouched(played):
    _, data, fingerprint = played
    assert verify_bundle(data, fingerprint).records[7] == RecordVerdict(
        index=7,
        id=str(uuid.uuid5(SPACE, "record 7")),
        event="sign_in.signed",
        role="student",
        actor=person("alan"),
        student=person("alan"),
        teachers=(),
        meeting=MEETING,
        meeting_title="Compilation",
        method="keyboard",
        presence=None,
        at=NINE + timedelta(minutes=22),
        bound=None,
        certified_at=NINE + timedelta(hours=2, minutes=22),
        accuracy=timedelta(milliseconds=500),
        delay=timedelta(hours=2),
        opened=True,
        log=ORIGIN,
        authority="Vault Example, timestamp authority",
    )


def test_who_is_not_named_stays_a_pseudonym(played):
    _, data, fingerprint = played
    assert verify_bundle(data, fingerprint).records[0].actor == Person(pseudonym("blaise"), None)


def test_the_name_in_the_own_content_of_a_record_goes_first(school):
    married = [{"pseudonym": pseudonym("ada"), "name": "Ada King"}]
    drawing = "v1;300x150;1,1"
    school.sign("ada", NINE)
    school.sign("ada", NINE + timedelta(days=1), content={"people": married, "drawing": drawing})
    school.add("student.flagged", "ada", NINE + timedelta(days=1), student="ada", details={"flagged": True})
    records = verify_bundle(school.bundle(), school.anchors.fingerprint).records
    assert [record.actor.name for record in records] == ["Ada Lovelace", "Ada King", "Ada King"]


def test_a_student_is_named_by_the_newest_record_that_does(school):
    married = [{"pseudonym": pseudonym("ada"), "name": "Ada King"}]
    absent = {"presence": "absent", "minutes_late": 0}
    school.add("student.listed", "hopper", NINE, student="ada", content={"people": named("hopper", "ada")})
    school.add("roll_call.marked", "hopper", NINE, student="ada", meeting=MEETING, details=absent)
    school.add("student.listed", "hopper", NINE, student="ada", content={"people": married})
    records = verify_bundle(school.bundle(), school.anchors.fingerprint).records
    assert [record.student.name for record in records] == ["Ada Lovelace", "Ada King", "Ada King"]
    assert [record.actor.name for record in records] == ["Grace Hopper"] * 3


def test_a_content_that_was_destroyed_or_not_asked_for_is_said(school):
    school.play()
    del school.sealed[6]
    verdict = verify_bundle(school.bundle(), school.anchors.fingerprint)
    assert verdict.warnings[-1] == Caution(Warn.NOT_OPENED, (6,))
    assert [record.opened for record in verdict.records[5:8]] == [True, False, True]


def test_records_may_be_left_out_of_a_bundle_when_it_is_made(school):
    school.play()
    verdict = verify_bundle(school.bundle([4, 5, 6, 9, 10]), school.anchors.fingerprint)
    assert [record.index for record in verdict.records] == [4, 5, 6, 9, 10]
    assert [caution.warn for caution in verdict.warnings] == [Warn.DEMO_POLICY, Warn.CLOCK_UNKNOWN]


def test_a_bundle_holds_records_from_before_and_after_a_new_key(tmp_path):
    school = School(tmp_path / "authority").play()
    school.rotate(NINE + timedelta(days=1, hours=2))
    data = school.bundle()
    signers = {tokens.read_token(value).sid for name, value in bundle.read(data).items() if name.endswith(".tst")}
    assert len(signers) == len([name for name in bundle.read(data) if name.startswith("certificates/")]) == 2
    assert len(verify_bundle(data, school.anchors.fingerprint).records) == 11


def test_who_gave_a_token_is_told_among_several_authorities(school):
    school.add("log.opened", "blaise", NINE)
    school.add_authority("Second Example")
    school.add("parameters.changed", "blaise", NINE + timedelta(minutes=1))
    verdict = verify_bundle(school.bundle(), school.anchors.fingerprint)
    assert [record.authority for record in verdict.records] == [
        "Vault Example, timestamp authority",
        "Second Example, timestamp authority",
    ]


@pytest.fixture
def openssl(tmp_path):
    def run(*arguments):
        done = subprocess.run(
            ["openssl", *arguments],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            env={"PATH": os.environ["PATH"], "OPENSSL_CONF": os.devnull},
        )
        return done.returncode, done.stdout.strip()

    return run


@pytest.mark.parametrize("stem", ["records/0000000006", "produced"])
def test_openssl_accepts_a_token_taken_out_of_the_bundle(played, tmp_path, openssl, stem):
    _, data, _ = played
    files = bundle.read(data)
    (root,) = trust.parse(files["trust.json"]).timestamp_roots
    (certificate,) = [content for name, content in files.items() if name.startswith("certificates/")]
    (tmp_path / "root.pem").write_bytes(x509.load_der_x509_certificate(root).public_bytes(Encoding.PEM))
    (tmp_path / "tsa.pem").write_bytes(certificate)
    (tmp_path / "record.json").write_bytes(files[f"{stem}.json"])
    (tmp_path / "token.tst").write_bytes(files[f"{stem}.tst"])
    command = ["ts", "-verify", "-data", "record.json", "-in", "token.tst", "-token_in"]
    chain = ["-CAfile", "root.pem", "-untrusted", "tsa.pem"]
    assert openssl(*command, *chain) == (0, "Verification: OK")
    (tmp_path / "record.json").write_bytes(files[f"{stem}.json"] + b" ")
    assert openssl(*command, *chain) == (1, "Verification: FAILED")


ISOLATED = """
import sys
sys.path[:0] = [sys.argv[1]]
REFUSED = {"django", "orjson", "apsw", "httpx", "granian", "typst", "django_scopes", "rich", "charset_normalizer"}


class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in REFUSED:
            raise ImportError(f"{name} is not in the base install")


sys.meta_path.insert(0, Blocker())
from emarge.cli import verify
import argparse

parser = argparse.ArgumentParser()
verify.add_parser(parser.add_subparsers())
sys.exit(verify.run(parser.parse_args(["verify", *sys.argv[2:]])))
"""


def test_the_golden_bundle_verifies_where_only_the_base_is_installed():
    fingerprint = (GOLDEN / "fingerprint").read_text().strip()
    done = subprocess.run(
        [sys.executable, "-I", "-c", ISOLATED, str(ROOT / "src"), str(GOLDEN / "bundle.zip"), "--trust", fingerprint],
        capture_output=True,
        text=True,
        check=False,
        env={"LANG": "C.UTF-8"},
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[0] == "VALID. Every byte of this bundle is proved; it holds 11 records."
