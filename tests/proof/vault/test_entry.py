import pytest
from hypothesis import given
from hypothesis import strategies as st

from emarge.proof.vault.errors import EntryError
from emarge.proof.vault.log.entry import Entry, decode, encode


def test_the_example_of_the_format_page():
    assert encode(b"{}", b"\x30\x00") == bytes.fromhex("00027b7d3000")


@given(payload=st.binary(min_size=1, max_size=300), stamp=st.binary(min_size=1, max_size=300))
def test_an_entry_reads_as_it_was_written(payload, stamp):
    assert decode(encode(payload, stamp)) == Entry(payload, stamp)


def test_the_largest_entry_fits_and_one_byte_more_does_not():
    assert len(encode(b"a" * 60_000, b"b" * 5_533)) == 65_535
    with pytest.raises(EntryError, match="at most 65535 bytes"):
        encode(b"a" * 60_000, b"b" * 5_534)


@pytest.mark.parametrize(("payload", "stamp"), [(b"", b"b"), (b"a", b"")])
def test_an_empty_part_is_refused(payload, stamp):
    with pytest.raises(EntryError, match="a record and its timestamp token"):
        encode(payload, stamp)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x00",
        b"\x00\x01",
        b"\x00\x00stamp",
        b"\x00\x05short",
        b"\x00\x06short",
        b"\x00\x01" + b"a" * 65_534,
    ],
)
def test_bytes_that_are_no_entry_are_refused(data):
    with pytest.raises(EntryError):
        decode(data)
