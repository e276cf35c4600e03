"""The sequencer: the same contract for SQLite and for a real PostgreSQL server."""

import pytest

from emarge.proof.vault.errors import CorruptVault, DurabilityLost, VaultRefused
from emarge.proof.vault.storage import sequencer
from emarge.proof.vault.storage.sequencer import Head, Place, Row, Sequencer, Span


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request):
    return request.getfixturevalue("database") if request.param == "postgresql" else ""


@pytest.fixture
def second(tmp_path, address):
    """Opens the sequencer a second time, as no process should: past the lock, where there is one."""
    others = []

    def open_second():
        others.append(Sequencer(tmp_path, read_only=bool(address)))
        if address:
            others[0]._database._connection.execute("SET default_transaction_read_only = off")
        return others[0]

    yield open_second
    for other in others:
        other.close()


@pytest.fixture
def opened(tmp_path, address):
    sequencer.create(tmp_path, address)
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


def test_a_second_one_is_not_made_over_the_first(tmp_path, opened, address):
    with pytest.raises((FileExistsError, VaultRefused)):
        sequencer.create(tmp_path / "other" if address else tmp_path, address)
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


def test_only_one_of_two_writers_advances(opened, tmp_path, second):
    other = second()
    opened.advance("school", 0, b"mine", [Row("a", ())])
    with pytest.raises(CorruptVault, match="no longer has 0 entries: another writer was here"):
        other.advance("school", 0, b"theirs", [Row("b", ("x",))])
    assert opened.head("school") == Head(1, b"mine")
    assert opened.find("school", "x") == []


def test_an_unknown_log_has_no_head(opened):
    assert opened.head("other") is None


def test_records_are_listed_by_range_and_label(opened):
    opened.advance("school", 0, b"three", [Row("a", ("x", "y")), Row("b", ("y",)), Row("c", ("y",))])
    assert opened.placed("school", [2, 0, 7]) == {0: ("a", 3), 2: ("c", 3)}
    assert opened.listed("school", 0, 9, 2, None) == [(0, "a"), (1, "b")]
    assert opened.listed("school", 1, 3, 9, "y") == [(1, "b"), (2, "c")]
    assert opened.uuids("school", 1, 3) == ["b", "c"]
    opened.drop_labels("school", [(0, 2)])
    assert opened.find("school", "y") == [2]


def test_the_history_tells_every_checkpoint_and_its_records(opened):
    opened.advance("school", 0, b"two", [Row("a", ()), Row("b", ())])
    opened.advance("school", 2, b"three", [Row("c", ())])
    whole = [Span(0, b"empty", 0, 0, 0), Span(2, b"two", 2, 0, 2), Span(3, b"three", 1, 2, 3)]
    assert opened.history("school", -1, 9) == whole
    assert [opened.history("school", after, 1) for after in (-1, 0, 2, 3)] == [[span] for span in whole] + [[]]


def test_a_batch_that_fails_leaves_nothing(opened):
    opened.advance("school", 0, b"one", [Row("a", ("x",))])
    with pytest.raises(DurabilityLost):
        opened.advance("school", 1, b"two", [Row("b", ("x",)), Row("a", ())])
    assert (opened.head("school"), opened.find("school", "x")) == (Head(1, b"one"), [0])


def test_logs_stand_in_the_order_of_their_bytes(opened):
    for name in ("b-2", "b.1", "a"):
        opened.add(name, b"empty")
    assert opened.logs() == ["a", "b-2", "b.1", "school"]


def test_the_records_of_a_run_and_the_labels_that_go_with_what_was_destroyed(opened):
    opened.advance("school", 0, b"five", [Row(name, ("all", name)) for name in "abcde"])
    opened.add("other", b"empty")
    opened.advance("other", 0, b"one", [Row("z", ("all",))])
    assert opened.uuids("school", 1, 4) == ["b", "c", "d"]
    for _ in range(2):
        opened.drop_labels("school", [(0, 2), (3, 4)])
    assert (opened.find("school", "all"), opened.find("school", "b"), opened.find("school", "c")) == ([2, 4], [], [2])
    assert opened.find("other", "all") == [0]
    assert opened.uuids("school", 0, 5) == ["a", "b", "c", "d", "e"]
    assert opened.places("school", ["a"])["a"].index == 0
