import pytest

from emarge.proof.vault.errors import ProofError
from emarge.proof.vault.log.tlog_proof import InclusionProof, format_proof, parse_proof

CHECKPOINT = b"origin\n8\nroot\n\n\xe2\x80\x94 origin signature\n"
PROOF = InclusionProof(7, (bytes(32), bytes(range(32))), CHECKPOINT)
TEXT = (
    b"c2sp.org/tlog-proof@v1\n"
    b"index 7\n"
    b"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"
    b"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n"
    b"\n" + CHECKPOINT
)


def test_the_text_is_the_golden_one():
    assert format_proof(PROOF) == TEXT


def test_the_golden_text_reads():
    assert parse_proof(TEXT) == PROOF


def test_the_proof_of_a_single_entry_has_no_hash():
    alone = InclusionProof(0, (), b"checkpoint\n")
    assert format_proof(alone) == b"c2sp.org/tlog-proof@v1\nindex 0\n\ncheckpoint\n"
    assert parse_proof(format_proof(alone)) == alone


def test_no_flipped_bit_of_the_head_reads_as_the_same_proof():
    head = TEXT.index(b"\n\n") + 2
    for position in range(head):
        for bit in range(8):
            changed = bytearray(TEXT)
            changed[position] ^= 1 << bit
            try:
                read = parse_proof(bytes(changed))
            except ProofError:
                continue
            assert read != PROOF
            assert format_proof(read) == bytes(changed)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(TEXT.replace(b"index 7", b"extra QQ==\nindex 7"), id="extra"),
        pytest.param(TEXT.replace(b"index 7", b"index 07"), id="a leading zero"),
        pytest.param(TEXT.replace(b"index 7", b"index -7"), id="a sign"),
        pytest.param(TEXT.replace(b"index 7", b"index " + b"7" * 9000), id="a huge number"),
        pytest.param(TEXT.replace(b"index 7\n", b""), id="no index"),
        pytest.param(TEXT.replace(b"@v1", b"@v2"), id="another version"),
        pytest.param(TEXT.replace(b"Hh8=", b"Hh9="), id="base64 with other spare bits"),
        pytest.param(TEXT.replace(b"AAECAw", b""), id="a short hash"),
        pytest.param(TEXT.replace(b"\n", b"\r\n"), id="carriage returns"),
        pytest.param(TEXT.partition(b"\n\n")[0] + b"\n\n", id="no checkpoint"),
        pytest.param(TEXT + b"x" * 20_000, id="too long"),
    ],
)
def test_another_spelling_is_refused(text):
    with pytest.raises(ProofError):
        parse_proof(text)
