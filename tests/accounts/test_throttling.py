import pytest
from axes.models import AccessAttempt
from django.db import connection
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext

from emarge.accounts import throttling
from emarge.accounts.models import User
from tests.cast import PASSWORD, make_school

pytestmark = pytest.mark.django_db
HALL = 300


def attempt(login: str, password: str = PASSWORD, address: str = "192.0.2.1") -> int:
    client = Client(headers={"host": "a.localhost"}, REMOTE_ADDR=address)
    return client.post("/login", {"username": login, "password": password}).status_code


def hall(base, count: int) -> list[str]:
    hashed = User.objects.get(login="sylvie").password
    names = [f"student{number}" for number in range(count)]
    User.objects.bulk_create(User(base=base, login=name, password=hashed) for name in names)
    return names


def test_three_hundred_behind_one_address_get_in_though_each_mistypes_first():
    names = hall(make_school().base, HALL)
    assert {attempt(name, "wrong") for name in names} == {400}
    assert {attempt(name) for name in names} == {302}
    assert AccessAttempt.objects.count() == 0


def test_an_address_that_tries_many_logins_is_closed_and_no_other(monkeypatch):
    monkeypatch.setattr(throttling, "ADDRESS_FAILURE_LIMIT", 20)
    make_school()
    assert [attempt(f"guess{number}", "wrong") for number in range(20)] == [400] * 19 + [429]
    client = Client(headers={"host": "a.localhost"}, REMOTE_ADDR="192.0.2.1")
    closed = client.post("/login", {"username": "sylvie", "password": PASSWORD})
    assert closed.status_code == 429
    assert "Too many logins failed from your network." in closed.content.decode()
    assert attempt("sylvie", address="192.0.2.2") == 302


def test_who_is_locked_out_does_not_count_on_against_the_others(monkeypatch):
    monkeypatch.setattr(throttling, "ADDRESS_FAILURE_LIMIT", 20)
    make_school()
    assert [attempt("denis", "wrong") for _ in range(40)] == [400] * 9 + [429] * 31
    assert attempt("sylvie") == 302


@pytest.mark.parametrize(
    ("written", "counted"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:aaaa:bbbb:cccc:dddd", "2001:db8:1:2::"),
        ("", ""),
    ],
)
def test_an_address_of_ipv6_is_its_network(written, counted):
    assert throttling.network_of(RequestFactory().post("/login", REMOTE_ADDR=written)) == counted


def test_another_address_of_the_same_network_is_locked_too():
    make_school()
    addresses = [f"2001:db8::{number + 1:x}" for number in range(11)]
    assert [attempt("sylvie", "wrong", address) for address in addresses] == [400] * 9 + [429] * 2
    assert attempt("sylvie", address="2001:db8:0:1::1") == 302


@pytest.mark.django_db(transaction=True)
def test_a_login_is_three_reads_and_one_transaction_of_two_writes():
    make_school()
    with CaptureQueriesContext(connection) as queries:
        assert attempt("sylvie") == 302
    words = [query["sql"].split(maxsplit=1)[0] for query in queries]
    kept = [word for word in words if word not in {"SAVEPOINT", "RELEASE"}]
    assert kept == ["SELECT"] * 3 + ["BEGIN", "UPDATE", "INSERT", "COMMIT"]
