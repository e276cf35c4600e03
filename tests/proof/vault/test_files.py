from pathlib import Path

import pytest

from emarge.proof.vault.errors import CorruptVault, DurabilityLost, VaultRefused
from emarge.proof.vault.storage import files


def test_files_are_put_with_their_folders_and_no_temporary_file_stays(tmp_path):
    files.put_all(tmp_path, {tmp_path / "a" / "b" / "one": b"1", tmp_path / "two": b"2"})
    found = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file())
    assert found == ["a/b/one", "two"]
    assert (tmp_path / "a" / "b" / "one").read_bytes() == b"1"


def test_nobody_else_may_read_what_is_put(tmp_path):
    files.put_all(tmp_path, {tmp_path / "a" / "one": b"1"})
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "a" / "one").stat().st_mode & 0o777 == 0o600


def test_putting_the_same_bytes_again_is_harmless(tmp_path):
    for _ in range(2):
        files.put_all(tmp_path, {tmp_path / "one": b"1"})
    assert (tmp_path / "one").read_bytes() == b"1"


def test_a_file_is_never_put_over_other_bytes(tmp_path):
    files.put_all(tmp_path, {tmp_path / "one": b"1"})
    with pytest.raises(CorruptVault, match=r"^one is already there with other bytes$"):
        files.put_all(tmp_path, {tmp_path / "one": b"2"})
    assert (tmp_path / "one").read_bytes() == b"1"


def test_what_a_crash_left_half_written_does_not_stand_in_the_way(tmp_path):
    (tmp_path / "one.tmp").write_bytes(b"half of something longer")
    files.put_all(tmp_path, {tmp_path / "one": b"1"})
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("one", b"1")]


def test_replace_replaces(tmp_path):
    files.replace(tmp_path / "checkpoint", b"1")
    files.replace(tmp_path / "checkpoint", b"2")
    assert (tmp_path / "checkpoint").read_bytes() == b"2"


def test_removing_the_last_file_removes_its_folder_and_twice_is_harmless(tmp_path):
    files.put_all(tmp_path, {tmp_path / "000.p" / "1": b"1"})
    files.remove(tmp_path / "000.p" / "1")
    files.remove(tmp_path / "000.p" / "1")
    assert list(tmp_path.iterdir()) == []


def test_staging_appends_and_shortens(tmp_path):
    path = tmp_path / "staging"
    path.write_bytes(b"")
    staging = files.Staging(path)
    staging.append(b"abc")
    staging.append(b"def")
    staging.shorten(4)
    staging.append(b"x")
    assert staging.read() == b"abcdx"
    staging.close()


def test_staging_is_never_made_by_opening(tmp_path):
    with pytest.raises(FileNotFoundError):
        files.Staging(tmp_path / "staging")


def test_a_full_disk_is_fatal():
    staging = files.Staging(Path("/dev/full"))
    with pytest.raises(DurabilityLost, match=r"^writing full failed: No space left on device$"):
        staging.append(b"abc")
    staging.close()


def test_a_failed_rename_is_fatal(tmp_path):
    (tmp_path / "one").mkdir()
    with pytest.raises(DurabilityLost, match=r"^writing one failed: Is a directory$"):
        files.replace(tmp_path / "one", b"1")


def test_two_writers_cannot_hold_the_lock(tmp_path):
    (tmp_path / "lock").write_bytes(b"")
    held = files.lock(tmp_path / "lock")
    with pytest.raises(VaultRefused) as caught:
        files.lock(tmp_path / "lock")
    assert caught.value.code == "in_use"
    files.unlock(held)
    files.unlock(files.lock(tmp_path / "lock"))
