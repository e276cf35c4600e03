"""List and technical metadata, end to end against a real process."""

import hashlib
import sqlite3
from contextlib import closing

import pytest

from emarge.proof.vault.errors import VaultRefused
from emarge.proof.vault.service.client import VaultClient
from emarge.proof.vault.storage.contents import KEYS

pytestmark = pytest.mark.processes


@pytest.fixture
def clients(process, credentials):
    process.start()
    clients = {role: VaultClient(process.url, credential) for role, credential in credentials.items()}
    clients["opener"].open_log("school")
    yield clients
    for client in clients.values():
        client.close()


@pytest.mark.parametrize("role", ["reader", "auditor"])
def test_records_are_listed_page_by_page_by_range_and_by_label(clients, deposit, role):
    deposits = [deposit(b"%d" % n, *(["odd"] if n % 2 else [])) for n in range(2100)]
    clients["writer"].deposit("school", deposits)
    expected = [(index, one.uuid) for index, one in enumerate(deposits)]
    listed = clients[role].list_records
    assert list(listed("school")) == expected
    assert list(listed("school", start=1100)) == expected[1100:]
    assert list(listed("school", label="odd")) == expected[1::2]
    assert list(listed("school", label="even")) == []


def test_a_range_has_an_end_and_a_page_says_where_the_next_begins(clients, deposit, process, credentials):
    clients["writer"].deposit("school", [deposit(b"%d" % n) for n in range(1003)])
    answer = clients["reader"]._call("GET", "school", "/list", **{"from": "1", "to": "1002"}).json()
    assert ([one["index"] for one in answer["records"]], answer["next"]) == ([*range(1, 1001)], 1001)
    answer = clients["reader"]._call("GET", "school", "/list", **{"from": "1001", "to": "1002"}).json()
    assert ([one["index"] for one in answer["records"]], answer["next"]) == ([1001], None)


@pytest.mark.parametrize(
    "query", ["from=-1", "from=x", "to=", "from=1&from=2", "from=9999999999999999999", "label=a&label=b"]
)
def test_a_malformed_list_is_refused(ask, query):
    assert ask("GET", f"/logs/school/list?{query}", role="reader") == (400, "bad_request")


def test_metadata_say_everything_but_the_content(clients, deposit, process, folder):
    deposits = [deposit(b'{"a":1}', content=b"sealed content"), deposit(b'{"b":22}'), deposit(b"{}", content=b"gone")]
    receipts = clients["writer"].deposit("school", deposits)
    process.terminate()
    with closing(sqlite3.connect(folder / KEYS)) as keys, keys:
        keys.execute("DELETE FROM sealed WHERE uuid = ?", (deposits[2].uuid,))
    process.start()
    answer = clients["auditor"].metadata("school", [2, 0, 1])
    assert [(one["index"], one["uuid"], one["leaf"], one["size"]) for one in answer] == [
        (receipt.index, receipt.uuid, receipt.leaf, receipt.size) for receipt in receipts
    ]
    assert [one["payload"] for one in answer] == [
        {"bytes": len(one.payload), "sha256": hashlib.sha256(one.payload).hexdigest()} for one in deposits
    ]
    assert [one["content"] for one in answer] == [
        {"bytes": 14, "sha256": hashlib.sha256(b"sealed content").hexdigest(), "key": True},
        None,
        {"bytes": 4, "sha256": hashlib.sha256(b"gone").hexdigest(), "key": False},
    ]
    assert [one["stamp"]["sha256"] for one in answer] == [hashlib.sha256(one.stamp).hexdigest() for one in receipts]
    entry = clients["reader"].entries("school", [0])[0]
    assert answer[0]["entry_bytes"] == len(entry)


def test_metadata_of_many_records_come_in_several_requests(clients, deposit):
    clients["writer"].deposit("school", [deposit(b"%d" % n) for n in range(700)])
    answer = clients["reader"].metadata("school", range(700))
    assert [one["index"] for one in answer] == [*range(700)]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", (400, "bad_request")),
        (b'{"indexes": []}', (400, "bad_request")),
        (b'{"indexes": [0], "want": "keys"}', (400, "bad_request")),
        (b'{"indexes": [0]}', (404, "unknown_index")),
    ],
)
def test_a_malformed_request_for_metadata_is_refused(ask, body, expected):
    assert ask("POST", "/logs/school/metadata", role="auditor", content=body) == expected


def test_nobody_opens_or_writes_the_log_of_the_vault_itself(clients, deposit):
    for call in (lambda: clients["opener"].open_log("vault"), lambda: clients["writer"].deposit("vault", [deposit()])):
        with pytest.raises(VaultRefused) as caught:
            call()
        assert caught.value.code == "reserved_log"
