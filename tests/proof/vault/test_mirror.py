"""The mirror itself, fed with bodies that a naive log makes."""

import shutil
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.proof.vault.naive import KEY, ORIGIN, VKEY, checkpoint_body, entries_body, leaf, mth, note

from emarge.proof.vault.errors import CorruptVault, DurabilityLost, VaultRefused
from emarge.proof.vault.log.checkpoint import Checkpoint, sign, vkey
from emarge.proof.vault.log.cosignature import open_cosigned, open_line
from emarge.proof.vault.mirror.check import check_mirror
from emarge.proof.vault.mirror.cosigner import folder_name
from emarge.proof.vault.mirror.mirror import Mirror, NotNextError, create_mirror, vkey_of
from emarge.proof.vault.mirror.wire import Info
from emarge.proof.vault.storage.reader import LogReader

AT = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


def made(count, what="entry"):
    return [f"{what} {number}".encode() for number in range(count)]


@pytest.fixture
def folder(tmp_path):
    create_mirror(tmp_path / "mirror", name="mirror.example")
    return tmp_path / "mirror"


@pytest.fixture
def reopen(folder):
    mirrors = []

    def reopen():
        for mirror in mirrors:
            mirror.close()
        mirrors[:] = [Mirror(folder)]
        return mirrors[0]

    yield reopen
    for mirror in mirrors:
        mirror.close()


@pytest.fixture
def mirror(reopen):
    mirror = reopen()
    mirror.add_log(VKEY)
    return mirror


def feed(mirror, old, entries, at=AT):
    """Bring a mirror from the first ``old`` entries to all, in one upload; the line."""
    mirror.add_checkpoint(checkpoint_body(old, entries), at)
    return mirror.add_entries(entries_body(old, entries), at)


def refused(call, *values):
    with pytest.raises(VaultRefused) as caught:
        call(*values)
    return caught.value.code


def where(call, *values):
    with pytest.raises(NotNextError) as caught:
        call(*values)
    return caught.value.info


@pytest.mark.parametrize("sizes", [[1], [1, 2, 3], [255, 256, 257], [256, 512], [300, 1000], [3000, 3001]])
def test_what_extends_is_held_and_cosigned(mirror, folder, sizes):
    before = 0
    for size in sizes:
        entries = made(size)
        line = feed(mirror, before, entries)
        text = Checkpoint(ORIGIN, size, mth([leaf(one) for one in entries])).text
        assert open_line(line, text, vkey_of(folder)).at == AT
        before = size
    mirror.publish()
    reader = LogReader(folder / "logs" / folder_name(ORIGIN))
    opened = open_cosigned(reader.checkpoint(), VKEY, (mirror.identity.vkey,))
    assert (opened.note, [one.name for one in opened.cosignatures]) == (note(entries), ["mirror.example"])
    assert list(reader.entries(range(before), before)) == entries


@given(
    steps=st.lists(
        st.tuples(st.integers(1, 600), st.integers(0, 3), st.booleans(), st.booleans()), min_size=1, max_size=5
    )
)
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_uploads_and_restarts_lead_to_the_same_log(tmp_path_factory, steps):
    folder = tmp_path_factory.mktemp("any") / "mirror"
    create_mirror(folder, name="mirror.example")
    mirror = Mirror(folder)
    mirror.add_log(VKEY)
    size = 0
    for more, packages, restart, publish in steps:
        entries = made(size + more)
        mirror.add_checkpoint(checkpoint_body(size, entries), AT)
        start = size
        if packages and entries_body(start, entries, packages) != entries_body(start, entries):
            info = mirror.add_entries(entries_body(start, entries, packages), AT)
            assert info.pending == len(entries)
            start = info.next
        if restart:
            mirror.close()
            mirror = Mirror(folder)
            start = where(mirror.add_entries, entries_body(len(entries), entries), AT).next
        assert isinstance(mirror.add_entries(entries_body(start, entries), AT), bytes)
        if publish:
            mirror.publish()
        size = len(entries)
    mirror.close()
    mirror = Mirror(folder)
    mirror.close()
    reader = LogReader(folder / "logs" / folder_name(ORIGIN))
    assert open_cosigned(reader.checkpoint(), VKEY, (mirror.identity.vkey,)).note == note(entries)
    assert list(reader.entries(range(size), size)) == entries


def test_the_same_again_is_cosigned_again(mirror):
    first = feed(mirror, 0, made(3))
    again = feed(mirror, 3, made(3), AT + timedelta(seconds=1))
    assert first != again
    assert mirror.second_histories == 0


def test_an_empty_log_is_cosigned_too(mirror, folder):
    line = feed(mirror, 0, [])
    assert open_line(line, Checkpoint(ORIGIN, 0, mth([])).text, mirror.identity.vkey).name == "mirror.example"


def test_a_client_that_knows_nothing_learns_where_the_mirror_stands(mirror):
    assert where(mirror.add_entries, entries_body(0, []), AT) == Info(0, 0)
    feed(mirror, 0, made(300))
    mirror.add_checkpoint(checkpoint_body(300, made(310)), AT)
    assert where(mirror.add_entries, entries_body(0, []), AT) == Info(310, 300)
    assert where(mirror.add_checkpoint, checkpoint_body(0, made(310)), AT) == Info(310, 300)


def test_an_upload_elsewhere_than_at_the_next_entry_changes_nothing(mirror):
    feed(mirror, 0, made(10))
    mirror.add_checkpoint(checkpoint_body(10, made(20)), AT)
    assert where(mirror.add_entries, entries_body(9, made(20)), AT) == Info(20, 10)
    assert where(mirror.add_entries, entries_body(11, made(20)), AT) == Info(20, 10)
    assert where(mirror.add_entries, entries_body(10, made(19)), AT) == Info(20, 10)


def other(count, from_):
    return made(from_) + made(count, "another")[from_:]


@pytest.mark.parametrize(
    ("old", "forged"),
    [
        pytest.param(10, other(12, 9), id="does not extend"),
        pytest.param(10, other(10, 9), id="another root at the same size"),
        pytest.param(0, other(10, 0), id="everything new"),
        pytest.param(8, other(9, 8), id="a rolled-back log that went on"),
    ],
)
def test_a_second_history_is_refused_and_remembered(mirror, reopen, old, forged):
    feed(mirror, 0, made(10))
    code = refused(mirror.add_checkpoint, checkpoint_body(old, forged), AT)
    assert code == ("second_history" if len(forged) > 10 else "not_next")
    assert refused(mirror.add_checkpoint, checkpoint_body(old, forged), AT) == code
    again = reopen()
    [kept] = again._state.refusals()
    assert (kept.origin, kept.size, kept.note, kept.held) == (ORIGIN, len(forged), note(forged), note(made(10)))
    assert (kept.refused_at, again.second_histories) == (AT, 1)
    feed(again, 10, made(12))


def test_an_old_checkpoint_of_the_same_history_is_no_second_one(mirror):
    feed(mirror, 0, made(600))
    assert where(mirror.add_checkpoint, checkpoint_body(0, made(300)), AT) == Info(600, 600)
    assert mirror.second_histories == 0


def test_a_false_entry_is_refused_and_the_true_packages_kept(mirror):
    entries = made(600)
    mirror.add_checkpoint(checkpoint_body(0, entries), AT)
    forged = entries_body(0, entries).replace(b"entry 300", b"entry 3O0")
    assert refused(mirror.add_entries, forged, AT) == "false_package"
    assert where(mirror.add_entries, forged, AT) == Info(600, 256)
    assert isinstance(mirror.add_entries(entries_body(256, entries), AT), bytes)


@pytest.mark.parametrize("cut", [1, 10, 30, 40, 60])
def test_a_cut_upload_is_malformed_before_its_first_package(mirror, cut):
    mirror.add_checkpoint(checkpoint_body(0, made(3)), AT)
    assert refused(mirror.add_entries, entries_body(0, made(3))[:cut], AT) == "bad_request"
    assert isinstance(mirror.add_entries(entries_body(0, made(3)), AT), bytes)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"old 0\n" + note([]),
        b"old 00\n\n" + note([]),
        b"old -1\n\n" + note([]),
        b"new 0\n\n" + note([]),
        b"old 1\n\n" + note([]),
        b"old 0\nAA==\n\n" + note([]),
        b"old 0\n" + b"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n" * 64 + b"\n" + note([]),
        b"old 99999999999999999999\n\n" + note([]),
    ],
)
def test_a_malformed_checkpoint_request_is_refused(mirror, body):
    assert refused(mirror.add_checkpoint, body, AT) == "bad_request"


def test_only_the_logs_own_signature_counts(mirror):
    stranger = Ed25519PrivateKey.from_private_bytes(b"\x07" * 32)
    assert refused(mirror.add_checkpoint, checkpoint_body(0, made(1), key=stranger), AT) == "bad_signature"
    assert refused(mirror.add_checkpoint, checkpoint_body(0, made(1), origin="x/y"), AT) == "unknown_log"
    assert refused(mirror.add_checkpoint, b"old 0\n\n" + note(made(1))[:-90] + b"\n", AT) == "bad_signature"
    lines = sign(Checkpoint(ORIGIN, 1, mth([leaf(made(1)[0])])), stranger).splitlines(keepends=True)[-1]
    mirror.add_checkpoint(checkpoint_body(0, made(1)) + lines, AT)
    assert mirror.logs[ORIGIN].state.pending == note(made(1))


def test_the_first_key_of_a_log_stands(mirror):
    mirror.add_log(VKEY)
    stranger = Ed25519PrivateKey.from_private_bytes(b"\x07" * 32)
    assert refused(mirror.add_log, vkey(ORIGIN, stranger.public_key())) == "other_key"
    assert refused(mirror.add_log, "nonsense") == "bad_request"
    assert mirror.logs[ORIGIN].state.vkey == vkey(ORIGIN, KEY.public_key())


def test_a_mirror_is_made_once_and_opened_by_one(folder, reopen):
    assert refused(lambda: create_mirror(folder, name="mirror.example")) == "exists"
    assert refused(Mirror, folder.parent / "none") == "no_mirror"
    reopen()
    assert refused(Mirror, folder) == "in_use"


def test_a_state_older_than_its_tiles_is_refused(mirror, reopen, folder, tmp_path):
    feed(mirror, 0, made(3))
    mirror.close()
    shutil.copytree(folder, tmp_path / "old")
    mirror = reopen()
    feed(mirror, 3, made(5))
    mirror.publish()
    mirror.close()
    for path in folder.glob("state.sqlite3*"):
        path.unlink()
    for path in (tmp_path / "old").glob("state.sqlite3*"):
        shutil.copy(path, folder)
    with pytest.raises(CorruptVault, match="rolled back"):
        Mirror(folder)


def test_a_replaced_tile_is_named_at_the_start(mirror, folder):
    feed(mirror, 0, made(3))
    mirror.publish()
    mirror.close()
    tile = folder / "logs" / folder_name(ORIGIN) / "tile/0/000.p/3"
    tile.write_bytes(b"\x00" * 96)
    with pytest.raises(CorruptVault, match="do not lead to its checkpoint"):
        Mirror(folder)


def test_what_was_staged_for_a_checkpoint_that_was_never_decided_is_dropped(mirror, reopen, monkeypatch):
    feed(mirror, 0, made(3))
    mirror.publish()
    mirror.add_checkpoint(checkpoint_body(3, made(5)), AT)

    def fail(*_, **__):
        raise DurabilityLost("told so by the test")

    monkeypatch.setattr(mirror._state, "set_mirrored", fail)
    with pytest.raises(DurabilityLost):
        mirror.add_entries(entries_body(3, made(5)), AT)
    assert mirror.in_doubt
    with pytest.raises(DurabilityLost):
        mirror.add_checkpoint(checkpoint_body(5, made(6)), AT)
    again = reopen()
    assert isinstance(again.add_entries(entries_body(3, made(5)), AT), bytes)
    assert check_mirror(again._folder)[0][0].size == 5


def test_a_crash_between_the_decision_and_the_checkpoint_of_a_long_upload(mirror, reopen, monkeypatch):
    feed(mirror, 0, made(3))
    mirror.add_checkpoint(checkpoint_body(3, made(600)), AT)
    assert mirror.add_entries(entries_body(3, made(600), 1), AT) == Info(600, 256)

    def fail(*_):
        raise DurabilityLost("told so by the test")

    monkeypatch.setattr(mirror.logs[ORIGIN].stored, "publish", fail)
    with pytest.raises(DurabilityLost):
        mirror.add_entries(entries_body(256, made(600)), AT)
    assert [(log.size, log.staged) for log in check_mirror(mirror._folder)[0]] == [(600, 0)]
    again = reopen()
    feed(again, 600, made(601))
    again = reopen()
    assert [(log.size, log.staged) for log in check_mirror(again._folder)[0]] == [(601, 0)]
