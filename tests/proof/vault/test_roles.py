"""Who may call what: every function under every role against a real process; wrong and renewed credentials."""

import json
import re
from pathlib import Path

import httpx
import pytest
from tests.proof.vault.conftest import stranger

from emarge.proof.vault.errors import CorruptVault, VaultRefused
from emarge.proof.vault.service.client import VaultClient
from emarge.proof.vault.service.failures import Failures
from emarge.proof.vault.service.routes import ROUTES
from emarge.proof.vault.setup import credentials as kept
from emarge.proof.vault.setup.create import CONFIGURATION, FIRST_ROLES, ROLES

pytestmark = pytest.mark.processes
FORMAT = Path(__file__).parents[3] / "docs/formats/vault-http.md"
EXAMPLES = {
    "<log>": "school",
    "<tile>": "tile/0/000.p/1",
    "<day>": "2026-11-23",
    "<id>": "0b1cf9de-4f3c-4f10-9d3d-0d5e1f2a3b4c",
}


def address(route):
    path = route.path
    for part, example in EXAMPLES.items():
        path = path.replace(part, example)
    return path


def test_the_format_page_and_the_routes_say_the_same():
    rows = re.findall(r"^\| `(GET|POST) (/[^ `?]+)[^`]*` \| ([a-z, ]+) \|", FORMAT.read_text(), re.MULTILINE)
    written = {(method, path): {*ROLES} if roles == "all" else set(roles.split(", ")) for method, path, roles in rows}
    assert written.pop(("GET", "/health")) == {"none"}
    routes = {(route.method, route.path.replace("<tile>", "tile/…")): set(route.roles) for route in ROUTES}
    assert written == routes


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_a_path_opens_to_its_roles_alone(ask, route):
    assert ask(route.method, address(route), role=None) == (401, "no_credential")
    assert {
        role for role in ROLES if ask(route.method, address(route), role=role) != (403, "wrong_role")
    } == route.roles


def test_a_writer_reads_nothing_and_an_auditor_no_content():
    may = {role: {route.function for route in ROUTES if role in route.roles} for role in ROLES}
    assert may["writer"] == {"deposit", "checkpoint", "vkey", "cosigners", "count"}
    assert may["auditor"].isdisjoint({"read", "find", "tile", "deposit", "open"})


def test_a_wrong_or_malformed_credential_is_refused(standing):
    process, credentials = standing
    writer = credentials["writer"]
    values = ["", "Bearer", "Bearer x", f"Basic {writer}", writer, f"Bearer  {writer}", f"Bearer {writer[:-1]}"]
    headers = [[("authorization", value)] for value in values]
    headers += [[], [("authorization", f"Bearer {writer}")] * 2]
    with stranger() as client:
        answers = [client.get(f"{process.url}/logs/school/count", headers=one) for one in headers]
    assert [(answer.status_code, answer.headers["www-authenticate"]) for answer in answers] == [(401, "Bearer")] * 9


def test_wrong_credentials_are_limited_and_the_right_one_never_waits(process, credentials):
    process.start()
    with VaultClient(process.url, credentials["opener"]) as opener, httpx.Client(trust_env=False) as stranger:
        opener.open_log("school")
        statuses, headers = [], {"authorization": "Bearer wrong"}
        for _ in range(400):
            answer = stranger.get(f"{process.url}/logs/school/vkey", headers=headers)
            statuses.append(answer.status_code)
            if answer.status_code == 429:
                assert opener.vkey("school").startswith("vault.example/school+")
                break
        assert statuses[:100] == [401] * 100
        assert (statuses[-1], answer.headers["retry-after"]) == (429, "1")


def test_each_peer_fails_on_its_own_account_and_time_mends_it():
    now = [0.0]
    failures = Failures(lambda: now[0])
    assert [failures.admit("a") for _ in range(102)] == [True] * 100 + [False] * 2
    assert failures.admit("b")
    now[0] = 0.25
    assert [failures.admit("a") for _ in range(3)] == [True, True, False]
    for peer in range(5000):
        failures.admit(str(peer))
    assert len(failures._left) <= 1024


def test_a_renewed_credential_stops_the_old_one_at_once(process, credentials, folder):
    process.start()
    with VaultClient(process.url, credentials["opener"]) as opener:
        opener.open_log("school")
        made = kept.renew(folder, ["opener"])
        with pytest.raises(VaultRefused) as caught:
            opener.vkey("school")
        assert caught.value.code == "no_credential"
    with VaultClient(process.url, made["opener"]) as opener:
        assert opener.vkey("school")
    with VaultClient(process.url, credentials["reader"]) as reader:
        assert reader.vkey("school")


def test_a_vault_of_three_roles_works_and_is_given_the_others(process, credentials, folder):
    path = folder / CONFIGURATION
    values = json.loads(path.read_bytes())
    values["credentials"] = {role: values["credentials"][role] for role in FIRST_ROLES}
    path.write_text(json.dumps(values))
    process.start()
    with VaultClient(process.url, credentials["auditor"]) as auditor:
        with pytest.raises(VaultRefused):
            auditor.vkey("school")
        assert kept.missing(folder) == ["destroyer", "controller", "auditor"]
    made = kept.renew(folder, kept.missing(folder))
    assert kept.missing(folder) == []
    with (
        VaultClient(process.url, made["auditor"]) as auditor,
        VaultClient(process.url, credentials["opener"]) as opener,
    ):
        assert auditor.vkey("school") if opener.open_log("school") else None


def test_a_role_that_is_none_changes_nothing(folder):
    before = (folder / CONFIGURATION).read_bytes()
    with pytest.raises(VaultRefused) as caught:
        kept.renew(folder, ["editor"])
    assert (caught.value.code, (folder / CONFIGURATION).read_bytes()) == ("unknown_role", before)


@pytest.mark.parametrize("roles", [("opener", "writer"), (*ROLES, "editor")])
def test_a_configuration_without_a_first_role_or_with_a_strange_one_is_corrupt(folder, roles):
    hashes = dict.fromkeys(roles, "0" * 64)
    (folder / CONFIGURATION).write_text(json.dumps({"name": "vault.example", "credentials": hashes}))
    with pytest.raises(CorruptVault, match="does not hold one credential for each role"):
        kept.read_configuration(folder)
