import base64
import shutil
import subprocess
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sigstore._internal.rekor.checkpoint import LogCheckpoint, SignedNote

from emarge.proof.vault.errors import CheckpointError
from emarge.proof.vault.log import cosignature
from emarge.proof.vault.log.checkpoint import Checkpoint, open_checkpoint, sign
from emarge.proof.vault.log.checkpoint import vkey as log_vkey
from emarge.proof.vault.log.cosignature import Cosignature, cosign, open_cosigned, vkey

AT = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
LOG = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
FIRST = Ed25519PrivateKey.from_private_bytes(b"\x01" * 32)
SECOND = Ed25519PrivateKey.from_private_bytes(b"\x02" * 32)
CHECKPOINT = Checkpoint("vault.example/school", 42, bytes(range(32, 64)))
NOTE = sign(CHECKPOINT, LOG)
LOG_VKEY = log_vkey(CHECKPOINT.origin, LOG.public_key())
VKEYS = (vkey("mirror.example", FIRST.public_key()), vkey("mirror.example/2", SECOND.public_key()))
LINES = (cosign(CHECKPOINT.text, "mirror.example", FIRST, AT), cosign(CHECKPOINT.text, "mirror.example/2", SECOND, AT))
COSIGNED = NOTE + LINES[0] + LINES[1]
# Ed25519 is deterministic: these bytes stand for ever.
GOLDEN_LINE = (
    "— mirror.example QEi2PQAAAABrBACQ/XYYXgeMymnRmEckyUoOO2egfwGUg+MntZnpx6ZK28GqSMk/UXbAeflrNXCMUpL3QiG"
    "ci21W1lyh3RqIGsfdCQ==\n"
).encode()
GOLDEN_VKEY = "mirror.example+4048b63d+BIqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c"


def test_the_line_and_the_key_are_the_golden_ones():
    assert (LINES[0], VKEYS[0]) == (GOLDEN_LINE, GOLDEN_VKEY)


def test_every_line_is_opened_in_its_order():
    opened = open_cosigned(COSIGNED, LOG_VKEY, VKEYS)
    assert (opened.checkpoint, opened.note) == (CHECKPOINT, NOTE)
    assert opened.cosignatures == (
        Cosignature("mirror.example", VKEYS[0], AT),
        Cosignature("mirror.example/2", VKEYS[1], AT),
    )


@pytest.mark.parametrize(
    ("lines", "names"), [((), []), (LINES[:1], ["mirror.example"]), (LINES[1:], ["mirror.example/2"])]
)
def test_a_line_may_be_missing(lines, names):
    opened = open_cosigned(NOTE + b"".join(lines), LOG_VKEY, VKEYS)
    assert [one.name for one in opened.cosignatures] == names


def test_every_flipped_bit_is_refused():
    for position in range(len(COSIGNED)):
        for bit in range(8):
            changed = bytearray(COSIGNED)
            changed[position] ^= 1 << bit
            with pytest.raises(CheckpointError):
                open_cosigned(bytes(changed), LOG_VKEY, VKEYS)


@pytest.mark.parametrize(
    "note",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(NOTE + LINES[0] + LINES[0], id="a line twice"),
        pytest.param(NOTE + LINES[1] + LINES[0], id="another order"),
        pytest.param(LINES[0] + NOTE, id="above the checkpoint"),
        pytest.param(COSIGNED[:-1], id="no last newline"),
        pytest.param(COSIGNED + b"\n", id="one newline more"),
        pytest.param(COSIGNED.replace(b"\n", b"\r\n"), id="carriage returns"),
        pytest.param(NOTE + b"\n" + LINES[0], id="an empty line between"),
        pytest.param(NOTE + LINES[0].replace(b".example ", b".example  "), id="two spaces"),
        pytest.param(NOTE + LINES[0].replace("—".encode(), b"-"), id="a hyphen for the dash"),
        pytest.param(NOTE + b"\xff" + LINES[0], id="not UTF-8"),
        pytest.param(NOTE + "— mirror.example é\n".encode(), id="not base64"),
        pytest.param(COSIGNED + b"x" * 4096, id="too long"),
        pytest.param(NOTE + cosign(CHECKPOINT.text, "mirror.other", FIRST, AT), id="an unknown name"),
        pytest.param(NOTE + cosign(CHECKPOINT.text, "mirror.example", SECOND, AT), id="another key"),
        pytest.param(NOTE + cosign("vault.example/school\n41\n", "mirror.example", FIRST, AT), id="of another tree"),
        pytest.param(NOTE + NOTE.splitlines(keepends=True)[-1], id="the log's own line again"),
    ],
)
def test_another_spelling_is_refused(note):
    with pytest.raises(CheckpointError):
        open_cosigned(note, LOG_VKEY, VKEYS)


def test_the_strict_reading_of_one_line_refuses_a_cosigned_checkpoint():
    with pytest.raises(CheckpointError, match="one signature"):
        open_checkpoint(COSIGNED, LOG_VKEY)


def test_a_key_signs_either_as_a_log_or_as_a_cosigner():
    with pytest.raises(CheckpointError, match="not an Ed25519 key"):
        open_cosigned(COSIGNED, LOG_VKEY, (log_vkey("mirror.example", FIRST.public_key()),))
    with pytest.raises(CheckpointError, match="not an Ed25519 key"):
        open_cosigned(COSIGNED, VKEYS[0], VKEYS)


def test_a_time_that_no_calendar_has_is_refused():
    name, known = "mirror.example", base64.b64decode(LINES[0].rpartition(b" ")[2])[:4]
    signature = FIRST.sign(f"cosignature/v1\ntime {2**62}\n{CHECKPOINT.text}".encode())
    line = f"— {name} {base64.b64encode(known + (2**62).to_bytes(8, 'big') + signature).decode()}\n".encode()
    with pytest.raises(CheckpointError, match="no time"):
        open_cosigned(NOTE + line, LOG_VKEY, VKEYS)


def test_the_name_of_a_cosigner():
    assert [cosignature.name_of(one) for one in VKEYS] == ["mirror.example", "mirror.example/2"]


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not on this machine")
def test_openssl_verifies_a_cosignature_as_c2sp_words_it(tmp_path):
    """Key, signature and message taken apart by hand from the published texts, not by our reader."""
    blob = base64.b64decode(COSIGNED.split(b"\n")[5].split(b" ")[2])
    raw = base64.b64decode(VKEYS[0].split("+", 2)[2])[1:]
    key = FIRST.public_key()
    assert raw == key.public_bytes(Encoding.Raw, PublicFormat.Raw)
    (tmp_path / "key.pem").write_bytes(key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    (tmp_path / "signature").write_bytes(blob[12:])
    body = COSIGNED.split(b"\n\n")[0] + b"\n"
    (tmp_path / "message").write_bytes(b"cosignature/v1\ntime %d\n" % int.from_bytes(blob[4:12], "big") + body)
    verify = ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", "key.pem", "-rawin", "-in", "message"]
    done = subprocess.run([*verify, "-sigfile", "signature"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "Signature Verified Successfully")


def test_sigstore_reads_the_same_note():
    """Its parser of signed notes knows nothing of ours."""
    read = SignedNote.from_text(COSIGNED.decode())
    assert read.note == CHECKPOINT.text
    assert [(one.name, one.sig_hash.hex()) for one in read.signatures] == [
        tuple(vkey.split("+")[:2]) for vkey in (LOG_VKEY, *VKEYS)
    ]
    head = LogCheckpoint.from_text(read.note)
    assert (head.origin, head.log_size, head.log_hash, head.other_content) == (
        CHECKPOINT.origin,
        CHECKPOINT.size,
        CHECKPOINT.root.hex(),
        [],
    )
