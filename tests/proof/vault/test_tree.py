from hypothesis import given, settings
from hypothesis import strategies as st

from emarge.proof.vault.log.merkle import leaf_hash, root_hash
from emarge.proof.vault.log.tiles import ENTRIES, Tile, decode_bundle, decode_hashes, tiles_of
from emarge.proof.vault.log.tree import Tree


def grow(size):
    tree = Tree()
    leaves = [tree.append(b"%d" % index) for index in range(size)]
    return tree, leaves


def test_the_root_is_that_of_the_whole_tree_at_every_size():
    tree, leaves = Tree(), []
    assert tree.root() == root_hash([])
    for index in range(600):
        leaves.append(tree.append(b"%d" % index))
        assert (leaves[-1], tree.root()) == (leaf_hash(b"%d" % index), root_hash(leaves))


def test_a_tree_of_three_levels():
    tree, leaves = grow(256 * 256 + 300)
    tiles = tree.tiles()
    assert sorted(tiles) == sorted(tiles_of(tree.size))
    assert tree.root() == root_hash(leaves)
    assert decode_hashes(tiles[Tile(2, 0, 1)], "") == [root_hash(leaves[: 256 * 256])]
    assert decode_hashes(tiles[Tile(1, 1, 1)], "") == [root_hash(leaves[256 * 256 : 257 * 256])]
    assert decode_bundle(tiles[Tile(ENTRIES, 257, 44)], "")[-1] == b"%d" % (tree.size - 1)


@settings(max_examples=30, deadline=None)
@given(cuts=st.lists(st.integers(0, 700), max_size=6))
def test_any_split_into_publications_gives_the_same_tiles(cuts):
    whole, _ = grow(700)
    tree, published = Tree(), {}
    for index in range(700):
        if index in cuts:
            published |= tree.tiles()
            tree.forget()
        tree.append(b"%d" % index)
    published |= tree.tiles()
    assert {tile: published[tile] for tile in tiles_of(700)} == whole.tiles()
    assert tree.root() == whole.root()


@settings(max_examples=20, deadline=None)
@given(size=st.integers(0, 70_000), more=st.integers(0, 300))
def test_a_tree_restored_from_its_right_edge_grows_the_same(size, more):
    tree, _ = grow(size)
    tiles = tree.tiles()
    bundle = [data for tile, data in tiles.items() if tile.level == ENTRIES and tile.width < 256]
    levels = []
    while size >> 8 * len(levels):
        level = len(levels)
        edge = [data for tile, data in tiles.items() if tile.level == level and tile.width < 256]
        levels.append(decode_hashes(b"".join(edge), ""))
    restored = Tree.restore(size, decode_bundle(b"".join(bundle), ""), levels)
    for index in range(more):
        assert restored.append(b"more %d" % index) == tree.append(b"more %d" % index)
    assert restored.root() == tree.root()
