import shutil

import pytest

from emarge.proof.vault.checking import check
from emarge.proof.vault.checking.check import check_vault
from emarge.proof.vault.checking.derivation import Progress
from emarge.proof.vault.errors import CorruptVault, VaultRefused
from emarge.proof.vault.log.deposits import Deposit
from emarge.proof.vault.log.tiles import encode_bundle


@pytest.fixture
def log(writer, deposit, opened):
    """600 published entries and 5 that wait in the staging file."""
    for count, publish in ((300, True), (300, True), (5, False)):
        writer.write([[deposit(b"record %d" % (writer.size + place)) for place in range(count)]])
        if publish:
            writer.publish()
    return writer.log.folder


def fault(folder):
    with pytest.raises(CorruptVault) as caught:
        check_vault(folder)
    return str(caught.value)


def flip(path, position=-1):
    data = bytearray(path.read_bytes())
    data[position] ^= 1
    path.write_bytes(bytes(data))


def test_a_whole_log_is_whole(log, folder, writer):
    [checked] = check_vault(folder)
    assert (checked.origin, checked.vkey, checked.size, checked.staged) == (
        "vault.example/school",
        writer.log.vkey,
        605,
        5,
    )


def test_an_empty_vault_and_an_empty_log_are_whole(folder, opened):
    assert check_vault(folder) == []
    opened().open_log("school")
    assert [checked.size for checked in check_vault(folder)] == [0]


def test_a_check_changes_nothing(log, folder):
    def files():
        kept = (path for path in folder.rglob("*") if not path.name.endswith(("-wal", "-shm")))
        return sorted((path, path.read_bytes()) for path in kept if path.is_file())

    before = files()
    check_vault(folder)
    assert files() == before


@pytest.mark.parametrize(
    ("name", "position", "text"),
    [
        ("tile/entries/001", -1, "the entry 511 in tile/entries/001 is not its tile's"),
        ("tile/entries/000", 20, "the entry 0 in tile/entries/000 is not its tile's"),
        ("tile/entries/002.p/88", -1, "the entry 599 in tile/entries/002.p/88 is not its tile's"),
        ("tile/entries/000", 0, "tile/entries/000 is cut short"),
        ("tile/0/001", 64, "the entry 258 in tile/entries/001 is not its tile's"),
        ("tile/1/000.p/2", 0, "tile/1/000.p/2 does not follow from the entries"),
        ("staging", -1, "the entries do not lead to the root of the sequenced checkpoint of 605 entries"),
        ("staging", 7, "the staging file holds the entry 601 where 600 should stand"),
        ("checkpoint", 3, "the checkpoint is false: the checkpoint is of another log"),
        ("checkpoint", 30, "the checkpoint is false: the signature of the checkpoint is false"),
    ],
)
def test_a_changed_byte_is_named(log, folder, name, position, text):
    flip(log / name, position)
    assert fault(folder) == f"school: {text}"


@pytest.mark.parametrize("name", ["tile/entries/001", "tile/0/001", "tile/1/000.p/2", "tile/entries/002.p/88"])
def test_a_missing_tile_is_named(log, folder, name):
    (log / name).unlink()
    assert fault(folder) == f"school: {name} is missing"


def test_an_entry_changed_with_its_tiles_is_found_by_the_root(log, folder, writer, opened):
    from emarge.proof.vault.log.merkle import leaf_hash
    from emarge.proof.vault.log.tiles import decode_bundle

    bundle, tile = log / "tile" / "entries" / "000", log / "tile" / "0" / "000"
    entries = decode_bundle(bundle.read_bytes(), "")
    entries[7] = entries[7].replace(b"record 7", b"record 8")
    bundle.write_bytes(encode_bundle(entries))
    tile.write_bytes(b"".join(leaf_hash(entry) for entry in entries))
    assert fault(folder) == "school: the entries do not lead to the root of a sequenced checkpoint of 300 entries"


def test_two_entries_swapped_are_found(log, folder):
    from emarge.proof.vault.log.tiles import decode_bundle

    bundle = log / "tile" / "entries" / "000"
    entries = decode_bundle(bundle.read_bytes(), "")
    entries[3], entries[4] = entries[4], entries[3]
    bundle.write_bytes(encode_bundle(entries))
    assert fault(folder) == "school: the entry 3 in tile/entries/000 is not its tile's"


@pytest.mark.parametrize("name", ["tile/0/003", "tile/5/000", "tile/entries/009.p/3", "tile/0/002.p/99"])
def test_a_tile_beyond_the_tree_is_named(log, folder, name):
    (log / name).parent.mkdir(parents=True, exist_ok=True)
    (log / name).write_bytes(b"")
    assert fault(folder) == f"school: {name} does not follow from the entries"


@pytest.mark.parametrize("name", ["tile/0/notes.txt", "spare", "tile/0/002.p/099"])
def test_a_file_that_has_no_place_is_named(log, folder, name):
    (log / name).write_bytes(b"x")
    assert fault(folder) == f"school: {name} is no file of a log"


def test_a_temporary_file_of_a_crash_is_not_a_fault(log, folder):
    (log / "tile" / "0" / "002.tmp").write_bytes(b"half")
    assert [checked.size for checked in check_vault(folder)] == [605]


def test_an_older_partial_tile_is_checked_too(log, folder):
    partial = log / "tile" / "0" / "002.p" / "1"
    partial.write_bytes((log / "tile" / "0" / "002.p" / "88").read_bytes()[:32])
    assert [checked.size for checked in check_vault(folder)] == [605]
    flip(partial)
    assert fault(folder) == "school: tile/0/002.p/1 does not follow from the entries"


def test_a_staging_file_longer_than_the_sequence_is_no_fault(log, folder):
    staging = log / "staging"
    staging.write_bytes(staging.read_bytes() + (605).to_bytes(8, "big") + b"\x00\x03abc")
    assert [checked.size for checked in check_vault(folder)] == [605]


def test_a_staging_file_shorter_than_the_sequence_is_named(log, folder):
    staging = log / "staging"
    staging.write_bytes(staging.read_bytes()[:-1])
    assert fault(folder) == "school: the entry 604 is neither in a tile nor in the staging file"


def test_a_missing_sequencer_is_named(log, folder):
    (folder / "sequencer.sqlite3").unlink()
    assert fault(folder) == "vault/sequencer.sqlite3 is missing or unreadable: a vault is only made on purpose"


def test_a_sequencer_without_one_of_its_records_is_named(log, folder, writer):
    with writer._sequencer._database.transaction() as connection:
        connection.execute("DELETE FROM deposits WHERE position = 3")
    assert fault(folder) == "school: the sequencer does not hold one record for each of 605 entries"


def test_a_missing_signing_key_is_named(log, folder):
    (folder / "signing" / "school.pem").unlink()
    assert fault(folder) == "the signing key of the log school is missing or unreadable"


def test_tiles_that_the_sequencer_does_not_know_are_named(log, folder):
    shutil.copytree(log, folder / "logs" / "copy")
    assert fault(folder) == "the log copy holds tiles that the sequencer does not know"


def test_a_rolled_back_sequencer_is_named(folder, opened, deposit):
    opened().open_log("school")
    opened().close()
    saved = (folder / "sequencer.sqlite3").read_bytes()
    vault = opened()
    vault.writers["school"].write([[Deposit(deposit().uuid, b"record", (), b"", b"")]])
    vault.writers["school"].publish()
    vault.close()
    (folder / "sequencer.sqlite3").write_bytes(saved)
    assert fault(folder) == "school: the sequencer is older than the tiles: it was rolled back"


def test_where_there_is_no_vault_nothing_is_checked(tmp_path):
    with pytest.raises(VaultRefused, match=r"^no_vault: there is no vault in elsewhere"):
        check_vault(tmp_path / "elsewhere")


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE deposits SET size = 605 WHERE position = 599",
        "DELETE FROM checkpoints WHERE size = 300",
        "UPDATE checkpoints SET checkpoint = (SELECT checkpoint FROM checkpoints WHERE size = 300) WHERE size = 600",
    ],
)
def test_a_checkpoint_of_the_past_that_does_not_fit_its_records_is_named(log, folder, writer, change):
    with writer._sequencer._database.transaction() as connection:
        connection.execute(change)
    assert fault(folder) == "school: the sequencer does not hold the records of its checkpoint of 600 entries"


def test_a_history_without_its_end_is_named(log, folder, writer):
    with writer._sequencer._database.transaction() as connection:
        connection.execute("DELETE FROM checkpoints WHERE size = 605")
    assert fault(folder) == "school: the sequencer has no checkpoint of 605 entries in its history"


def test_a_check_tells_how_far_it_is(log, folder):
    told = []
    check_vault(folder, told.append)
    read = [(log / "tile" / "entries" / name).stat().st_size for name in ("000", "001", "002.p/88")]
    assert told == [
        Progress("vault.example/school", 256, 605, read[0]),
        Progress("vault.example/school", 512, 605, sum(read[:2])),
        Progress("vault.example/school", 600, 605, sum(read)),
    ]


def test_a_check_beside_a_writer_finds_the_log_whole_at_each_moment(folder, writer, deposit, monkeypatch):
    """What is appended and published between two looks of the check is left for next time."""
    writer.write([[deposit(b"first")]])
    writer.publish()
    look = check._look

    def look_then_write(*values):
        state = look(*values)
        writer.write([[deposit(b"record %d" % number) for number in range(300)]])
        writer.publish()
        return state

    monkeypatch.setattr(check, "_look", look_then_write)
    assert [check_vault(folder)[0].size for _ in range(3)] == [1, 301, 601]
