import io
import struct
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emarge.proof.evidence import bundle
from emarge.proof.evidence.errors import BundleError

names = st.from_regex(r"\A[A-Za-z0-9][A-Za-z0-9._-]{0,9}(/[A-Za-z0-9][A-Za-z0-9._-]{0,9}){0,2}\Z")
FILES = {"b/2.txt": b"two", "a.txt": b"one", "b/10.txt": b""}


@given(st.dictionaries(names, st.binary(max_size=50), min_size=1))
def test_reading_gives_the_files_back(files):
    assert bundle.read(bundle.write(files)) == files


def test_an_ordinary_zip_reader_agrees():
    with zipfile.ZipFile(io.BytesIO(bundle.write(FILES))) as archive:
        assert archive.testzip() is None
        assert [(info.filename, info.compress_type, info.date_time, info.extra) for info in archive.infolist()] == [
            (name, zipfile.ZIP_STORED, (1980, 1, 1, 0, 0, 0), b"") for name in sorted(FILES)
        ]
        assert {name: archive.read(name) for name in archive.namelist()} == FILES


def test_the_bytes_of_a_container():
    assert bundle.write({"a": b"b"}).hex() == (
        "504b03040a000000000000002100f9efbe71010000000100000001000000"
        "6162"
        "504b01020a000a000000000000002100f9efbe71010000000100000001000000000000000000000000000000000061"
        "504b050600000000010001002f000000200000000000"
    )


def test_the_order_given_does_not_matter():
    assert bundle.write(dict(sorted(FILES.items(), reverse=True))) == bundle.write(FILES)


@pytest.mark.parametrize("name", ["", "/etc/passwd", "a//b", "../a", "a/..", ".a", "é.txt", "a b", "a/", "x" * 101])
def test_a_name_that_could_do_harm_is_refused(name):
    with pytest.raises(BundleError) as caught:
        bundle.write({name: b""})
    assert str(caught.value) == f"not a name of a file of a bundle: {name!r}"
    encoded = name.encode()
    local = struct.pack("<4sHHHHHIIIHH", b"PK\x03\x04", 10, 0, 0, 0, 0x21, 0, 0, 0, len(encoded), 0)
    with pytest.raises(BundleError) as caught:
        bundle.read(local + encoded)
    assert str(caught.value).startswith("not a name of a file of a bundle: ")


def test_too_many_files_are_refused():
    with pytest.raises(BundleError) as caught:
        bundle.write({f"f{number}": b"" for number in range(bundle.MAX_FILES + 1)})
    assert str(caught.value) == "a bundle holds at most 65534 files, not 65535"


def test_too_large_a_bundle_is_refused_either_way(monkeypatch):
    whole = bundle.write(FILES)
    monkeypatch.setattr(bundle, "MAX_BUNDLE", len(whole))
    assert bundle.read(bundle.write(FILES)) == FILES
    monkeypatch.setattr(bundle, "MAX_BUNDLE", len(whole) - 1)
    with pytest.raises(BundleError) as caught:
        bundle.write(FILES)
    assert str(caught.value) == f"a bundle is at most {len(whole) - 1} bytes long"
    with pytest.raises(BundleError) as caught:
        bundle.read(whole)
    assert str(caught.value) == f"the file is larger than {len(whole) - 1} bytes"


@pytest.mark.parametrize(
    ("data", "text", "file"),
    [
        (b"", "the file is empty", ""),
        (b"%PDF", "the file is not a zip container", ""),
        (b"PK\x03\x04", "the container is cut short", ""),
        (bundle.write(FILES)[:36], "the container is cut short", "a.txt"),
        (bundle.write(FILES)[:60], "the container is cut short", "a.txt"),
        (bundle.write(FILES).replace(b"one", b"two"), "its bytes do not match their checksum", "a.txt"),
        (bundle.write(FILES)[:-1], "the container is not in its canonical form at byte 295", ""),
        (bundle.write(FILES) + b"\0", "1 bytes follow the end of the container", ""),
        (
            bundle.write(FILES).replace(b"\n\0\0\0\0\0\0\0!\0", b"\n\0\0\0\0\0\0\0!\1", 1),
            "the container is not in its canonical form at byte 13",
            "a.txt",
        ),
    ],
)
def test_any_other_container_is_refused(data, text, file):
    with pytest.raises(BundleError) as caught:
        bundle.read(data)
    assert (str(caught.value), caught.value.file) == (text, file)


def test_names_out_of_order_or_twice_are_refused():
    one, other = bundle.write({"a": b""}), bundle.write({"b": b""})
    with pytest.raises(BundleError) as caught:
        bundle.read(other[:31] + one)
    assert (str(caught.value), caught.value.file) == ("the names are not in ascending order", "a")
    with pytest.raises(BundleError) as caught:
        bundle.read(one[:31] + one)
    assert (str(caught.value), caught.value.file) == ("the name stands twice", "a")
