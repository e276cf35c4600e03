import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from emarge.proof.vault.errors import CheckpointError
from emarge.proof.vault.log.checkpoint import Checkpoint, open_checkpoint, sign, vkey

# Made once with the key 00 01 … 1f; Ed25519 is deterministic, so these bytes stand for ever.
ROOT = bytes(range(32, 64))
NOTE = (
    "vault.example/school\n42\nICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8=\n\n"
    "— vault.example/school "
    "XxGZfPLRepsT5hmvMzfzQkJA7OQWX+9DrMgj6DVCJdwRtnLAUKW4ij7yRv8GSMlJ7Qz0yTu9pbvASKetZm8E+D49Rw0=\n"
).encode()
VKEY = "vault.example/school+5f11997c+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4"


def test_the_note_is_the_golden_one(key):
    assert sign(Checkpoint("vault.example/school", 42, ROOT), key) == NOTE


def test_the_verifier_key_is_the_golden_one(key):
    assert vkey("vault.example/school", key.public_key()) == VKEY


def test_the_golden_note_opens():
    assert open_checkpoint(NOTE, VKEY) == Checkpoint("vault.example/school", 42, ROOT)


def test_every_flipped_bit_is_refused():
    for position in range(len(NOTE)):
        for bit in range(8):
            changed = bytearray(NOTE)
            changed[position] ^= 1 << bit
            with pytest.raises(CheckpointError):
                open_checkpoint(bytes(changed), VKEY)


def test_every_character_of_the_verifier_key_counts():
    for position in range(len(VKEY)):
        for other in "A=z+0":
            if VKEY[position] != other:
                with pytest.raises(CheckpointError):
                    open_checkpoint(NOTE, VKEY[:position] + other + VKEY[position + 1 :])


SIGNATURE_LINE = NOTE.split(b"\n\n")[1]


@pytest.mark.parametrize(
    "note",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(NOTE[:-1], id="no last newline"),
        pytest.param(NOTE + b"\n", id="one newline more"),
        pytest.param(NOTE + SIGNATURE_LINE, id="the same line twice"),
        pytest.param(NOTE + SIGNATURE_LINE.replace(b"school", b"other"), id="an unknown line"),
        pytest.param(NOTE.replace(b"\n42\n", b"\n042\n"), id="a leading zero"),
        pytest.param(NOTE.replace(b"\n42\n", b"\n+42\n"), id="a sign"),
        pytest.param(NOTE.replace(b"\n42\n", "\n٤٢\n".encode()), id="digits that are not ASCII"),
        pytest.param(NOTE.replace(b"\n42\n", b"\n" + b"4" * 3000 + b"\n"), id="a huge number"),
        pytest.param(NOTE.replace(b"\n\n", b"\nextension\n\n"), id="an extension"),
        pytest.param(NOTE.replace(b"\n", b"\r\n"), id="carriage returns"),
        pytest.param(NOTE.replace("—".encode(), b"-"), id="a hyphen for the dash"),
        pytest.param(b"\xff" + NOTE, id="not UTF-8"),
        pytest.param(NOTE.replace(b"Pj8=", b"Pj9="), id="base64 with other spare bits"),
        pytest.param(NOTE.replace(b"Pj8=", b"Pj8"), id="base64 without padding"),
    ],
)
def test_another_spelling_is_refused(note):
    with pytest.raises(CheckpointError):
        open_checkpoint(note, VKEY)


def test_a_note_of_another_key_is_refused():
    other = Ed25519PrivateKey.from_private_bytes(b"\x07" * 32)
    with pytest.raises(CheckpointError, match="not written in the one form"):
        open_checkpoint(sign(Checkpoint("vault.example/school", 42, ROOT), other), VKEY)


def test_a_note_of_another_log_is_refused(key):
    with pytest.raises(CheckpointError, match="another log"):
        open_checkpoint(sign(Checkpoint("vault.example/other", 42, ROOT), key), VKEY)


def test_a_false_signature_is_named():
    line = SIGNATURE_LINE.rpartition(b" ")[2]
    blob = bytearray(base64.b64decode(line))
    blob[-1] ^= 1
    with pytest.raises(CheckpointError, match="signature of the checkpoint is false"):
        open_checkpoint(NOTE.replace(line, base64.b64encode(bytes(blob)) + b"\n"), VKEY)


@pytest.mark.parametrize("origin", ["", "a b", "a+b", "a\nb", "a\u00a0b", "a\x00"])
def test_an_origin_that_is_no_key_name_is_refused(key, origin):
    with pytest.raises(CheckpointError, match="visible characters"):
        sign(Checkpoint(origin, 0, ROOT), key)


@pytest.mark.parametrize(("size", "root"), [(-1, ROOT), (2**63, ROOT), (1, b"short")])
def test_an_impossible_tree_head_is_not_signed(key, size, root):
    with pytest.raises(CheckpointError, match="a checkpoint has"):
        sign(Checkpoint("vault.example/school", size, root), key)
