"""What a forger would try on a bundle that verifies, and the name of the fault that each attempt gets."""

import io
import zipfile
from dataclasses import replace
from datetime import timedelta

import pytest
from tests.proof.evidence.school import (
    DRAWING,
    MEETING,
    NINE,
    REQUEST,
    UNKNOWN,
    School,
    named,
    pseudonym,
    relisted,
    rewrite,
)

from emarge.proof.evidence import bundle, contents, layout, manifest, records, seal
from emarge.proof.evidence.canonical import canonical, parse_canonical
from emarge.proof.evidence.errors import EvidenceError, Fault
from emarge.proof.evidence.seal import Gathered
from emarge.proof.evidence.verify import verify_bundle
from emarge.proof.vault import checkpoint, entry, merkle
from emarge.proof.vault.tlog_proof import format_proof, parse_proof

SIX, SEVEN = "records/0000000006", "records/0000000007"
SIX_CONTENT, SEVEN_CONTENT = "contents/0000000006", "contents/0000000007"


@pytest.fixture(scope="module")
def school(tmp_path_factory):
    return School(tmp_path_factory.mktemp("faults") / "authority").play()


@pytest.fixture(scope="module")
def data(school):
    return school.bundle()


def fault(data, fingerprint):
    with pytest.raises(EvidenceError) as caught:
        verify_bundle(data, fingerprint)
    return caught.value.fault, caught.value.file


def remove(*names):
    def change(files):
        for name in names:
            del files[name]

    return change


def swap(first, second, *extensions):
    def change(files):
        for extension in extensions:
            files[first + extension], files[second + extension] = files[second + extension], files[first + extension]

    return change


def copy(source, target):
    def change(files):
        files[target] = files[source]

    return change


def put(name, content):
    def change(files):
        files[name] = content

    return change


def edit(name, **fields):
    def change(files):
        files[name] = canonical(parse_canonical(files[name]) | fields)

    return change


def append(name, content):
    def change(files):
        files[name] += content

    return change


A_RECORD = (f"{SIX}.json", f"{SIX}.tst", f"{SIX}.tlog-proof", f"{SIX_CONTENT}.bin", f"{SIX_CONTENT}.key")
EARLIER = records.instant(NINE - timedelta(days=30))

# What is done; the fault and its file as it is; the same once the forger has redone the manifest.
CASES = {
    "a record removed": (
        remove(*A_RECORD),
        (Fault.FILE_MISSING, f"{SIX_CONTENT}.bin"),
        (Fault.MANIFEST_NOT_RECORDED, "manifest.json"),
    ),
    "a file of a record removed": (
        remove(f"{SIX}.tst"),
        (Fault.FILE_MISSING, f"{SIX}.tst"),
        (Fault.FILE_MISSING, f"{SIX}.tst"),
    ),
    "a content removed": (
        remove(f"{SIX_CONTENT}.bin", f"{SIX_CONTENT}.key"),
        (Fault.FILE_MISSING, f"{SIX_CONTENT}.bin"),
        (Fault.MANIFEST_NOT_RECORDED, "manifest.json"),
    ),
    "two records swapped": (
        swap(SIX, SEVEN, ".json"),
        (Fault.FILE_CHANGED, f"{SIX}.json"),
        (Fault.TOKEN, f"{SIX}.tst"),
    ),
    "two records swapped with their tokens": (
        swap(SIX, SEVEN, ".json", ".tst"),
        (Fault.FILE_CHANGED, f"{SIX}.json"),
        (Fault.NOT_IN_LOG, f"{SIX}.tlog-proof"),
    ),
    "two records swapped with their tokens and proofs": (
        swap(SIX, SEVEN, ".json", ".tst", ".tlog-proof"),
        (Fault.FILE_CHANGED, f"{SIX}.json"),
        (Fault.NOT_IN_LOG, f"{SIX}.tlog-proof"),
    ),
    "two proofs swapped": (
        swap(SIX, SEVEN, ".tlog-proof"),
        (Fault.NOT_IN_LOG, f"{SIX}.tlog-proof"),
        (Fault.NOT_IN_LOG, f"{SIX}.tlog-proof"),
    ),
    "a token from another record": (
        copy(f"{SEVEN}.tst", f"{SIX}.tst"),
        (Fault.FILE_CHANGED, f"{SIX}.tst"),
        (Fault.TOKEN, f"{SIX}.tst"),
    ),
    "a time altered": (
        edit(f"{SIX}.json", at=EARLIER),
        (Fault.FILE_CHANGED, f"{SIX}.json"),
        (Fault.TOKEN, f"{SIX}.tst"),
    ),
    "a key from another record": (
        copy(f"{SEVEN_CONTENT}.key", f"{SIX_CONTENT}.key"),
        (Fault.FILE_CHANGED, f"{SIX_CONTENT}.key"),
        (Fault.COMMITMENT, f"{SIX_CONTENT}.bin"),
    ),
    "key and content from another record": (
        swap(SIX_CONTENT, SEVEN_CONTENT, ".bin", ".key"),
        (Fault.FILE_CHANGED, f"{SIX_CONTENT}.bin"),
        (Fault.COMMITMENT, f"{SIX_CONTENT}.bin"),
    ),
    "a content given to a record that has none": (
        lambda files: files.update(
            {
                "contents/0000000000.bin": files[f"{SIX_CONTENT}.bin"],
                "contents/0000000000.key": files[f"{SIX_CONTENT}.key"],
            }
        ),
        (Fault.FILE_UNEXPECTED, "contents/0000000000.bin"),
        (Fault.COMMITMENT, "contents/0000000000.bin"),
    ),
    "a content without its record": (
        lambda files: files.update({"contents/0000000099.bin": b"a", "contents/0000000099.key": b"b"}),
        (Fault.FILE_UNEXPECTED, "contents/0000000099.bin"),
        (Fault.FILE_UNEXPECTED, "contents/0000000099.bin"),
    ),
    "a file that has no place": (
        put("notes.txt", b"read me"),
        (Fault.FILE_UNEXPECTED, "notes.txt"),
        (Fault.FILE_UNEXPECTED, "notes.txt"),
    ),
    "a certificate added": (
        lambda files: files.update({"certificates/mine.pem": files[min(n for n in files if n.endswith(".pem"))]}),
        (Fault.FILE_UNEXPECTED, "certificates/mine.pem"),
        (Fault.MANIFEST_NOT_RECORDED, "manifest.json"),
    ),
    "another sheet": (
        put("sheet.pdf", b"%PDF-1.7 everybody was there"),
        (Fault.FILE_CHANGED, "sheet.pdf"),
        (Fault.MANIFEST_NOT_RECORDED, "manifest.json"),
    ),
    "another reader's guide": (
        put("README.txt", b"No need to check."),
        (Fault.FILE_CHANGED, "README.txt"),
        (Fault.MANIFEST_NOT_RECORDED, "manifest.json"),
    ),
    "a record with a space": (
        append(f"{SIX}.json", b" "),
        (Fault.FILE_CHANGED, f"{SIX}.json"),
        (Fault.RECORD_MALFORMED, f"{SIX}.json"),
    ),
    "another institution in a record": (
        edit(f"{SIX}.json", code="CFA démo"),
        (Fault.FILE_CHANGED, f"{SIX}.json"),
        (Fault.CODE, f"{SIX}.json"),
    ),
    "another institution in the manifest": (
        edit("manifest.json", code="CFA démo"),
        (Fault.CODE, "manifest.json"),
        (Fault.CODE, "manifest.json"),
    ),
    "another request in the manifest": (
        edit(
            "manifest.json",
            request={
                "id": MEETING,
                "who": "",
                "reference": "",
                "reason": "",
                "period": {"from": "2026-11-01", "to": "2026-11-02"},
            },
        ),
        (Fault.MANIFEST_NOT_RECORDED, "manifest.json"),
        (Fault.MANIFEST_NOT_RECORDED, "manifest.json"),
    ),
    "a manifest that is no manifest": (
        put("manifest.json", b"{}"),
        (Fault.MANIFEST_MALFORMED, "manifest.json"),
        None,
    ),
    "a proof with a line after it": (
        append(f"{SIX}.tlog-proof", b"\n"),
        (Fault.CHECKPOINT, f"{SIX}.tlog-proof"),
        (Fault.CHECKPOINT, f"{SIX}.tlog-proof"),
    ),
    "a proof that is no proof": (
        put(f"{SIX}.tlog-proof", b"yes"),
        (Fault.PROOF_MALFORMED, f"{SIX}.tlog-proof"),
        (Fault.PROOF_MALFORMED, f"{SIX}.tlog-proof"),
    ),
    "the trust anchors changed": (
        edit("trust.json", code="CFA démo"),
        (Fault.TRUST_FINGERPRINT, "trust.json"),
        (Fault.TRUST_FINGERPRINT, "trust.json"),
    ),
    "the production record taken from a record": (
        lambda files: files.update({f"produced{e}": files[SIX + e] for e in (".json", ".tst", ".tlog-proof")}),
        (Fault.PRODUCTION, "produced.json"),
        (Fault.PRODUCTION, "produced.json"),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_change_is_named(school, data, case):
    change, expected, _ = CASES[case]
    assert fault(rewrite(data, change), school.anchors.fingerprint) == expected


@pytest.mark.parametrize("case", [case for case in CASES if CASES[case][2]])
def test_a_change_is_named_after_the_manifest_is_redone(school, data, case):
    change, _, expected = CASES[case]
    assert fault(rewrite(data, change, relist=True), school.anchors.fingerprint) == expected


def test_a_certificate_is_written_in_one_way(school, data):
    name = min(name for name in bundle.read(data) if name.endswith(".pem"))
    forged = rewrite(data, append(name, b"\n"), relist=True)
    assert fault(forged, school.anchors.fingerprint) == (Fault.CERTIFICATE, name)


def test_a_record_rewritten_with_a_new_token_by_the_real_authority_is_not_in_the_log(school, data):
    def change(files):
        edit(f"{SIX}.json", at=EARLIER)(files)
        files[f"{SIX}.tst"] = school.stamp(files[f"{SIX}.json"], NINE + timedelta(days=9))

    forged = rewrite(data, change, relist=True)
    assert fault(forged, school.anchors.fingerprint) == (Fault.NOT_IN_LOG, f"{SIX}.tlog-proof")


def test_a_foreign_fingerprint(data, tmp_path):
    other = School(tmp_path / "authority")
    assert fault(data, other.anchors.fingerprint) == (Fault.TRUST_FINGERPRINT, "trust.json")


def test_foreign_anchors_with_their_own_fingerprint(data, tmp_path):
    other = School(tmp_path / "authority")
    forged = rewrite(data, put("trust.json", other.anchors.to_bytes()), relist=True)
    assert fault(forged, other.anchors.fingerprint) == (Fault.CHECKPOINT, "produced.tlog-proof")


def test_the_log_of_the_school_under_foreign_roots_of_time(school, data, tmp_path):
    other = School(tmp_path / "authority")
    anchors = replace(school.anchors, timestamp_roots=other.anchors.timestamp_roots)
    forged = rewrite(data, put("trust.json", anchors.to_bytes()), relist=True)
    assert fault(forged, anchors.fingerprint) == (Fault.TOKEN, "records/0000000000.tst")


def test_trust_anchors_that_cannot_be_read(data):
    forged = rewrite(data, put("trust.json", b"{}"), relist=True)
    assert fault(forged, manifest.digest(b"{}")) == (Fault.TRUST_MALFORMED, "trust.json")


def test_a_true_checkpoint_of_another_day_in_one_proof(school, data):
    leaves = school.leaves()[:9]
    older = checkpoint.sign(
        checkpoint.Checkpoint(school.anchors.origin, len(leaves), merkle.root_hash(leaves)), school.key
    )

    def change(files):
        proof = parse_proof(files[f"{SIX}.tlog-proof"])
        files[f"{SIX}.tlog-proof"] = format_proof(replace(proof, checkpoint=older))

    assert fault(rewrite(data, change), school.anchors.fingerprint) == (Fault.CHECKPOINT, f"{SIX}.tlog-proof")


def test_a_checkpoint_signed_by_another_key(school, data, tmp_path):
    other = School(tmp_path / "authority")
    other.entries = school.entries

    def change(files):
        for name in files:
            if name.endswith(".tlog-proof"):
                files[name] = format_proof(replace(parse_proof(files[name]), checkpoint=other.note()))

    assert fault(rewrite(data, change), school.anchors.fingerprint) == (Fault.CHECKPOINT, "produced.tlog-proof")


class TestContainer:
    def test_a_name_twice(self, school, data):
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as written:
            for name, content in sorted(bundle.read(data).items()):
                written.writestr(name, content)
                if name == f"{SIX}.json":
                    with pytest.warns(UserWarning, match="Duplicate name"):
                        written.writestr(name, content)
        assert fault(archive.getvalue(), school.anchors.fingerprint) == (Fault.CONTAINER, f"{SIX}.json")

    @pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
    def test_packed_again(self, school, data, method):
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w", method) as written:
            for name, content in sorted(bundle.read(data).items()):
                written.writestr(name, content)
        assert fault(archive.getvalue(), school.anchors.fingerprint) == (Fault.CONTAINER, "README.txt")

    def test_a_comment(self, school, data):
        commented = data[:-2] + b"\x05\x00hello"
        assert fault(commented, school.anchors.fingerprint) == (Fault.CONTAINER, "")

    @pytest.mark.parametrize("rubbish", [b"", b"PK", b"%PDF-1.7", b"\x00" * 100, b"PK\x03\x04" + b"\xff" * 200])
    def test_no_container(self, school, rubbish):
        assert fault(rubbish, school.anchors.fingerprint) == (Fault.CONTAINER, "")

    def test_cut_short(self, school, data):
        assert fault(data[:-1], school.anchors.fingerprint) == (Fault.CONTAINER, "")
        assert fault(data[:2000], school.anchors.fingerprint) == (Fault.CONTAINER, "README.txt")


class TestWhatTheLogItselfHolds:
    """The log is true, what it says is not right: the bundle cannot be made, and does not verify if it were."""

    def refused(self, school, **others):
        with pytest.raises(EvidenceError) as caught:
            school.bundle(**others)
        return caught.value.fault, caught.value.file

    @pytest.fixture
    def school(self, tmp_path):
        return School(tmp_path / "authority")

    @pytest.fixture
    def ended(self, school):
        school.end_roll_call({"ada": ("present", 0), "élise": ("absent", 0)})
        school.open_sign_in()
        return school

    def test_a_sign_in_of_an_absent_student(self, ended):
        ended.sign("élise", NINE + timedelta(minutes=30))
        assert self.refused(ended) == (Fault.PRESENCE, "records/0000000002.json")

    def test_a_sign_in_of_a_student_who_was_not_expected(self, ended):
        ended.sign("alan", NINE + timedelta(minutes=30))
        assert self.refused(ended) == (Fault.PRESENCE, "records/0000000002.json")

    def test_a_roster_that_lacks_a_part(self, school):
        school.end_roll_call({"ada": ("present", 0)}, part=1, parts=3)
        school.end_roll_call({"alan": ("present", 0)}, part=2, parts=3)
        school.end_roll_call({"élise": ("absent", 0)}, part=3, parts=3)
        assert len(verify_bundle(school.bundle(), school.anchors.fingerprint).records) == 3
        assert self.refused(school, indexes=[0, 1]) == (Fault.ROSTER, "records/0000000001.json")
        assert self.refused(school, indexes=[0, 2]) == (Fault.ROSTER, "records/0000000002.json")
        assert self.refused(school, indexes=[1, 2]) == (Fault.ROSTER, "records/0000000001.json")

    def test_a_sign_in_after_the_window(self, ended):
        ended.sign("ada", NINE + timedelta(hours=2, microseconds=1))
        assert self.refused(ended) == (Fault.WINDOW, "records/0000000002.json")

    def test_a_request_approved_by_who_entered_it(self, ended):
        ended.ask(approver="blaise")
        assert self.refused(ended) == (Fault.APPROVAL, "records/0000000003.json")

    def test_a_record_twice(self, ended):
        payload = entry.decode(ended.entries[0]).payload
        ended.entries.append(entry.encode(payload, ended.stamp(payload, NINE + timedelta(hours=1))))
        assert self.refused(ended) == (Fault.RECORD_REPEATED, "records/0000000002.json")

    def test_a_token_given_before_the_act(self, school):
        school.add(
            "meeting.validated",
            "blaise",
            NINE,
            meeting=MEETING,
            clock={"state": "in_sync", "bound_ms": 100, "sources": ["gps"]},
            certified=timedelta(milliseconds=-601),
        )
        assert self.refused(school) == (Fault.TIME, "records/0000000000.json")

    def test_a_token_as_early_as_both_clocks_allow(self, school):
        good = {"state": "in_sync", "bound_ms": 100, "sources": ["gps"]}
        certified = timedelta(milliseconds=-600)
        school.add("meeting.validated", "blaise", NINE, meeting=MEETING, clock=good, certified=certified)
        assert verify_bundle(school.bundle(), school.anchors.fingerprint).records[0].delay == certified

    def test_a_record_of_another_institution(self, school):
        school.add("log.opened", "blaise", NINE)
        school.code = "Another"
        school.add("log.opened", "blaise", NINE)
        assert self.refused(school) == (Fault.CODE, "records/0000000000.json")

    def test_a_bundle_without_a_record(self, school):
        assert self.refused(school) == (Fault.FILE_MISSING, "records/")

    @pytest.mark.parametrize(
        ("content", "method"),
        [
            ({"people": named("ada"), "drawing": DRAWING, "event": "teacher.signed"}, "drawn"),
            ({"people": named("ada"), "drawing": DRAWING, "record": MEETING}, "drawn"),
            ({"people": named("ada", "alan"), "drawing": DRAWING}, "drawn"),
            ({"people": named("ada", "ada"), "drawing": DRAWING}, "drawn"),
            ({"people": "Ada Lovelace", "drawing": DRAWING}, "drawn"),
            ({"people": [{"name": "Ada Lovelace"}], "drawing": DRAWING}, "drawn"),
            ({"people": ["Ada Lovelace"], "drawing": DRAWING}, "drawn"),
            ({"drawing": DRAWING}, "drawn"),
            ({"people": named("ada"), "drawing": ""}, "drawn"),
            ({"people": named("ada")}, "drawn"),
        ],
    )
    def test_a_content_that_does_not_go_with_its_record(self, ended, content, method):
        ended.sign("ada", NINE + timedelta(minutes=30), method=method, content=content)
        assert self.refused(ended) == (Fault.CONTENT, "contents/0000000002.bin")

    def test_a_content_that_is_no_content(self, school):
        sealed = contents.seal({"a": 1})
        broken = sealed.ciphertext[:-1]
        commitment = contents.commit(sealed.key, broken)
        payload = records.build(
            event="parameters.changed",
            id=MEETING,
            at=NINE,
            clock=UNKNOWN,
            code=school.code,
            actor={"role": "staff", "person": pseudonym("blaise")},
            commitment=commitment,
        )
        school.entries.append(entry.encode(payload, school.stamp(payload, NINE)))
        school.sealed[0] = contents.Sealed(broken, sealed.key, commitment)
        assert self.refused(school) == (Fault.CONTENT, "contents/0000000000.bin")


class TestProduction:
    def assembled(self, school, drafted, produced):
        return seal.assemble(
            drafted,
            produced=Gathered(produced, school.entries[produced]),
            hashes={index: school.hashes(index) for index in (*drafted.indexes, produced)},
            checkpoint=school.note(),
        )

    @pytest.fixture
    def school(self, tmp_path):
        school = School(tmp_path / "authority")
        school.add("log.opened", "blaise", NINE)
        return school

    def refused(self, *arguments):
        with pytest.raises(EvidenceError) as caught:
            self.assembled(*arguments)
        return caught.value.fault, caught.value.file

    def test_the_production_record_of_another_bundle(self, school):
        school.add("log.opened", "blaise", NINE)
        of_both = school.produce(school.draft([0, 1]).digest)
        assert self.refused(school, school.draft([0]), of_both) == (Fault.MANIFEST_NOT_RECORDED, "manifest.json")

    def test_a_production_for_another_request(self, school):
        drafted = school.draft()
        produced = school.produce(drafted.digest, request=MEETING)
        assert self.refused(school, drafted, produced) == (Fault.PRODUCTION, "produced.json")

    def test_a_production_that_comes_before_a_record(self, school):
        produced = school.produce("0" * 64)
        school.add("log.opened", "blaise", NINE + timedelta(days=3))
        assert self.refused(school, school.draft([0, 2]), produced) == (Fault.PRODUCTION, "produced.json")


def test_every_fault_has_a_case_here_or_among_the_cross_checks():
    named_here = {expected[0] for _, *both in CASES.values() for expected in both if expected}
    named_by_tests = {
        Fault.CONTAINER,
        Fault.CERTIFICATE,
        Fault.TRUST_MALFORMED,
        Fault.ROSTER,
        Fault.PRESENCE,
        Fault.WINDOW,
        Fault.APPROVAL,
        Fault.RECORD_REPEATED,
        Fault.TIME,
        Fault.CONTENT,
        Fault.TIME_ORDER,  # tests/proof/evidence/test_crosscheck.py
        Fault.NOT_MIRRORED,  # tests/proof/evidence/test_mirrored.py
    }
    assert named_here | named_by_tests == set(Fault)


def test_a_request_is_bound_to_its_bundle(school, data):
    verdict = verify_bundle(data, school.anchors.fingerprint)
    assert verdict.request == REQUEST
    assert relisted(bundle.read(data))[layout.MANIFEST] == bundle.read(data)[layout.MANIFEST]
