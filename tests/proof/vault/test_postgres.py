"""A vault whose sequencer is a real PostgreSQL server: what can only go wrong there."""

import json

import psycopg
import pytest
from tests.cli.commands import emarge
from tests.proof.vault.conftest import stamp
from tests.proof.vault.process import Process

from emarge.proof.vault.checking.check import check_vault
from emarge.proof.vault.errors import CorruptVault, DurabilityLost, VaultRefused, VaultUnavailable
from emarge.proof.vault.service.client import VaultClient
from emarge.proof.vault.service.opened import Vault
from emarge.proof.vault.setup.create import create_vault
from emarge.proof.vault.storage import sequencer
from emarge.proof.vault.storage.sequencer import Sequencer


@pytest.fixture
def credentials(tmp_path, database):
    return create_vault(tmp_path / "vault", name="vault.example", postgresql=database)


@pytest.fixture
def direct(database):
    """A connection of the test's own, beside the vault's."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("SET search_path = emarge_sequencer")
        yield connection


def hang_up(direct):
    """End every other connection to the database, as a restart of the server does."""
    direct.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
        "AND pid <> pg_backend_pid()"
    )


def refusal(call, *values, **named):
    with pytest.raises(VaultRefused) as caught:
        call(*values, **named)
    return caught.value.code


def test_a_vault_writes_starts_again_and_is_found_whole(opened, folder, deposit):
    writer = opened().open_log("school")
    first = deposit(b"first", "label", content=b"sealed")
    [receipts] = writer.write([[first]])
    writer.publish()
    writer.write([[deposit(b"second")]])
    again = opened().writers["school"]
    assert again.write([[first]]) == [receipts]
    assert [(log.size, log.staged) for log in check_vault(folder)] == [(2, 0)]
    assert not (folder / sequencer.FILE).exists()


def test_the_rows_of_the_database_are_checked(opened, folder, deposit, direct):
    writer = opened().open_log("school")
    writer.write([[deposit(b"%d" % number) for number in range(3)]])
    direct.execute("DELETE FROM deposits WHERE position = 1")
    with pytest.raises(CorruptVault, match=r"^school: the sequencer does not hold one record for each of 3 entries$"):
        check_vault(folder)


def test_a_second_process_is_refused_and_cannot_fork(opened, folder, tmp_path, deposit):
    writer = opened().open_log("school")
    copy = tmp_path / "copy"  # the folder's own lock does not reach a copy on another machine
    copy.mkdir()
    (copy / sequencer.ELSEWHERE).write_bytes((folder / sequencer.ELSEWHERE).read_bytes())
    assert refusal(Sequencer, copy) == "in_use"
    assert len(writer.write([[deposit(b"still the only one")]])) == 1


def test_a_connection_that_is_lost_stops_the_writer_and_loses_nothing(opened, folder, deposit, direct):
    writer = opened().open_log("school")
    first, second = deposit(b"first"), deposit(b"second")
    [receipts] = writer.write([[first]])
    hang_up(direct)
    with pytest.raises(DurabilityLost):
        writer.write([[second]])
    assert writer.in_doubt
    with pytest.raises(DurabilityLost, match="failed before"):
        writer.write([[second]])
    again = opened().writers["school"]
    assert (again.size, again.write([[first]])) == (1, [receipts])
    assert again.write([[second]])[0][0].index == 1


def test_a_commit_whose_answer_is_lost_is_found_at_the_next_start(opened, deposit, direct):
    """The server may have committed before the connection broke: only opening again tells."""
    writer = opened().open_log("school")
    direct.execute(
        "CREATE FUNCTION hang_up() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$"
    )
    direct.execute(
        "CREATE CONSTRAINT TRIGGER broken AFTER INSERT ON deposits DEFERRABLE INITIALLY DEFERRED "
        "FOR EACH ROW EXECUTE FUNCTION hang_up()"
    )
    one = deposit(b"one")
    with pytest.raises(DurabilityLost, match="writing the sequencer in PostgreSQL failed"):
        writer.write([[one]])
    direct.execute("DROP TRIGGER broken ON deposits")
    again = opened().writers["school"]
    assert again.size == 0
    assert again.write([[one]])[0][0].index == 0


@pytest.mark.processes
def test_the_process_stops_when_it_is_hung_up_on(folder, credentials, deposit, direct):
    process = Process(folder).start()
    with VaultClient(process.url, credentials["opener"]) as opener:
        opener.open_log("school")
    with VaultClient(process.url, credentials["writer"]) as writer:
        [first] = writer.deposit("school", [deposit(b"first")])
        hang_up(direct)
        with pytest.raises(VaultUnavailable):
            writer.deposit("school", [deposit(b"second")])
        assert process.process.wait(timeout=20) == 1
        process.start()
        assert writer.deposit("school", [deposit(b"third")])[0].index == first.index + 1
        process.kill()
        process.start()
        assert writer.count("school") == 2
    assert process.terminate() == 0
    assert [log.size for log in check_vault(folder)] == [2]


def test_a_database_that_was_rolled_back_is_refused(opened, folder, deposit, direct):
    writer = opened().open_log("school")
    writer.write([[deposit(b"first")]])
    saved = [direct.execute(f"SELECT * FROM {table}").fetchall() for table in ("logs", "checkpoints", "deposits")]
    writer.write([[deposit(b"second")]])
    writer.publish()
    opened().close()
    direct.execute("TRUNCATE logs, checkpoints, deposits")
    for table, rows in zip(("logs", "checkpoints", "deposits"), saved, strict=True):
        places = ", ".join(["%s"] * len(rows[0]))
        direct.cursor().executemany(f"INSERT INTO {table} VALUES ({places})", rows)
    with pytest.raises(CorruptVault, match="older than its tiles: it was rolled back"):
        Vault(folder, stamp)
    with pytest.raises(CorruptVault, match="older than the tiles: it was rolled back"):
        check_vault(folder)


def test_the_database_of_another_vault_or_of_none_is_refused(folder, database, direct):
    direct.execute("UPDATE vault SET name = 'another'")
    with pytest.raises(CorruptVault, match="holds the sequencer of another vault"):
        Sequencer(folder)
    direct.execute("DROP SCHEMA emarge_sequencer CASCADE")
    with pytest.raises(CorruptVault, match="holds no sequencer: a vault is only made on purpose"):
        Sequencer(folder)
    assert direct.execute(
        "SELECT count(*) FROM information_schema.schemata WHERE schema_name ~ 'emarge'"
    ).fetchone() == (0,)


def test_two_sequencers_in_one_folder_are_refused(folder):
    (folder / sequencer.FILE).write_bytes(b"")
    with pytest.raises(CorruptVault, match="only one can be the sequencer"):
        Sequencer(folder)


def test_a_sequencer_is_made_over_what_a_crash_left_and_over_nothing_else(opened, tmp_path, credentials, database):
    vault = opened()
    assert refusal(create_vault, tmp_path / "other", name="other.example", postgresql=database) == "in_use"
    vault.close()
    create_vault(tmp_path / "other", name="other.example", postgresql=database)
    with pytest.raises(CorruptVault, match="holds the sequencer of another vault"):
        Sequencer(tmp_path / "vault")
    other = Vault(tmp_path / "other", stamp)
    other.open_log("school")
    other.close()
    assert refusal(create_vault, tmp_path / "third", name="third.example", postgresql=database) == "exists"


@pytest.mark.parametrize("setting", ["fsync", "full_page_writes"])
def test_a_server_that_would_lose_what_it_commits_is_refused(folder, tmp_path, database, direct, setting):
    direct.execute(f"ALTER SYSTEM SET {setting} = off")
    direct.execute("SELECT pg_reload_conf()")
    try:
        for _ in range(1000):
            with psycopg.connect(database) as fresh:
                if fresh.execute(f"SHOW {setting}").fetchone() == ("off",):
                    break
        assert refusal(Sequencer, folder) == "not_durable"
        assert refusal(create_vault, tmp_path / "other", name="other", postgresql=database) == "not_durable"
    finally:
        direct.execute(f"ALTER SYSTEM RESET {setting}")
        direct.execute("SELECT pg_reload_conf()")


def test_what_a_person_may_get_wrong_is_said(tmp_path, database):
    for address, text in [
        ("postgresql://vault:secret@127.0.0.1/x", "password: keep the password out of the address: PGPASSFILE or"),
        ("postgresql://127.0.0.1:1/x", "the sequencer in PostgreSQL cannot be reached: OperationalError"),
        ("nonsense", "bad_address: the address of the PostgreSQL database cannot be read"),
    ]:
        code, out, err = emarge("vault", "create", "--data", tmp_path, "--sequencer", address)
        assert (code, out) == (1, "")
        assert err.startswith(f"emarge: The vault was not made: {text}")
    assert emarge("vault", "create", "--data", tmp_path, "--sequencer", database)[0] == 0
    values = json.loads((tmp_path / "vault/sequencer.json").read_bytes())
    assert values["postgresql"] == database
    assert emarge("vault", "check", "--data", tmp_path)[0] == 0
