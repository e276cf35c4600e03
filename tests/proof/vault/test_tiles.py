import pytest
from hypothesis import given
from hypothesis import strategies as st

from emarge.proof.vault.errors import CorruptVault
from emarge.proof.vault.log.tiles import (
    ENTRIES,
    Tile,
    cut,
    decode_bundle,
    decode_hashes,
    encode_bundle,
    parse_path,
    tiles_of,
    width_at,
)


@pytest.mark.parametrize(
    ("tile", "path"),
    [
        (Tile(0, 0), "tile/0/000"),
        (Tile(0, 1234067), "tile/0/x001/x234/067"),
        (Tile(2, 1000, 17), "tile/2/x001/000.p/17"),
        (Tile(ENTRIES, 999, 255), "tile/entries/999.p/255"),
        (Tile(63, 5), "tile/63/005"),
    ],
)
def test_paths_are_those_of_c2sp(tile, path):
    assert tile.path == path
    assert parse_path(path) == tile


@pytest.mark.parametrize(
    "path",
    [
        "tile/0/0",
        "tile/00/000",
        "tile/64/000",
        "tile/0/x000/000",
        "tile/0/001/067",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/01",
        "tile/0/000/",
        "/tile/0/000",
        "tile/-1/000",
        "tile/0/../../000",
        "tile/entries/000.p/",
        "tile/0/٠٠٠",
        "tile/0/000\n",
    ],
)
def test_another_spelling_is_no_path(path):
    assert parse_path(path) is None


@given(level=st.integers(-1, 63), index=st.integers(0, 10**12), width=st.integers(1, 256))
def test_every_path_reads_back(level, index, width):
    assert parse_path(Tile(level, index, width).path) == Tile(level, index, width)


def test_the_example_of_the_specification():
    tiles = list(tiles_of(70_000))
    partial = sorted(tile for tile in tiles if tile.width < 256)
    full = [sum(tile.level == level and tile.width == 256 for tile in tiles) for level in (-1, 0, 1, 2)]
    assert full == [273, 273, 1, 0]
    assert partial == [Tile(ENTRIES, 273, 112), Tile(0, 273, 112), Tile(1, 1, 17), Tile(2, 0, 1)]


def test_a_full_tile_begins_the_level_above():
    assert sorted(tiles_of(256)) == [Tile(ENTRIES, 0), Tile(0, 0), Tile(1, 0, 1)]
    assert list(tiles_of(0)) == []


@given(size=st.integers(0, 200_000))
def test_the_width_of_each_tile_of_a_tree_is_its_own(size):
    tiles = list(tiles_of(size))
    assert [width_at(tile.level, tile.index, size) for tile in tiles] == [tile.width for tile in tiles]


def test_there_is_nothing_beyond_the_tree():
    assert (width_at(0, 1, 256), width_at(1, 0, 255), width_at(ENTRIES, 3, 256)) == (0, 0, 0)


def test_bundles_read_back_and_are_cut():
    entries = [b"a", b"", b"ccc"]
    assert encode_bundle(entries) == b"\x00\x01a\x00\x00\x00\x03ccc"
    assert decode_bundle(encode_bundle(entries), "bundle") == entries
    assert cut(Tile(ENTRIES, 0, 2), encode_bundle(entries)) == b"\x00\x01a\x00\x00"
    assert cut(Tile(0, 0, 1), b"h" * 64) == b"h" * 32


@pytest.mark.parametrize("data", [b"\x00", b"\x00\x05four", b"\x00\x01a\x00"])
def test_a_bundle_cut_short_is_named(data):
    with pytest.raises(CorruptVault, match=r"^tile/entries/000 is cut short$"):
        decode_bundle(data, "tile/entries/000")


def test_a_tile_cut_short_is_named():
    with pytest.raises(CorruptVault, match=r"^tile/0/000 is cut short$"):
        decode_hashes(b"h" * 33, "tile/0/000")
    with pytest.raises(CorruptVault, match=r"^tile/0/000.p/2 holds 1 of its 2 parts$"):
        cut(Tile(0, 0, 2), b"h" * 32)
