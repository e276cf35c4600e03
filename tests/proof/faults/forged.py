"""What a forger would try on a bundle that verifies, and the name of the fault that each attempt gets."""

from datetime import timedelta

import pytest
from tests.proof.evidence.school import MEETING, NINE

from emarge.proof.evidence import records
from emarge.proof.evidence.canonical import canonical, parse_canonical
from emarge.proof.evidence.errors import EvidenceError, Fault
from emarge.proof.evidence.verify import verify_bundle

SIX, SEVEN = "records/0000000006", "records/0000000007"
SIX_CONTENT, SEVEN_CONTENT = "contents/0000000006", "contents/0000000007"


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
