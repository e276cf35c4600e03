import base64
import hashlib
import json
from dataclasses import replace

import pytest

from emarge.proof.evidence import trust
from emarge.proof.evidence.canonical import canonical
from emarge.proof.evidence.errors import TrustError
from emarge.proof.evidence.trust import TrustAnchors

ANCHORS = TrustAnchors("v.example/a", "v.example/a+0badcafe+AQ==", "CFA Démo", (b"root one", b"root two"))
MIRROR = "mirror.example+a6269fe1+BO1JKMYo0cLG6ukDOJBZlWEpWSc6XGP5NjbBRhSshzfR"
FIELDS = "trust anchors have the fields code, format, origin, timestamp_roots, vkey"


def test_the_bytes_and_their_fingerprint():
    expected = (
        '{"code":"CFA Démo","format":"emarge-trust/1","origin":"v.example/a",'
        '"timestamp_roots":["cm9vdCB0d28=","cm9vdCBvbmU="],"vkey":"v.example/a+0badcafe+AQ=="}'
    ).encode()
    assert ANCHORS.to_bytes() == expected
    assert ANCHORS.fingerprint == hashlib.sha256(expected).hexdigest()


def test_cosigners_are_one_field_more_and_another_fingerprint():
    mirrored = replace(ANCHORS, cosigners=(MIRROR,))
    assert mirrored.to_bytes() == ANCHORS.to_bytes().replace(
        b'"format"', b'"cosigners":["' + MIRROR.encode() + b'"],"format"'
    )
    assert trust.parse(mirrored.to_bytes()).cosigners == (MIRROR,)
    assert mirrored.fingerprint != ANCHORS.fingerprint


def test_witnesses_are_one_field_more_too():
    witnessed = replace(ANCHORS, witnesses=(MIRROR,))
    assert witnessed.to_bytes() == ANCHORS.to_bytes()[:-1] + b',"witnesses":["' + MIRROR.encode() + b'"]}'
    assert trust.parse(witnessed.to_bytes()) == replace(witnessed, timestamp_roots=(b"root two", b"root one"))


def test_reading_gives_the_anchors_back_with_sorted_roots():
    read = trust.parse(ANCHORS.to_bytes())
    assert read == TrustAnchors(ANCHORS.origin, ANCHORS.vkey, ANCHORS.code, (b"root two", b"root one"))
    assert read.fingerprint == ANCHORS.fingerprint


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"format": "emarge-trust/2"}, "the format is not emarge-trust/1"),
        ({"more": 1}, FIELDS),
        ({"origin": ""}, "the origin and the key of a log are text"),
        ({"vkey": 7}, "the origin and the key of a log are text"),
        ({"origin": "v.example/b"}, "the key is not that of the log"),
        ({"code": ""}, "an institution code is 1 to 100 printable characters"),
        ({"timestamp_roots": []}, "there is at least one root of timestamps, each in base64"),
        ({"timestamp_roots": [1]}, "there is at least one root of timestamps, each in base64"),
        ({"timestamp_roots": ["cm9v", "cm9v"]}, "the roots of timestamps are ascending, each once"),
        ({"timestamp_roots": ["Zm9v", "YmFy"]}, "the roots of timestamps are ascending, each once"),
        ({"timestamp_roots": ["!"]}, "a root of timestamps is not base64"),
        ({"cosigners": []}, "the cosigners, where there are some, are a list of keys"),
        ({"witnesses": []}, "the witnesses, where there are some, are a list of keys"),
        ({"witnesses": ["m"]}, "the key of a cosigner is not one: the verifier key is not <origin>+<key id>+<key>"),
        ({"cosigners": [MIRROR], "witnesses": [MIRROR]}, "a cosigner is named once, and is not the log"),
        ({"cosigners": "m"}, "the cosigners, where there are some, are a list of keys"),
        ({"cosigners": [7]}, "the cosigners, where there are some, are a list of keys"),
        ({"cosigners": ["m"]}, "the key of a cosigner is not one: the verifier key is not <origin>+<key id>+<key>"),
        ({"cosigners": [MIRROR, MIRROR]}, "a cosigner is named once, and is not the log"),
        ({"timestamp_roots": ["YR=="]}, "a root of timestamps is not in canonical base64"),
    ],
)
def test_other_anchors_are_refused(change, text):
    with pytest.raises(TrustError) as caught:
        trust.parse(canonical(json.loads(ANCHORS.to_bytes()) | change))
    assert str(caught.value) == text


@pytest.mark.parametrize(("data", "text"), [(b"[]", FIELDS), (b"{ }", "not in canonical form")])
def test_what_is_no_object_is_refused(data, text):
    with pytest.raises(TrustError) as caught:
        trust.parse(data)
    assert str(caught.value) == text


def test_anchors_that_cannot_be_written_are_refused():
    with pytest.raises(TrustError) as caught:
        TrustAnchors("v.example/a", ANCHORS.vkey, "CFA", ()).to_bytes()
    assert str(caught.value) == "there is at least one root of timestamps, each in base64"


def test_roots_travel_as_der(played):
    school, _, _ = played
    read = json.loads(school.anchors.to_bytes())["timestamp_roots"]
    assert [base64.b64decode(root) for root in read] == [school.authorities[0].root_certificate]
