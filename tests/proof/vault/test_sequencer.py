import pytest

from emarge.proof.vault import sequencer
from emarge.proof.vault.errors import CorruptVault
from emarge.proof.vault.sequencer import Head, Place, Row, Sequencer


@pytest.fixture
def opened(tmp_path):
    sequencer.create(tmp_path)
    opened = Sequencer(tmp_path)
    opened.add("school", b"empty")
    yield opened
    opened.close()


def test_a_missing_sequencer_is_never_made_by_opening(tmp_path):
    with pytest.raises(CorruptVault, match=r"sequencer.sqlite3 is missing or unreadable"):
        Sequencer(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_an_empty_file_is_no_sequencer(tmp_path):
    (tmp_path / sequencer.FILE).write_bytes(b"")
    with pytest.raises(CorruptVault, match="is not a database of this vault"):
        Sequencer(tmp_path)


def test_a_second_one_is_not_made_over_the_first(tmp_path, opened):
    with pytest.raises(FileExistsError):
        sequencer.create(tmp_path)
    assert opened.logs() == ["school"]


def test_a_log_advances(opened):
    opened.advance("school", 0, b"two", [Row("a", ("x", "y", "x")), Row("b", ("y",))])
    opened.advance("school", 2, b"three", [Row("c", ("x",))])
    assert opened.head("school") == Head(3, b"three")
    assert opened.state("school") == (Head(3, b"three"), 3, 2)
    assert opened.places("school", ["a", "c", "d"]) == {"a": Place(0, 2, b"two"), "c": Place(2, 3, b"three")}
    assert (opened.find("school", "x"), opened.find("school", "y"), opened.find("other", "x")) == (
        [0, 2],
        [0, 1],
        [],
    )
    assert (opened.uuid("school", 1), opened.uuid("school", 3)) == ("b", None)


def test_only_one_of_two_writers_advances(opened, tmp_path):
    other = Sequencer(tmp_path)
    opened.advance("school", 0, b"mine", [Row("a", ())])
    with pytest.raises(CorruptVault, match="no longer has 0 entries: another writer was here"):
        other.advance("school", 0, b"theirs", [Row("b", ("x",))])
    other.close()
    assert opened.head("school") == Head(1, b"mine")
    assert opened.find("school", "x") == []


def test_an_unknown_log_has_no_head(opened):
    assert opened.head("other") is None
