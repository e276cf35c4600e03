import base64
import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sigstore._internal.merkle import verify_merkle_inclusion
from sigstore.errors import VerificationError

from emarge.proof.vault.errors import ProofError
from emarge.proof.vault.log import merkle

HERE = Path(__file__).parent
PUBLIC = Path(__file__).parents[4] / "shared" / "data" / "rfc6962" / "vectors.json"
OURS = HERE / "golden" / "merkle.json"


def decode(text):
    return base64.b64decode(text) if text else b""


def accepted(vector):
    proof = [decode(value) for value in vector["proof"] or []]
    try:
        if "leafHash" in vector:
            leaf, root = decode(vector["leafHash"]), decode(vector["root"])
            merkle.verify_inclusion(leaf, vector["leafIdx"], vector["treeSize"], proof, root)
        else:
            roots = decode(vector["root1"]), decode(vector["root2"])
            merkle.verify_consistency(vector["size1"], vector["size2"], proof, *roots)
    except ProofError:
        return False
    return True


def tree(entries):
    leaves = [merkle.leaf_hash(entry) for entry in entries]
    return leaves, lambda level, index: merkle.root_hash(leaves[index << level : (index + 1) << level])


def test_every_public_vector_gets_its_answer():
    if not PUBLIC.exists():
        pytest.skip("the public RFC 6962 vectors are not beside this clone: see ../shared/data/rfc6962")
    vectors = json.loads(PUBLIC.read_text())
    wrong = [name for name, vector in vectors.items() if accepted(vector) == vector["wantErr"]]
    assert (len(vectors), wrong) == (196, [])


def test_every_vector_of_our_own_gets_its_answer():
    vectors = json.loads(OURS.read_text())
    wrong = [name for name, vector in vectors.items() if accepted(vector) == vector["wantErr"]]
    assert (len(vectors), wrong) == (300, [])


def test_the_tree_is_the_one_that_rfc_6962_defines(naive_root):
    entries = [b"entry %d" % index for index in range(70)]
    leaves, _ = tree(entries)
    for size in range(71):
        assert merkle.root_hash(leaves[:size]) == naive_root(entries[:size])


def test_every_proof_of_small_trees_verifies(naive_root):
    entries = [b"entry %d" % index for index in range(40)]
    leaves, node = tree(entries)
    roots = [naive_root(entries[:size]) for size in range(41)]
    for size in range(41):
        for index in range(size):
            proof = merkle.inclusion_proof(node, index, size)
            merkle.verify_inclusion(leaves[index], index, size, proof, roots[size])
        for old in range(1, size + 1):
            proof = merkle.consistency_proof(node, old, size)
            merkle.verify_consistency(old, size, proof, roots[old], roots[size])


def test_another_implementation_accepts_our_inclusion_proofs():
    entries = [b"entry %d" % index for index in range(75)]
    leaves, node = tree(entries)
    for size in (1, 2, 3, 64, 65, 75):
        for index in range(size):
            proof = SimpleNamespace(
                log_index=index,
                tree_size=size,
                hashes=merkle.inclusion_proof(node, index, size),
                root_hash=merkle.root_hash(leaves[:size]),
            )
            theirs = SimpleNamespace(_inner=SimpleNamespace(inclusion_proof=proof, canonicalized_body=entries[index]))
            verify_merkle_inclusion(theirs)
            proof.log_index = (index + 1) % size
            if size > 1:
                with pytest.raises(VerificationError):
                    verify_merkle_inclusion(theirs)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_any_flipped_bit_fails(data):
    size = data.draw(st.integers(2, 300))
    index = data.draw(st.integers(0, size - 1))
    leaves, node = tree([b"%d" % position for position in range(size)])
    proof = merkle.inclusion_proof(node, index, size)
    parts = [leaves[index], merkle.root_hash(leaves), *proof]
    part = data.draw(st.integers(0, len(parts) - 1))
    bit = data.draw(st.integers(0, 255))
    parts[part] = (int.from_bytes(parts[part], "big") ^ (1 << bit)).to_bytes(32, "big")
    with pytest.raises(ProofError):
        merkle.verify_inclusion(parts[0], index, size, parts[2:], parts[1])


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_rewritten_beginning_is_not_consistent(data):
    size = data.draw(st.integers(2, 200))
    old = data.draw(st.integers(1, size - 1))
    changed = data.draw(st.integers(0, old - 1))
    leaves, _ = tree([b"%d" % position for position in range(size)])
    other_leaves, other = tree([b"%d" % position for position in range(size - 1)] + [b"last"])
    rewritten = [b"%d" % position for position in range(size)]
    rewritten[changed] = b"rewritten"
    rewritten_leaves, node = tree(rewritten)
    proof = merkle.consistency_proof(node, old, size)
    with pytest.raises(ProofError):
        merkle.verify_consistency(old, size, proof, merkle.root_hash(leaves[:old]), merkle.root_hash(rewritten_leaves))
    merkle.verify_consistency(
        old,
        size,
        merkle.consistency_proof(other, old, size),
        merkle.root_hash(leaves[:old]),
        merkle.root_hash(other_leaves),
    )


@pytest.mark.parametrize("call", ["inclusion_proof", "consistency_proof"])
def test_no_proof_is_made_for_what_is_outside_the_tree(call):
    _, node = tree([b"a", b"b"])
    with pytest.raises(ProofError):
        getattr(merkle, call)(node, 3, 2)
