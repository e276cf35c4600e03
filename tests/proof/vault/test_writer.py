import hashlib
import shutil

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from emarge.proof.vault.errors import CorruptVault, DurabilityLost, StampUnavailable, VaultRefused
from emarge.proof.vault.log.checkpoint import open_checkpoint
from emarge.proof.vault.log.deposits import Deposit, Receipt, SealedContent
from emarge.proof.vault.log.entry import encode
from emarge.proof.vault.log.merkle import leaf_hash
from emarge.proof.vault.service.opened import Vault
from emarge.proof.vault.setup.create import create_vault
from emarge.proof.vault.storage.reader import LogReader
from emarge.proof.vault.storage.stored import staged


def numbered(number):
    return Deposit(f"00000000-0000-4000-8000-{number:012d}", b"record %d" % number, (), b"", b"")


def token(payload):
    return b"token of " + hashlib.sha256(payload).digest()


def test_a_receipt_says_all(writer, naive_root):
    [[first, second]] = writer.write([[numbered(0), numbered(1)]])
    entries = [encode(b"record %d" % number, token(b"record %d" % number)) for number in (0, 1)]
    checkpoint = open_checkpoint(second.checkpoint, writer.log.vkey)
    assert (checkpoint.origin, checkpoint.size, checkpoint.root) == (
        "vault.example/school",
        2,
        naive_root(entries),
    )
    assert [first, second] == [
        Receipt(
            numbered(place).uuid,
            place,
            leaf_hash(entries[place]).hex(),
            token(b"record %d" % place),
            2,
            second.checkpoint,
        )
        for place in (0, 1)
    ]


def test_the_same_record_again_gets_the_same_receipt_before_and_after_publication(writer, opened):
    [first] = writer.write([[numbered(0), numbered(1)]])
    [later] = writer.write([[numbered(2)]])
    assert writer.write([[numbered(1)], [numbered(0), numbered(2)]]) == [[first[1]], [first[0], later[0]]]
    writer.publish()
    assert writer.write([[numbered(1)], [numbered(0), numbered(2)]]) == [[first[1]], [first[0], later[0]]]
    again = opened().writers["school"]
    assert again.write([[numbered(1), numbered(2)]]) == [[first[1], later[0]]]
    assert again.size == 3


def test_a_record_twice_in_one_batch_is_logged_once(writer):
    [both, alone] = writer.write([[numbered(0), numbered(0)], [numbered(0)]])
    assert (both[0], both[1], alone) == (both[0], both[0], [both[0]])
    assert writer.size == 1


def refusal(uuid):
    return ("uuid_reused", f"the uuid {uuid} was given to another record")


@pytest.mark.parametrize("published", [False, True])
def test_a_reused_uuid_is_refused_with_all_of_its_request(writer, published):
    [[first]] = writer.write([[numbered(0)]])
    if published:
        writer.publish()
    other = Deposit(numbered(0).uuid, b"another record", (), b"", b"")
    [refused, accepted] = writer.write([[numbered(1), other], [numbered(2), numbered(0)]])
    assert isinstance(refused, VaultRefused)
    assert (refused.code, refused.text) == refusal(other.uuid)
    assert [(receipt.uuid, receipt.index) for receipt in accepted] == [
        (numbered(2).uuid, 1),
        (first.uuid, 0),
    ]
    assert writer.size == 2


def test_a_uuid_is_reused_inside_a_request_or_a_batch(writer):
    other = Deposit(numbered(0).uuid, b"another record", (), b"", b"")
    inside, first, after = writer.write([[numbered(0), other], [numbered(0)], [other]])
    assert (inside.code, inside.text) == (after.code, after.text) == refusal(other.uuid)
    assert [receipt.index for receipt in first] == [0]


def test_without_tokens_nothing_is_logged_and_the_retry_is(opened):
    answers = [StampUnavailable("down"), StampUnavailable("down")]

    def stamp(digests):
        if answers:
            raise answers.pop()
        return [b"token"] * len(digests)

    writer = opened(stamp).open_log("school")
    sealed = Deposit(numbered(0).uuid, b"record", ("x",), b"first try", b"k" * 32)
    with pytest.raises(StampUnavailable):
        writer.write([[sealed]])
    retried = Deposit(numbered(0).uuid, b"record made anew", ("x",), b"second try", b"l" * 32)
    with pytest.raises(StampUnavailable):
        writer.write([[retried]])
    assert (writer.size, writer.in_doubt) == (0, False)
    [[receipt]] = writer.write([[retried]])
    assert receipt.index == 0
    assert opened().content("school", 0) == SealedContent(b"second try", b"l" * 32)


@pytest.mark.parametrize("tokens", [[], [b""], [b"a", b"b"], [b"x" * 65_536]])
def test_unusable_tokens_log_nothing(opened, tokens):
    writer = opened(lambda _: tokens).open_log("school")
    with pytest.raises(StampUnavailable):
        writer.write([[numbered(0)]])
    assert (writer.size, writer.in_doubt) == (0, False)


def test_contents_and_their_absence(opened, writer, folder):
    sealed = Deposit(numbered(1).uuid, b"sealed", (), b"ciphertext", b"k" * 32)
    writer.write([[numbered(0), sealed]])
    vault = opened()
    assert (vault.content("school", 0), vault.content("school", 1), vault.content("school", 2)) == (
        None,
        SealedContent(b"ciphertext", b"k" * 32),
        None,
    )


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_split_into_batches_publications_and_restarts_gives_the_same_tree(data, tmp_path, naive_root):
    folder = tmp_path / "vault"
    shutil.rmtree(folder, ignore_errors=True)
    create_vault(folder, name="vault.example")
    vault = Vault(folder, lambda digests: [b"token of " + digest for digest in digests])
    vault.open_log("school")
    total, done = data.draw(st.integers(1, 520)), 0
    while done < total:
        count = data.draw(st.integers(1, 300))
        batch = [numbered(number) for number in range(done, min(total, done + count))]
        vault.writers["school"].write([batch])
        done += len(batch)
        then = data.draw(st.sampled_from(["go on", "publish", "restart"]))
        if then == "publish":
            vault.writers["school"].publish()
        elif then == "restart":
            vault.close()
            vault = Vault(folder, lambda digests: [b"token of " + digest for digest in digests])
    writer = vault.writers["school"]
    writer.publish()
    reader = LogReader(writer.log.folder)
    payloads = [b"record %d" % number for number in range(total)]
    entries = [encode(payload, token(payload)) for payload in payloads]
    assert writer.log.open(reader.checkpoint()).root == naive_root(entries)
    assert [reader.entry(index, total) for index in range(total)] == entries
    vault.close()


def test_what_was_sequenced_but_not_published_is_recovered(opened, writer):
    [receipts] = writer.write([[numbered(number) for number in range(300)]])
    folder = writer.log.folder
    assert not (folder / "tile").exists()
    again = opened().writers["school"]
    assert (again.size, again.published, (folder / "staging").read_bytes()) == (300, 300, b"")
    assert LogReader(folder).checkpoint() == receipts[0].checkpoint


def test_what_was_staged_but_never_sequenced_is_cut_off(opened, writer):
    writer.write([[numbered(0)]])
    staging = writer.log.folder / "staging"
    half = (1).to_bytes(8, "big") + (5).to_bytes(2, "big") + b"ab"
    staging.write_bytes(staging.read_bytes() + half)
    again = opened().writers["school"]
    assert (again.size, staging.read_bytes()) == (1, b"")
    [[receipt]] = again.write([[numbered(1)]])
    assert receipt.index == 1


def test_tiles_put_before_the_crash_are_found_again(opened, writer):
    writer.write([[numbered(number) for number in range(300)]])
    folder = writer.log.folder
    published, staged_bytes = (folder / "checkpoint").read_bytes(), (folder / "staging").read_bytes()
    writer.publish()
    (folder / "checkpoint").write_bytes(published)
    (folder / "staging").write_bytes(staged_bytes)
    (folder / "tile" / "entries" / "000").unlink()
    again = opened().writers["school"]
    assert again.published == 300
    assert (folder / "tile" / "entries" / "000").exists()


def test_a_staging_file_that_was_published_already_is_skipped(opened, writer):
    writer.write([[numbered(0), numbered(1)]])
    staging = writer.log.folder / "staging"
    staged_bytes = staging.read_bytes()
    writer.publish()
    staging.write_bytes(staged_bytes)
    assert opened().writers["school"].size == 2


def test_a_lost_staging_file_is_named(opened, writer):
    writer.write([[numbered(0)]])
    (writer.log.folder / "staging").write_bytes(b"")
    with pytest.raises(CorruptVault, match=r"^the entry 0 is neither in a tile nor in the staging file$"):
        opened()


def test_a_changed_staging_file_is_named(opened, writer):
    writer.write([[numbered(0)]])
    staging = writer.log.folder / "staging"
    staging.write_bytes(staging.read_bytes()[:-1] + b"!")
    with pytest.raises(CorruptVault, match=r"^the staging file of the log school does not lead to its last"):
        opened()


def test_a_changed_tile_of_the_right_edge_is_named(opened, writer):
    writer.write([[numbered(0)]])
    writer.publish()
    tile = writer.log.folder / "tile" / "0" / "000.p" / "1"
    tile.write_bytes(bytes(32))
    with pytest.raises(CorruptVault, match=r"^the last tiles of the log school do not lead to its checkpoint$"):
        opened()


def test_a_sequencer_that_was_rolled_back_is_refused(opened, writer, folder):
    writer.write([[numbered(0)]])
    opened().close()
    saved = (folder / "sequencer.sqlite3").read_bytes()
    again = Vault(folder, lambda digests: [b"token"] * len(digests))
    again.writers["school"].write([[numbered(1)]])
    again.writers["school"].publish()
    again.close()
    (folder / "sequencer.sqlite3").write_bytes(saved)
    with pytest.raises(
        CorruptVault, match=r"^the sequencer of the log school is older than its tiles: it was rolled back$"
    ):
        Vault(folder, list)


def test_a_log_of_another_sequencer_is_not_begun_again(opened, writer, tmp_path):
    writer.write([[numbered(0)]])
    writer.publish()
    opened().close()
    create_vault(tmp_path / "other", name="vault.example")
    shutil.copytree(tmp_path / "vault" / "logs", tmp_path / "other" / "logs", dirs_exist_ok=True)
    other = Vault(tmp_path / "other", list)
    with pytest.raises(VaultRefused) as caught:
        other.open_log("school")
    other.close()
    assert caught.value.code == "tiles_without_sequencer"


def test_a_log_whose_beginning_was_cut_short_begins(opened, folder):
    first = opened().open_log("school").log.vkey
    sequencer = opened().sequencer
    with sequencer._database.transaction() as connection:
        connection.execute("DELETE FROM logs")
        connection.execute("DELETE FROM checkpoints")
    (folder / "logs" / "school" / "checkpoint").unlink()
    assert opened().open_log("school").log.vkey == first


def test_a_writer_in_doubt_writes_nothing_more(opened, writer):
    writer.write([[numbered(0)]])
    with writer._sequencer._database.transaction() as connection:
        connection.execute("UPDATE logs SET size = 5")
    for expected in (CorruptVault, DurabilityLost):
        with pytest.raises(expected):
            writer.write([[numbered(1)]])
    assert writer.in_doubt


@pytest.mark.parametrize("name", ["", "A", "a/b", "..", ".a", "a.", "a b", "é", "a" * 65, "a\n"])
def test_a_name_that_is_no_log_is_refused(opened, folder, name):
    with pytest.raises(VaultRefused) as caught:
        opened().open_log(name)
    assert caught.value.code == "bad_log"
    assert list((folder / "logs").iterdir()) == []


def test_staged_frames_must_follow_each_other():
    def frame(index, data):
        return index.to_bytes(8, "big") + len(data).to_bytes(2, "big") + data

    data = frame(0, b"a") + frame(1, b"b") + frame(2, b"c")
    assert list(staged(data, 1, 3)) == [b"b", b"c"]
    assert list(staged(b"anything", 3, 3)) == []
    with pytest.raises(CorruptVault, match=r"^the staging file holds the entry 2 where 1 should stand$"):
        list(staged(frame(0, b"a") + frame(2, b"c"), 0, 3))
    with pytest.raises(CorruptVault, match=r"^the entry 2 is neither in a tile nor in the staging file$"):
        list(staged(data[:-1], 0, 3))


def test_a_prepared_batch_is_what_would_have_been_written(opened, writer, folder):
    sealed = Deposit(numbered(1).uuid, b"sealed", ("x",), b"ciphertext", b"k" * 32)
    requests = [[numbered(0)], [sealed, numbered(2)]]
    entries = writer.prepare(requests)
    assert entries == [encode(one.payload, token(one.payload)) for request in requests for one in request]
    assert (writer.size, writer._contents.get("school", sealed.uuid)) == (0, SealedContent(b"ciphertext", b"k" * 32))
    written = writer.write(requests, entries)
    assert [[receipt.index for receipt in receipts] for receipts in written] == [[0], [1, 2]]
    assert writer.write(requests) == written
    assert opened().content("school", 1) == SealedContent(b"ciphertext", b"k" * 32)


def test_what_is_logged_or_comes_twice_is_not_prepared(opened):
    stamped = []

    def stamp(digests):
        stamped.extend(digests)
        return [b"token of " + digest for digest in digests]

    writer = opened(stamp).open_log("school")
    writer.write([[numbered(0)]])
    assert writer.prepare([[numbered(1)], [numbered(0)]]) is None
    assert writer.prepare([[numbered(1), numbered(1)]]) is None
    assert len(stamped) == 1


def test_contents_that_cannot_be_stored_leave_the_log_in_doubt(writer):
    writer._contents.close()
    sealed = Deposit(numbered(1).uuid, b"sealed", (), b"ciphertext", b"k" * 32)
    with pytest.raises(DurabilityLost):
        writer.prepare([[sealed]])
    assert writer.in_doubt
    assert writer.prepare([[numbered(2)]]) is None
    with pytest.raises(DurabilityLost):
        writer.write([[numbered(2)]])
