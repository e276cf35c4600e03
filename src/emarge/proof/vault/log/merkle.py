"""The Merkle tree of RFC 6962 (section 2.1) and RFC 9162 (sections 2.1.3 and 2.1.4), over SHA-256.

A *node* function gives the hash of a perfect subtree: ``node(level, index)`` covers the leaves
``[index * 2**level, (index + 1) * 2**level)``. Whoever stores the tree provides it.
"""

import hashlib
from collections.abc import Callable, Sequence

from emarge.proof.vault.errors import ProofError

HASH_SIZE = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()
Node = Callable[[int, int], bytes]


def leaf_hash(entry: bytes) -> bytes:
    """Hash of a leaf: SHA-256 of 0x00 and the entry."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash of an inner node: SHA-256 of 0x01 and its two children."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def root_hash(leaf_hashes: Sequence[bytes]) -> bytes:
    """Root of the tree over these leaf hashes, in order; the empty tree has the hash of nothing.

    It is as true of the hashes of equal perfect subtrees, of which the last may be incomplete: cutting at
    the largest power of two below the count is the same cut.
    """
    level = list(leaf_hashes)
    if not level:
        return EMPTY_ROOT
    while len(level) > 1:
        # A node left alone at the end of its level rises unchanged: that is where RFC 6962 cuts the tree.
        alone = level[-1:] if len(level) % 2 else []
        pairs = zip(level[0::2], level[1::2], strict=False)
        level = [node_hash(left, right) for left, right in pairs] + alone
    return level[0]


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Prove that the leaf hash ``leaf`` stands at ``index`` in the tree of ``size`` leaves under ``root``.

    Raises ProofError otherwise. RFC 9162, section 2.1.3.2.
    """
    if not 0 <= index < size:
        raise ProofError(f"index {index} is outside a tree of {size} leaves")
    _require_hashes([leaf, root, *proof])
    position, last, current = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            raise ProofError("the inclusion proof is too long")
        if position % 2 or position == last:
            current = node_hash(sibling, current)
            while position % 2 == 0 and position:
                position, last = position >> 1, last >> 1
        else:
            current = node_hash(current, sibling)
        position, last = position >> 1, last >> 1
    if last:
        raise ProofError("the inclusion proof is too short")
    if current != root:
        raise ProofError("the inclusion proof leads to another root")


def verify_consistency(old_size: int, new_size: int, proof: Sequence[bytes], old_root: bytes, new_root: bytes) -> None:
    """Prove that the tree of ``new_size`` leaves only appends to the tree of ``old_size`` leaves.

    Raises ProofError otherwise. RFC 9162, section 2.1.4.2. There is nothing to prove from an empty tree.
    """
    if not 0 < old_size <= new_size:
        raise ProofError(f"no proof leads from a tree of {old_size} leaves to one of {new_size}")
    if old_size == new_size:
        if proof or old_root != new_root:
            raise ProofError("two trees of one size have one root, and need no proof")
        return
    _require_hashes([old_root, new_root, *proof])
    # A tree whose size is a power of two is itself a node of the new tree: its root is the first hash.
    path = [old_root, *proof] if old_size & (old_size - 1) == 0 else list(proof)
    if _both_roots(old_size, new_size, path) != (old_root, new_root):
        raise ProofError("the consistency proof leads to another root")


def _both_roots(old_size: int, new_size: int, path: Sequence[bytes]) -> tuple[bytes, bytes]:
    """The roots of the old and the new tree that a consistency path builds up to."""
    if not path:
        raise ProofError("the consistency proof is too short")
    position, last = old_size - 1, new_size - 1
    while position % 2:
        position, last = position >> 1, last >> 1
    old = new = path[0]
    for sibling in path[1:]:
        if last == 0:
            raise ProofError("the consistency proof is too long")
        if position % 2 or position == last:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            while position % 2 == 0 and position:
                position, last = position >> 1, last >> 1
        else:
            new = node_hash(new, sibling)
        position, last = position >> 1, last >> 1
    if last:
        raise ProofError("the consistency proof is too short")
    return old, new


def range_hash(node: Node, start: int, end: int) -> bytes:
    """Hash of the leaves ``[start, end)`` as RFC 6962 builds it.

    ``start`` is a multiple of the first power of two that is not below the width: a place of the tree's own.
    """
    width = end - start
    if width & (width - 1) == 0:
        level = width.bit_length() - 1
        return node(level, start >> level)
    middle = start + _split(width)
    return node_hash(range_hash(node, start, middle), range_hash(node, middle, end))


def inclusion_proof(node: Node, index: int, size: int, height: int = 0) -> list[bytes]:
    """The hashes that prove the leaf at ``index`` in the tree of ``size`` leaves, from leaf to root.

    With a ``height``, index and proof are those of a run of ``2**height`` leaves (the last run may be shorter):
    ``verify_inclusion`` then takes the root of the run for the leaf, and the number of runs for the size.
    """
    runs = -(-size >> height)
    if not 0 <= index < runs:
        raise ProofError(f"index {index} is outside a tree of {runs} leaves")
    proof: list[bytes] = []
    start, end = 0, runs
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            proof.append(range_hash(node, middle << height, min(end << height, size)))
            end = middle
        else:
            proof.append(range_hash(node, start << height, middle << height))
            start = middle
    return proof[::-1]


def consistency_proof(node: Node, old_size: int, new_size: int) -> list[bytes]:
    """The hashes that prove that the tree of ``new_size`` leaves extends the tree of ``old_size``."""
    if not 0 < old_size <= new_size:
        raise ProofError(f"no proof leads from a tree of {old_size} leaves to one of {new_size}")
    if old_size == new_size:
        return []
    proof: list[bytes] = []
    start, end = 0, new_size
    while end != old_size:
        middle = start + _split(end - start)
        if old_size <= middle:
            proof.append(range_hash(node, middle, end))
            end = middle
        else:
            proof.append(range_hash(node, start, middle))
            start = middle
    if start:
        proof.append(range_hash(node, start, end))
    return proof[::-1]


def _split(width: int) -> int:
    """Largest power of two below ``width``: where RFC 6962 cuts a range of leaves in two."""
    return 1 << (width - 1).bit_length() - 1


def _require_hashes(values: Sequence[bytes]) -> None:
    if any(len(value) != HASH_SIZE for value in values):
        raise ProofError("a hash of the proof is not 32 bytes long")
