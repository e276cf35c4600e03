"""A log that signs what a test wants, and proves it by the recursions of RFC 6962 and C2SP word for word."""

import base64
import hashlib
import struct

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from emarge.proof.vault.log.checkpoint import Checkpoint, sign, vkey

ORIGIN = "vault.example/school"
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
VKEY = vkey(ORIGIN, KEY.public_key())


def leaf(entry):
    return hashlib.sha256(b"\x00" + entry).digest()


def mth(leaves):
    """RFC 6962, section 2.1, over leaf hashes."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = _split(len(leaves))
    return hashlib.sha256(b"\x01" + mth(leaves[:k]) + mth(leaves[k:])).digest()


def consistency(m, leaves, whole=True):
    """RFC 6962, section 2.1.2: SUBPROOF(m, D[n], b)."""
    if m == len(leaves):
        return [] if whole else [mth(leaves)]
    k = _split(len(leaves))
    if m <= k:
        return [*consistency(m, leaves[:k], whole), mth(leaves[k:])]
    return [*consistency(m - k, leaves[k:], False), mth(leaves[:k])]


def subtree(start, end, leaves, whole=True):
    """The subtree consistency proof that C2SP tlog-mirror points to: SUBTREE_SUBPROOF(start, end, D_n, b)."""
    if (start, end) == (0, len(leaves)):
        return [] if whole else [mth(leaves)]
    k = _split(len(leaves))
    if end <= k:
        return [*subtree(start, end, leaves[:k], whole), mth(leaves[k:])]
    if k <= start:
        return [*subtree(start - k, end - k, leaves[k:], whole), mth(leaves[:k])]
    return [*subtree(0, end - k, leaves[k:], False), mth(leaves[:k])]


def note(entries, key=KEY, origin=ORIGIN):
    return sign(Checkpoint(origin, len(entries), mth([leaf(one) for one in entries])), key)


def checkpoint_body(old_size, entries, **others):
    """The body of add-checkpoint that goes from the first ``old_size`` entries to all."""
    proof = consistency(old_size, [leaf(one) for one in entries]) if old_size else []
    lines = [f"old {old_size}", *(base64.b64encode(value).decode() for value in proof), "", ""]
    return "\n".join(lines).encode() + note(entries, **others)


def entries_body(start, entries, packages=None, origin=ORIGIN):
    """The body of add-entries from ``start`` to the end, or its first packages only."""
    end, leaves = len(entries), [leaf(one) for one in entries]
    name = origin.encode()
    body = struct.pack(">H", len(name)) + name + struct.pack(">QQH", start, end, 0)
    first = start // 256 * 256
    for number, begin in enumerate(range(first, end, 256)):
        if packages is not None and number == packages:
            break
        stop = min(end, begin + 256)
        for entry in entries[max(start, begin) : stop]:
            body += struct.pack(">H", len(entry)) + entry
        proof = subtree(begin, stop, leaves)
        body += bytes([len(proof)]) + b"".join(proof)
    return body


def _split(count):
    k = 1
    while k * 2 < count:
        k *= 2
    return k
