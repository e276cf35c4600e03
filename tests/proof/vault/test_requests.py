"""What the HTTP interface refuses, in words, against a real process."""

import base64
import json
import uuid

import pytest

from emarge.proof.vault.service.client import VaultClient

pytestmark = pytest.mark.processes


def item(**changed):
    values = {"uuid": str(uuid.uuid4()), "payload": "e30=", "labels": [], "content": "", "content_key": ""}
    return values | changed


@pytest.mark.parametrize(
    ("method", "path", "role", "expected"),
    [
        ("GET", "/", "reader", (404, "unknown_path")),
        ("GET", "/", None, (401, "no_credential")),
        ("POST", "/health", None, (401, "no_credential")),
        ("GET", "/logs", "reader", (404, "unknown_path")),
        ("GET", "/logs/school/", "reader", (404, "unknown_path")),
        ("GET", "/logs/school/staging", "reader", (404, "unknown_path")),
        ("GET", "/logs/school/read/0", "reader", (404, "unknown_path")),
        ("GET", "/logs/school/read", "reader", (405, "wrong_method")),
        ("POST", "/logs/school/read", "reader", (400, "bad_request")),
        ("POST", "/logs/school/read", "writer", (403, "wrong_role")),
        ("GET", "/logs/school/find", "reader", (400, "bad_request")),
        ("GET", "/logs/school/find?label=a&label=b", "reader", (400, "bad_request")),
        ("GET", "/logs/school/tile/0/000", "reader", (404, "unknown_tile")),
        ("GET", "/logs/school/tile/0/000.p/1", "reader", (404, "unknown_tile")),
        ("GET", "/logs/school/tile/0/..%2f..%2fstaging", "reader", (404, "unknown_tile")),
        ("GET", "/logs/other/count", "reader", (404, "unknown_log")),
        ("GET", "/logs/..%2fschool/count", "reader", (404, "unknown_path")),
        ("POST", "/logs/Upper", "opener", (400, "bad_log")),
        ("POST", "/logs/..", "opener", (404, "unknown_path")),
        ("POST", "/logs/school/count", "writer", (405, "wrong_method")),
        ("GET", "/logs/school", "opener", (405, "wrong_method")),
        ("DELETE", "/logs/school/find", "reader", (405, "wrong_method")),
        ("PUT", "/logs/school/checkpoint", "writer", (405, "wrong_method")),
    ],
)
def test_everything_else_is_refused_in_words(ask, method, path, role, expected):
    assert ask(method, path, role) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", (400, "bad_request")),
        (b"\xff\x00", (400, "bad_request")),
        (b"[]", (400, "bad_request")),
        (b'{"deposits": []}', (400, "bad_request")),
        (b'{"deposits": {}}', (400, "bad_request")),
        (json.dumps({"deposits": [item()], "more": 1}).encode(), (400, "bad_request")),
        (b'{"deposits": [1]}', (400, "bad_deposit")),
        (json.dumps({"deposits": [item(more=1)]}).encode(), (400, "bad_deposit")),
        (json.dumps({"deposits": [item(payload="")]}).encode(), (400, "bad_deposit")),
        (json.dumps({"deposits": [item(payload="e30")]}).encode(), (400, "bad_deposit")),
        (json.dumps({"deposits": [item(payload="é===")]}).encode(), (400, "bad_deposit")),
        (json.dumps({"deposits": [item(payload=7)]}).encode(), (400, "bad_deposit")),
        (json.dumps({"deposits": [item(uuid="x")]}).encode(), (400, "bad_deposit")),
        (json.dumps({"deposits": [item(uuid=str(uuid.UUID(int=171)).upper())]}).encode(), (400, "bad_deposit")),
        (json.dumps({"deposits": [item(labels=["two words"])]}).encode(), (400, "bad_deposit")),
        (json.dumps({"deposits": [item(labels=["x" * 129])]}).encode(), (400, "bad_deposit")),
        (json.dumps({"deposits": [item(labels=["x"] * 17)]}).encode(), (400, "bad_deposit")),
        (json.dumps({"deposits": [item(labels="x")]}).encode(), (400, "bad_deposit")),
        (json.dumps({"deposits": [item(content="e30=")]}).encode(), (400, "bad_deposit")),
        (json.dumps({"deposits": [item(content_key="e30=")]}).encode(), (400, "bad_deposit")),
        (json.dumps({"deposits": [item() for _ in range(501)]}).encode(), (413, "too_large")),
        (
            json.dumps({"deposits": [item(payload=base64.b64encode(bytes(49_153)).decode())]}).encode(),
            (413, "too_large"),
        ),
        (b" " * (8 * 1024 * 1024 + 1), (413, "too_large")),
    ],
    ids=range(23),
)
def test_a_malformed_deposit_is_refused_and_nothing_is_logged(ask, standing, body, expected):
    process, credentials = standing
    assert ask("POST", "/logs/school/deposit", content=body) == expected
    with VaultClient(process.url, credentials["reader"]) as reader:
        assert reader.count("school") == 0


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", (400, "bad_request")),
        (b"[]", (400, "bad_request")),
        (b'{"indexes": [0]}', (400, "bad_request")),
        (b'{"indexes": [0], "want": "keys"}', (400, "bad_request")),
        (b'{"indexes": [0], "want": ["entries"]}', (400, "bad_request")),
        (b'{"indexes": [0], "want": "entries", "more": 1}', (400, "bad_request")),
        (b'{"indexes": [0], "want": "entries", "size": 1}', (400, "bad_request")),
        (b'{"indexes": [0], "want": "proofs"}', (400, "bad_request")),
        (b'{"indexes": [0], "want": "proofs", "size": null}', (400, "bad_request")),
        (b'{"indexes": [0], "want": "proofs", "size": -1}', (400, "bad_request")),
        (b'{"indexes": [0], "want": "proofs", "size": true}', (400, "bad_request")),
        (b'{"indexes": [], "want": "entries"}', (400, "bad_request")),
        (b'{"indexes": 0, "want": "entries"}', (400, "bad_request")),
        (b'{"indexes": ["0"], "want": "entries"}', (400, "bad_request")),
        (b'{"indexes": [false], "want": "entries"}', (400, "bad_request")),
        (b'{"indexes": [0.0], "want": "entries"}', (400, "bad_request")),
        (b'{"indexes": [-1], "want": "entries"}', (400, "bad_request")),
        (b'{"indexes": [1, 0], "want": "entries"}', (400, "bad_request")),
        (b'{"indexes": [0, 0], "want": "entries"}', (400, "bad_request")),
        (json.dumps({"indexes": list(range(501)), "want": "entries"}).encode(), (413, "too_large")),
        (b'{"indexes": [0], "want": "entries"}', (404, "unknown_index")),
        (b'{"indexes": [0], "want": "contents"}', (404, "unknown_index")),
        (b'{"indexes": [0], "want": "proofs", "size": 0}', (404, "unknown_index")),
        (b'{"indexes": [0], "want": "proofs", "size": 1}', (404, "unknown_index")),
        (b'{"indexes": [9223372036854775808], "want": "entries"}', (404, "unknown_index")),
    ],
    ids=range(25),
)
def test_a_malformed_read_is_refused(ask, body, expected):
    assert ask("POST", "/logs/school/read", role="reader", content=body) == expected


def test_a_body_without_length_is_limited_too(ask):
    def endless():
        for _ in range(140):
            yield b" " * 65_536

    assert ask("POST", "/logs/school/deposit", content=endless()) == (413, "too_large")
