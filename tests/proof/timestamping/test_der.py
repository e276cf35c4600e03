"""DER written here is the DER that asn1crypto writes, and nothing but DER is read."""

from datetime import UTC, datetime

import pytest
from asn1crypto import core
from hypothesis import given
from hypothesis import strategies as st

from emarge.proof.timestamping import der
from emarge.proof.timestamping.der import DerError, Reader

INSTANTS = st.datetimes(min_value=datetime(1000, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - Hypothesis adds UTC


@given(st.integers(min_value=-(2**200), max_value=2**200))
def test_integers(value):
    encoded = der.integer(value)
    assert encoded == core.Integer(value).dump()
    assert der.integer_value(Reader(encoded).read(der.INTEGER)) == value


@given(
    st.sampled_from(["0.0", "0.39", "1.0", "1.39", "2.0", "2.39", "2.40", "2.999"]),
    st.lists(st.integers(0, 2**140)),
)
def test_object_identifiers(start, rest):
    dotted = ".".join([start, *map(str, rest)])
    encoded = der.object_identifier(dotted)
    assert der.object_identifier_value(Reader(encoded).read(der.OID)) == dotted


@pytest.mark.parametrize("dotted", ["1.2.840.10045.4.3.2", "2.16.840.1.101.3.4.2.1", "2.25.1331096072810020798.1"])
def test_object_identifiers_as_another_library_writes_them(dotted):
    assert der.object_identifier(dotted) == core.ObjectIdentifier(dotted).dump()


@given(INSTANTS)
def test_times(at):
    encoded = der.generalized_time(at)
    assert core.GeneralizedTime.load(encoded).native == at
    assert der.generalized_time_value(Reader(encoded).read(der.GENERALIZED_TIME)) == at


@pytest.mark.parametrize("size", [0, 1, 127, 128, 255, 256, 65535, 65536])
def test_lengths(size):
    encoded = der.tlv(der.OCTET_STRING, bytes(size))
    assert encoded == core.OctetString(bytes(size)).dump()
    assert Reader(encoded).read(der.OCTET_STRING) == bytes(size)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x04",
        b"\x04\x02a",  # cut short
        b"\x04\x80a\x00\x00",  # indefinite length
        b"\x04\x81\x01a",  # long form of a short length
        b"\x04\x82\x00\x80" + bytes(128),  # padded length
        b"\x04\x84\x00\x00\x00\x01a",  # more length octets than anything here needs
        b"\x04\x81",
        b"\x05\x00",  # another tag
    ],
)
def test_a_length_has_one_form(data):
    with pytest.raises(DerError):
        Reader(data).read(der.OCTET_STRING)


@pytest.mark.parametrize("content", [b"", b"\x00\x01", b"\x00\x00", b"\xff\xff", b"\xff\x80"])
def test_an_integer_has_one_form(content):
    with pytest.raises(DerError):
        der.integer_value(content)


@pytest.mark.parametrize("content", [b"", b"\x2a\x80\x01", b"\x2a\x86", b"\x80\x2a"])
def test_an_object_identifier_has_one_form(content):
    with pytest.raises(DerError):
        der.object_identifier_value(content)


@pytest.mark.parametrize(
    "content",
    [
        b"20261123083000",  # local time
        b"202611230830Z",  # no seconds
        b"20261123083000.Z",
        b"20261123083000.10Z",  # trailing zero
        b"20261123083000.0Z",
        b"20261123083000.1234567Z",
        b"20261123083000+0100",
        b"20261323083000Z",
        b"20260230083000Z",
        b"20261123083060Z",
        b"00001123083000Z",
    ],
)
def test_a_time_has_one_form(content):
    with pytest.raises(DerError):
        der.generalized_time_value(content)


def test_nothing_may_follow():
    with pytest.raises(DerError, match="too many"):
        der.only(b"\x30\x00\x00")
