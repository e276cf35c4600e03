import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from emarge.proof.evidence import contents
from emarge.proof.evidence.errors import CommitmentError, ContentError
from emarge.proof.vault.log import deposits

CONTENT = {"event": "sign_in.signed", "people": [{"name": "Élise"}], "points": [1, -2]}


def test_a_sealed_content_opens():
    sealed = contents.seal(CONTENT)
    assert contents.open_content(sealed.ciphertext, sealed.key, sealed.commitment) == CONTENT


def test_the_layout_is_nonce_then_aes_gcm():
    sealed = contents.seal({"a": 1})
    assert len(sealed.ciphertext) == 12 + len(b'{"a":1}') + 16
    opened = AESGCM(sealed.key).decrypt(sealed.ciphertext[:12], sealed.ciphertext[12:], None)
    assert opened == b'{"a":1}'


def test_a_commitment_is_what_openssl_computes():
    # printf 'nonce and ciphertext and tag' | openssl dgst -sha256 -mac HMAC -macopt hexkey:000102…1f
    commitment = contents.commit(bytes(range(32)), b"nonce and ciphertext and tag")
    assert commitment == "03facfbb8e38e5e66197b64d4e6ee80e89cbb9537ea72981f3e5f6c5b6bc86df"


def test_two_seals_of_the_same_content_have_nothing_in_common():
    one, other = contents.seal(CONTENT), contents.seal(CONTENT)
    assert {one.key, one.ciphertext, one.commitment} & {other.key, other.ciphertext, other.commitment} == set()


def test_every_byte_of_key_and_ciphertext_is_committed_to():
    sealed = contents.seal({"a": 1})
    for position in range(len(sealed.ciphertext)):
        changed = bytearray(sealed.ciphertext)
        changed[position] ^= 1
        with pytest.raises(CommitmentError):
            contents.open_content(bytes(changed), sealed.key, sealed.commitment)
    for position in range(32):
        key = bytearray(sealed.key)
        key[position] ^= 1
        with pytest.raises(CommitmentError):
            contents.open_content(sealed.ciphertext, bytes(key), sealed.commitment)


@pytest.mark.parametrize("plain", [b"[]", b'{"a": 1}', b"\xff", b""])
def test_what_is_sealed_but_no_content_is_refused(plain):
    key, nonce = bytes(32), bytes(12)
    ciphertext = nonce + AESGCM(key).encrypt(nonce, plain, None)
    with pytest.raises(ContentError):
        contents.open_content(ciphertext, key, contents.commit(key, ciphertext))


def test_a_wrong_key_length_is_refused():
    with pytest.raises(CommitmentError) as caught:
        contents.open_content(b"x" * 40, b"short", "0" * 64)
    assert str(caught.value) == "the key is not 32 bytes long"


def test_what_has_no_canonical_form_or_is_too_long_is_refused():
    with pytest.raises(ContentError) as caught:
        contents.seal({"weight": 1.5})
    assert str(caught.value) == "a float has no canonical form here"
    with pytest.raises(ContentError) as caught:
        contents.seal({"a": "x" * contents.MAX_CONTENT})
    assert str(caught.value) == "a content is at most 1048548 bytes long, this one has 1048556"


def test_the_longest_content_fits_in_the_vault():
    sealed = contents.seal({"a": "x" * (contents.MAX_CONTENT - len(b'{"a":""}'))})
    assert len(sealed.ciphertext) == deposits.MAX_CONTENT
    assert len(contents.open_content(sealed.ciphertext, sealed.key, sealed.commitment)["a"]) == 1_048_540
