"""The derivation on logs of any size, beside the naive tree; without a vault around it."""

import hashlib
import tracemalloc

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.proof.vault.naive import leaf, mth

from emarge.proof.vault.checking.derivation import Point, State, derive
from emarge.proof.vault.errors import CorruptVault, MissingTileError
from emarge.proof.vault.log.checkpoint import Checkpoint
from emarge.proof.vault.log.tiles import WIDTH
from emarge.proof.vault.storage.reader import LogReader
from emarge.proof.vault.storage.stored import StoredLog


def made(count):
    return [b"entry %d" % number for number in range(count)]


def stored(folder, published, waiting=()):
    """A log of entries in tiles; how it looks with others that wait."""
    (folder / "staging").touch()
    log = StoredLog(folder, "log")
    for data in published:
        log.append(data)
    log.publish(b"note")
    log.close()
    return state(published, waiting)


def state(published, waiting=()):
    last = [*published, *waiting]
    return State(point(published), point(last), list(waiting), lambda: len(last), opaque=True)


def point(entries):
    return Checkpoint("log", len(entries), root(entries))


def root(entries):
    return mth([leaf(one) for one in entries]) if entries else hashlib.sha256(b"").digest()


@given(st.integers(0, 1100), st.integers(0, 600), st.lists(st.integers(0, 1700), max_size=4))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_log_is_found_whole_and_every_other_root_refused(tmp_path_factory, published, waiting, sizes):
    folder = tmp_path_factory.mktemp("log")
    entries = made(published + waiting)
    found = stored(folder, entries[:published], entries[published:])
    sizes = sorted(min(size, len(entries)) for size in sizes)
    points = [Point("a point", point(entries[:size])) for size in sizes]
    derive(LogReader(folder), found, points)
    for wrong in range(len(points)):
        others = [*points]
        others[wrong] = Point("a point", Checkpoint("log", sizes[wrong], root([b"other"])))
        with pytest.raises(CorruptVault, match=rf"^the entries do not lead to the root of a point of {sizes[wrong]} "):
            derive(LogReader(folder), found, others)


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """Entries enough for a full tile of the second level and a third level."""
    folder = tmp_path_factory.mktemp("large")
    entries = made(WIDTH * WIDTH + 3 * WIDTH + 7)
    return folder, entries, stored(folder, entries)


def test_a_log_of_three_levels(large):
    folder, entries, found = large
    middle = [Point("a point", point(entries[:size])) for size in (WIDTH * WIDTH - 1, WIDTH * WIDTH, WIDTH * WIDTH + 1)]
    derive(LogReader(folder), found, middle)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("tile/1/000", "tile/1/000 does not follow from the entries"),
        ("tile/1/001.p/3", "tile/1/001.p/3 does not follow from the entries"),
        ("tile/2/000.p/1", "tile/2/000.p/1 does not follow from the entries"),
        ("tile/0/255", "the entry 65535 in tile/entries/255 is not its tile's"),
        ("tile/0/259.p/7", "the entry 66310 in tile/entries/259.p/7 is not its tile's"),
    ],
)
def test_each_tile_of_three_levels_is_compared(large, name, text):
    folder, _, found = large
    path = folder / name
    data = path.read_bytes()
    path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    try:
        with pytest.raises(CorruptVault) as caught:
            derive(LogReader(folder), found)
    finally:
        path.write_bytes(data)
    assert str(caught.value) == text


def test_memory_does_not_grow_with_the_log(large):
    folder, entries, found = large
    few = entries[: 4 * WIDTH]

    def peak(found):
        tracemalloc.start()
        try:
            derive(LogReader(folder), found)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    small = State(point(few), point(few), [], lambda: len(entries), opaque=True)
    assert peak(found) < peak(small) * 3


def test_a_missing_bundle_is_a_fault_unless_its_destruction_is_certified(tmp_path):
    entries = made(700)
    found = stored(tmp_path, entries)
    (tmp_path / "tile" / "entries" / "001").unlink()
    with pytest.raises(MissingTileError, match=r"^tile/entries/001 is missing$"):
        derive(LogReader(tmp_path), found)
    asked = []
    derive(LogReader(tmp_path), found, destroyed=lambda span: asked.append(span) or True)
    assert asked == [range(256, 512)]
    tile = tmp_path / "tile" / "0" / "001"
    tile.write_bytes(tile.read_bytes()[32:] + tile.read_bytes()[:32])
    with pytest.raises(CorruptVault, match=r"^the entries do not lead to the root of the published checkpoint of 700 "):
        derive(LogReader(tmp_path), found, destroyed=lambda _: True)
    tile.write_bytes(tile.read_bytes()[32:])
    with pytest.raises(CorruptVault, match=r"^tile/0/001 holds 255 hashes$"):
        derive(LogReader(tmp_path), found, destroyed=lambda _: True)


def test_tiles_that_were_put_before_their_checkpoint_are_compared_with_what_waits(tmp_path):
    entries = made(700)
    stored(tmp_path, entries)
    derive(LogReader(tmp_path), state(entries[:300], entries[300:]))
    others = [*entries[:600], b"another", *entries[601:]]
    with pytest.raises(CorruptVault, match=r"^tile/0/002\.p/188 does not follow from the entries$"):
        derive(LogReader(tmp_path), state(others[:300], others[300:]))
