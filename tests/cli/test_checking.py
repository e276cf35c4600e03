"""The checks from the command line: sentences, one JSON object, a line on a terminal."""

import json
import os
import pty
import subprocess
import sys

import pytest

from emarge.proof.vault.log.deposits import Deposit
from emarge.proof.vault.service.opened import Vault
from emarge.proof.vault.setup.create import create_vault
from tests.cli.commands import ROOT, emarge

pytestmark = pytest.mark.processes


@pytest.fixture
def data(tmp_path):
    """A vault of 300 records in one log."""
    create_vault(tmp_path / "vault", name="vault.example")
    vault = Vault(tmp_path / "vault", lambda digests: [b"token of " + digest for digest in digests])
    writer = vault.open_log("school")
    writer.write([[Deposit(f"00000000-0000-4000-8000-{n:012d}", b"record", (), b"", b"") for n in range(300)]])
    writer.publish()
    vault.close()
    return tmp_path


def test_sentences_and_one_object_say_the_same(data):
    code, out, err = emarge("vault", "check", "--data", data)
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[-1].startswith("The vault is intact: 1 logs derived again from their files (300 entries, ")
    code, out, err = emarge("vault", "check", "--json", "--data", data)
    assert (code, err) == (0, "")
    found = json.loads(out)
    [log] = found.pop("logs")
    assert lines[0] == f"vault.example/school: 300 entries, 0 of them not yet in tiles, root {log['root']}"
    assert (log["origin"], log["size"], log["staged"]) == ("vault.example/school", 300, 0)
    bundles = (data / "vault/logs/school/tile/entries").rglob("*")
    assert found["bytes"] == sum(path.stat().st_size for path in bundles if path.is_file())
    assert (found["intact"], found["entries"], found["entries_per_second"] > 0) == (True, 300, True)


def test_a_fault_is_said_in_both_ways(data):
    (data / "vault/logs/school/tile/0/000").unlink()
    text = "school: tile/0/000 is missing"
    assert emarge("vault", "check", "--data", data) == (1, "", f"emarge: The vault is NOT intact: {text}\n")
    code, out, err = emarge("vault", "check", "--json", "--data", data)
    assert (code, json.loads(out), err) == (1, {"intact": False, "fault": text}, "")


def test_a_mirror_says_it_too(tmp_path):
    emarge("mirror", "create", "--data", tmp_path)
    code, out, _ = emarge("mirror", "check", "--json", "--data", tmp_path)
    found = json.loads(out)
    assert (code, found["intact"], found["logs"], found["second_histories"]) == (0, True, [], [])


def test_a_terminal_sees_how_far_the_check_is(data):
    master, slave = pty.openpty()
    command = [sys.executable, "-m", "emarge", "vault", "check", "--json", "--data", str(data)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "TERM": "xterm", "COLUMNS": "100"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=slave, env=environment) as process:
        os.close(slave)
        seen = b""
        try:
            while data_read := os.read(master, 65536):
                seen += data_read
        except OSError:  # the other end is closed
            pass
        out = process.communicate()[0]
    os.close(master)
    assert json.loads(out)["intact"] is True
    assert b"vault.example/school" in seen
