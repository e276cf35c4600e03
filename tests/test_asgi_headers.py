"""What the server alone says to its pages cannot be said by who asks."""

from datetime import UTC, datetime

from emarge.asgi import _with_arrival

TEN = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
OURS = (b"x-emarge-arrived", b"1795424400000000")


def test_the_arrival_is_the_server_s_own_in_any_spelling():
    host = (b"host", b"a.localhost")
    said = [host, (b"x-emarge-arrived", b"1"), (b"x_emarge_arrived", b"1"), (b"x-emarge_arrived", b"1")]
    assert _with_arrival({"headers": said}, TEN)["headers"] == [host, OURS]


def test_an_address_cannot_be_forwarded_in_another_spelling():
    forwarded = (b"x-forwarded-for", b"192.0.2.7")
    said = [forwarded, (b"x_forwarded_for", b"203.0.113.9")]
    assert _with_arrival({"headers": said}, TEN)["headers"] == [forwarded, OURS]
