"""The bytes of plans and certificates: docs/formats/destruction.md."""

import base64
import hashlib
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from emarge.proof.vault.destruction.plans import (
    Certificate,
    Order,
    Plan,
    Sealed,
    open_certificate,
    open_plan,
    sign_certificate,
    sign_plan,
)
from emarge.proof.vault.errors import CheckpointError, DestructionError
from emarge.proof.vault.log import checkpoint
from emarge.proof.vault.log.ranges import Ranges

ORDER = "0b1cf9de-4f3c-4f10-9d3d-0d5e1f2a3b4c"
ORIGIN = "vault.example/school"
RECORDS = Ranges.joined([(0, 512), (600, 700)])
PLAN = Plan(
    ORIGIN, Order(ORDER, "retention", Ranges(), 700), 900, 1827, RECORDS, RECORDS.bundles, hashlib.sha256(b"").digest()
)
CERTIFICATE = Certificate(PLAN, datetime(2031, 12, 1, 10, 0, 0, 123456, tzinfo=UTC))


@pytest.fixture
def vkey(key):
    return checkpoint.vkey(ORIGIN, key.public_key())


@pytest.fixture
def signed(key):
    """The note of any text, signed by the log."""

    def sign(text):
        known = checkpoint.key_id(ORIGIN, checkpoint.ED25519 + key.public_key().public_bytes_raw())
        return f"{text}\n".encode() + checkpoint.signature_line(ORIGIN, known, key.sign(text.encode()))

    return sign


def test_a_certificate_is_this_text(key):
    text, _, line = sign_certificate(CERTIFICATE, key).decode().partition("\n\n")
    assert text.split("\n") == [
        "emarge-destruction/1",
        ORIGIN,
        f"order {ORDER} 900",
        "scope retention",
        "before 700",
        "period 1827",
        "records 0-511 600-699",
        "entries 0-511",
        "count 612",
        "leaves 47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
        "decided 2031-12-01T10:00:00.123456Z",
    ]
    assert line.startswith(f"— {ORIGIN} ")


def test_what_was_signed_is_read_again(key, vkey):
    shred = replace(PLAN, order=Order(ORDER, "contents", Ranges.of([3, 8]), None), records=Ranges.of([3, 8]))
    shred = replace(shred, entries=Ranges())
    assert open_certificate(sign_certificate(CERTIFICATE, key), vkey) == CERTIFICATE
    assert open_plan(sign_plan(PLAN, key), vkey) == PLAN
    assert open_plan(sign_plan(shred, key), vkey) == shred


def test_a_certificate_is_no_plan_and_neither_is_a_checkpoint(key, vkey):
    plan, certificate = sign_plan(PLAN, key), sign_certificate(CERTIFICATE, key)
    with pytest.raises(DestructionError):
        open_certificate(plan, vkey)
    with pytest.raises(DestructionError):
        open_plan(certificate, vkey)
    with pytest.raises(CheckpointError):
        checkpoint.open_checkpoint(plan, vkey)
    with pytest.raises(DestructionError):
        open_plan(checkpoint.sign(checkpoint.Checkpoint(ORIGIN, 5, bytes(32)), key), vkey)


def test_no_byte_of_a_certificate_is_free(key, vkey):
    note = sign_certificate(CERTIFICATE, key)
    for place in range(len(note)):
        with pytest.raises(DestructionError):
            open_certificate(note[:place] + bytes([note[place] ^ 1]) + note[place + 1 :], vkey)
    for other in (note + b"\n", note[:-1], note + note.splitlines(keepends=True)[-1], b"", b"\n\n"):
        with pytest.raises(DestructionError):
            open_certificate(other, vkey)


@pytest.mark.parametrize(
    ("line", "instead"),
    [
        ("before 700\n", ""),
        ("before 700\n", "before 0700\n"),
        ("before 700\n", "before 650\n"),
        ("records 0-511 600-699\n", "records 0-511 600-699\nrecords 0-511 600-699\n"),
        ("records 0-511 600-699", "records none"),
        ("entries 0-511", "entries 0-255 600-699"),
        ("entries 0-511", "entries 512-767"),
        ("count 612", "count 611"),
        ("scope retention", "scope everything"),
        (" 900\n", " 650\n"),
        ("period 1827\n", "period 1827\nnote x\n"),
        ("decided 2031-12-01T10:00:00.123456Z\n", ""),
        ("decided 2031-12-01T10:00:00.123456Z", "decided 2031-12-01T10:00:00.1234Z"),
        (ORIGIN + "\n", "vault.example/other\n"),
    ],
)
def test_a_text_that_does_not_hold_together_is_refused_even_signed(key, vkey, signed, line, instead):
    text = sign_certificate(CERTIFICATE, key).decode().partition("\n\n")[0] + "\n"
    open_certificate(signed(text), vkey)
    assert line in text
    with pytest.raises(DestructionError):
        open_certificate(signed(text.replace(line, instead)), vkey)


def test_the_file_of_a_note_and_its_token(key):
    sealed = Sealed(sign_certificate(CERTIFICATE, key), b"token")
    assert Sealed.load(sealed.dump()) == sealed
    assert sealed.digest == hashlib.sha256(sealed.note).hexdigest()
    empty = Sealed(sealed.note, b"").dump()
    for bad in (b"", b"[]", b"{}", b'{"note": 1, "token": ""}', sealed.dump()[:-9], empty):
        with pytest.raises(DestructionError):
            Sealed.load(bad)
    assert base64.b64encode(b"token") in sealed.dump()
