"""What a witness cosigns, refuses and remembers."""

from datetime import UTC, datetime

import apsw
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from emarge.proof.vault.errors import CorruptVault, DurabilityLost, VaultRefused
from emarge.proof.vault.log import checkpoint, merkle
from emarge.proof.vault.log.cosignature import open_line
from emarge.proof.vault.mirror import wire
from emarge.proof.vault.setup.create import create_vault
from emarge.proof.vault.witness.witness import NotNextError, Witness, create_witness, examine, vkey_of

ORIGIN = "vault.example/school"
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
VKEY = checkpoint.vkey(ORIGIN, KEY.public_key())
AT = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
LEAVES = [merkle.leaf_hash(b"entry %d" % number) for number in range(20)]
OTHERS = [merkle.leaf_hash(b"other %d" % number) for number in range(20)]


def head(size, leaves=LEAVES):
    return checkpoint.Checkpoint(ORIGIN, size, merkle.root_hash(leaves[:size]))


def growth(old, new, leaves=LEAVES):
    def node(level, index):
        return merkle.root_hash(leaves[index << level : (index + 1) << level])

    return merkle.consistency_proof(node, old, new) if 0 < old < new else []


def body(old, new, leaves=LEAVES, key=KEY, proof=None):
    signed = checkpoint.sign(head(new, leaves), key)
    return wire.dump_checkpoint(old, growth(old, new, leaves) if proof is None else proof, signed)


@pytest.fixture
def folder(tmp_path):
    create_witness(tmp_path / "witness", name="witness.example")
    return tmp_path / "witness"


@pytest.fixture
def reopen(folder):
    opened = []

    def reopen():
        for one in opened:
            one.close()
        opened[:] = [Witness(folder)]
        return opened[0]

    yield reopen
    for one in opened:
        one.close()


@pytest.fixture
def witness(reopen):
    witness = reopen()
    witness.add_log(VKEY)
    return witness


def refused(call, *values):
    with pytest.raises(VaultRefused) as caught:
        call(*values)
    return caught.value.code


@pytest.mark.parametrize("sizes", [(0,), (1,), (7, 8, 20), (0, 3, 3), (20, 20)])
def test_what_extends_is_cosigned_across_restarts(witness, reopen, folder, sizes):
    old = 0
    for size in sizes:
        line = reopen().add_checkpoint(body(old, size), AT)
        assert open_line(line, head(size).text, vkey_of(folder)).at == AT
        old = size
    logs, refusals = examine(folder)
    assert (logs[ORIGIN].last, logs[ORIGIN].line, refusals) == (head(old), line, [])


def test_a_client_that_knows_nothing_learns_the_size(witness):
    witness.add_checkpoint(body(0, 7), AT)
    for request in (body(0, 12), body(0, 3), body(6, 7)):
        with pytest.raises(NotNextError) as caught:
            witness.add_checkpoint(request, AT)
        assert caught.value.size == 7
    assert witness.second_histories == 0


@pytest.mark.parametrize(
    ("old", "forged", "code"),
    [
        (7, body(7, 7, OTHERS), "not_next"),
        (7, body(7, 12, OTHERS), "second_history"),
        (7, body(7, 12, proof=[]), "second_history"),
        (0, body(0, 7, OTHERS), "not_next"),  # equal sizes, other roots: evidence whatever old says
    ],
)
def test_a_second_history_is_refused_and_remembered_for_ever(witness, reopen, old, forged, code):
    line = witness.add_checkpoint(body(0, 7), AT)
    for _ in range(2):
        assert refused(witness.add_checkpoint, forged, AT) == code
    again = reopen()
    assert again.second_histories == 1
    assert (again.logs[ORIGIN].last, again.logs[ORIGIN].line) == (head(7), line)
    again.add_checkpoint(body(7, 20), AT)


def test_a_smaller_checkpoint_is_never_cosigned(witness):
    witness.add_checkpoint(body(0, 12), AT)
    for size in range(12):
        assert refused(witness.add_checkpoint, body(0, size), AT) == "not_next"


def test_only_the_logs_own_signature_counts(witness):
    stranger = Ed25519PrivateKey.generate()
    assert refused(witness.add_checkpoint, body(0, 7, key=stranger), AT) == "bad_signature"
    assert witness.second_histories == 0


@pytest.mark.parametrize(
    "request_body",
    [b"", b"old 0\n", b"old -1\n\nnote", b"old 0\nnot base64\n\n" + checkpoint.sign(head(1), KEY), body(9, 7)],
)
def test_a_malformed_request_changes_nothing(witness, request_body):
    assert refused(witness.add_checkpoint, request_body, AT) in {"bad_request", "unknown_log"}
    assert witness.logs[ORIGIN].note == b""


def test_the_first_key_of_an_origin_stands(witness, reopen):
    other = checkpoint.vkey(ORIGIN, Ed25519PrivateKey.generate().public_key())
    assert refused(witness.add_log, other) == "other_key"
    assert refused(witness.add_log, "nonsense") == "bad_request"
    witness.add_log(VKEY)
    assert reopen().logs[ORIGIN].vkey == VKEY


def test_an_unknown_log_is_not_witnessed(reopen):
    assert refused(reopen().add_checkpoint, body(0, 7), AT) == "unknown_log"


def test_two_processes_cannot_open_one_witness(reopen, folder):
    reopen()
    assert refused(Witness, folder) == "in_use"


def test_a_witness_is_never_made_over_another_nor_by_opening(folder, tmp_path):
    assert refused(lambda: create_witness(folder, name="w")) == "exists"
    assert refused(Witness, tmp_path / "elsewhere") == "no_witness"
    create_vault(tmp_path / "vault", name="v")
    assert refused(Witness, tmp_path / "vault") == "no_witness"


def test_a_changed_state_is_named(witness, reopen, folder):
    witness.add_checkpoint(body(0, 7), AT)
    witness.close()
    state = apsw.Connection(str(folder / "state.sqlite3"))
    state.execute("UPDATE logs SET note = ?", (checkpoint.sign(head(8), KEY),))
    state.close()
    for opening in (Witness, examine):
        with pytest.raises(CorruptVault, match="is false"):
            opening(folder)


def test_a_witness_in_doubt_cosigns_nothing_more(witness, folder):
    blocker = apsw.Connection(str(folder / "state.sqlite3"))
    witness._database._connection.set_busy_timeout(10)
    blocker.execute("BEGIN IMMEDIATE")
    with pytest.raises(DurabilityLost):
        witness.add_checkpoint(body(0, 7), AT)
    blocker.execute("ROLLBACK")
    blocker.close()
    assert witness.in_doubt
    with pytest.raises(DurabilityLost):
        witness.add_checkpoint(body(0, 7), AT)
