"""The retention period of a log and the legal holds on it, across restarts."""

import json
import uuid
from datetime import UTC, datetime

import pytest

from emarge.proof.vault.errors import CorruptVault, VaultRefused
from emarge.proof.vault.log.ranges import Ranges
from emarge.proof.vault.storage.retention import Retention, read_hold

NOW = datetime(2026, 11, 23, tzinfo=UTC)
LATER = datetime(2028, 1, 2, tzinfo=UTC)


@pytest.fixture
def log(tmp_path):
    return tmp_path / "retention" / "school"


def hold(label=None, reference="2027/114", name=None):
    return read_hold({"id": name or str(uuid.uuid4()), "label": label, "reference": reference}, NOW)


def refused(work, *values):
    with pytest.raises(VaultRefused) as caught:
        work(*values)
    return caught.value.code


def test_the_period_only_grows(log):
    assert Retention(log).days == 1827
    Retention(log).raise_to(1827, NOW)
    assert not log.exists()
    Retention(log).raise_to(2192, NOW)
    assert refused(Retention(log).raise_to, 1827, NOW) == "period_shorter"
    assert refused(Retention(log).raise_to, 36_526, NOW) == "period_shorter"
    assert refused(Retention(log.parent / "other").raise_to, 1826, NOW) == "period_shorter"
    assert [(one.days, one.since) for one in Retention(log).periods] == [(2192, "2026-11-23T00:00:00.000000Z")]


def test_a_hold_stands_until_it_is_released_and_is_remembered(log):
    one, two = hold(), hold("student:7")
    for _ in range(2):
        Retention(log).place(one)
        Retention(log).place(two)
    labels = {"student:7": [3, 4, 9]}
    assert Retention(log).held(labels.__getitem__) == {one.id: None, two.id: Ranges.of([3, 4, 9])}
    for _ in range(2):
        Retention(log).release(one.id, "2028/3", LATER)
    assert list(Retention(log).held(labels.__getitem__)) == [two.id]
    [first, second] = Retention(log).values()["holds"]
    assert (first["placed"], first["released"], first["release_reference"]) == (
        "2026-11-23T00:00:00.000000Z",
        "2028-01-02T00:00:00.000000Z",
        "2028/3",
    )
    assert (second["label"], second["released"]) == ("student:7", None)


def test_a_hold_is_never_another_one(log):
    one = hold("student:7")
    Retention(log).place(one)
    assert refused(Retention(log).place, hold("student:8", name=one.id)) == "hold_reused"
    assert refused(Retention(log).place, hold("student:7", "other", name=one.id)) == "hold_reused"
    assert refused(Retention(log).release, str(uuid.uuid4()), "x", LATER) == "unknown_hold"
    Retention(log).release(one.id, "2028/3", LATER)
    assert refused(Retention(log).release, one.id, "2028/4", LATER) == "hold_reused"
    assert refused(Retention(log).place, one) == "hold_reused"


@pytest.mark.parametrize(
    "values",
    [
        {},
        [],
        {"id": "x", "label": None, "reference": "r"},
        {"id": "0b1cf9de-4f3c-4f10-9d3d-0d5e1f2a3b4c", "label": "two words", "reference": "r"},
        {"id": "0b1cf9de-4f3c-4f10-9d3d-0d5e1f2a3b4c", "label": None, "reference": ""},
        {"id": "0b1cf9de-4f3c-4f10-9d3d-0d5e1f2a3b4c", "label": None, "reference": "a\nb"},
        {"id": "0b1cf9de-4f3c-4f10-9d3d-0d5e1f2a3b4c", "label": None, "reference": "r" * 201},
    ],
)
def test_a_malformed_hold_is_refused(values):
    assert refused(read_hold, values, NOW) == "bad_request"


@pytest.mark.parametrize("text", ["", "{}", "[]", json.dumps({"periods": [{"days": 1}], "holds": []})])
def test_an_unreadable_state_stops_the_vault(log, text):
    log.mkdir(parents=True)
    (log / "state.json").write_text(text)
    with pytest.raises(CorruptVault, match="unreadable"):
        Retention(log)
