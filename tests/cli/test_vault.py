"""The vault's commands on a folder of their own."""

import json
from datetime import UTC, datetime

from emarge.proof.vault.journal.journal import Journal, touched
from emarge.proof.vault.setup.create import ROLES
from emarge.proof.vault.setup.credentials import read_configuration
from tests.cli.commands import emarge


def secrets_of(data):
    return {path.name: path.read_text() for path in (data / "credentials").iterdir() if path.name.startswith("vault-")}


def test_a_vault_is_made_with_a_credential_for_each_role_and_one_is_renewed(tmp_path):
    assert emarge("vault", "create", "--data", tmp_path)[0] == 0
    before = secrets_of(tmp_path)
    assert set(before) == {f"vault-{role}" for role in ROLES}
    _, hashes = read_configuration(tmp_path / "vault")
    code, out, _ = emarge("vault", "credentials", "--data", tmp_path)
    assert (code, out, secrets_of(tmp_path)) == (0, "The vault has a credential for each role.\n", before)
    code, out, _ = emarge("vault", "credentials", "--renew", "writer", "--data", tmp_path)
    assert (code, "vault-writer" in out) == (0, True)
    after = secrets_of(tmp_path)
    assert {name for name in before if before[name] != after[name]} == {"vault-writer"}
    assert after["vault-writer"] not in out
    _, renewed = read_configuration(tmp_path / "vault")
    assert {role for role in ROLES if hashes[role] != renewed[role]} == {"writer"}
    assert (tmp_path / "credentials" / "vault-writer").stat().st_mode & 0o077 == 0


def test_a_role_that_is_none_is_said(tmp_path):
    emarge("vault", "create", "--data", tmp_path)
    code, _, complaint = emarge("vault", "credentials", "--renew", "editor", "--data", tmp_path)
    assert (code, "editor is no role" in complaint) == (2, True)


def test_the_journal_of_a_day_is_printed(tmp_path):
    emarge("vault", "create", "--data", tmp_path)
    assert emarge("vault", "journal", "--data", tmp_path)[0] == 1
    journal = Journal(tmp_path / "vault" / "journal")
    call = {"function": "read", "role": "reader", "log": "school", "status": 200, "calls": 1} | touched([3, 4, 9])
    journal.append(datetime(2026, 11, 22, 23, 59, tzinfo=UTC), [call])
    journal.append(
        datetime(2026, 11, 23, 9, 0, tzinfo=UTC), [{"function": "count", "status": 401, "calls": 7, "code": "x"}]
    )
    journal.close()
    code, out, _ = emarge("vault", "journal", "--data", tmp_path)
    assert (code, out.split()) == (0, ["09:00:00.000", "-", "count", "-", "401", "x", "×7"])
    code, out, _ = emarge("vault", "journal", "--day", "2026-11-22", "--data", tmp_path)
    assert (code, out.split()[-3:]) == (0, ["records", "3–4,", "9"])
    code, out, _ = emarge("vault", "journal", "--day", "2026-11-22", "--json", "--data", tmp_path)
    assert (code, json.loads(out)["ranges"]) == (0, [[3, 4], [9, 9]])
    code, _, complaint = emarge("vault", "journal", "--day", "2026-11-21", "--data", tmp_path)
    assert (code, "It has 2026-11-22 to 2026-11-23" in complaint) == (1, True)
