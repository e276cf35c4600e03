from types import SimpleNamespace

import pytest
from sigstore._internal.merkle import verify_merkle_inclusion

from emarge.proof.vault.errors import CorruptVault
from emarge.proof.vault.log import merkle
from emarge.proof.vault.log.tiles import ENTRIES, Tile, cut
from emarge.proof.vault.storage.reader import LogReader


@pytest.fixture
def log(writer, deposit):
    """A published log of 700 entries, with the checkpoints that it had on its way."""
    checkpoints = []
    for size in (100, 256, 300, 700):
        batch = [deposit(b"record %d" % number) for number in range(writer.size, size)]
        [receipts] = writer.write([batch])
        checkpoints.append(writer.log.open(receipts[0].checkpoint))
        writer.publish()
    return SimpleNamespace(reader=LogReader(writer.log.folder), checkpoints=checkpoints, writer=writer)


def test_another_implementation_computes_the_root_of_every_checkpoint(log):
    for checkpoint in log.checkpoints:
        for index in (0, 1, 99, checkpoint.size // 2, checkpoint.size - 1):
            proof = SimpleNamespace(
                log_index=index,
                tree_size=checkpoint.size,
                hashes=log.reader.inclusion_proof(index, checkpoint.size),
                root_hash=checkpoint.root,
            )
            entry = log.reader.entry(index, checkpoint.size)
            verify_merkle_inclusion(
                SimpleNamespace(_inner=SimpleNamespace(inclusion_proof=proof, canonicalized_body=entry))
            )


def test_every_entry_has_its_proof(log):
    last = log.checkpoints[-1]
    for index in range(last.size):
        leaf = merkle.leaf_hash(log.reader.entry(index, last.size))
        merkle.verify_inclusion(leaf, index, last.size, log.reader.inclusion_proof(index, last.size), last.root)


def test_each_checkpoint_extends_those_before(log):
    for old in log.checkpoints:
        for new in log.checkpoints:
            if old.size <= new.size:
                proof = log.reader.consistency_proof(old.size, new.size)
                merkle.verify_consistency(old.size, new.size, proof, old.root, new.root)


def test_a_partial_tile_that_is_gone_is_cut_from_a_wider_one(log):
    folder = log.writer.log.folder
    partial = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.p/*"))
    assert partial == ["tile/0/002.p/188", "tile/1/000.p/2", "tile/entries/002.p/188"]
    for tile in (Tile(0, 0, 100), Tile(ENTRIES, 0, 100), Tile(1, 0, 1), Tile(0, 2, 188)):
        wider = Tile(tile.level, tile.index, 2 if tile.level == 1 else 188 if tile.index else 256)
        assert log.reader.tile(tile) == cut(tile, (folder / wider.path).read_bytes())


def test_a_missing_tile_is_named(log):
    (log.writer.log.folder / "tile" / "0" / "001").unlink()
    with pytest.raises(CorruptVault, match=r"^tile/0/001 is missing$"):
        log.reader.inclusion_proof(300, 700)


def test_a_missing_checkpoint_is_named(log):
    (log.writer.log.folder / "checkpoint").unlink()
    with pytest.raises(CorruptVault, match=r"^the file checkpoint is missing$"):
        log.reader.checkpoint()


def test_many_at_once_are_as_one_by_one(log):
    indexes = [0, 1, 255, 256, 511, 512, 699]
    assert list(log.reader.entries(indexes, 700)) == [log.reader.entry(index, 700) for index in indexes]
    one_by_one = [log.reader.inclusion_proof(index, 700) for index in indexes]
    assert list(log.reader.inclusion_proofs(indexes, 700)) == one_by_one
