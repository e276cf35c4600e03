"""Every call leaves its line, against a real process: killed, with a failing disk, over the change of the date."""

import json
import os
import shutil
import threading
import time
from datetime import UTC, datetime

import httpx
import pytest
from tests.proof.vault.mirrored import Site
from tests.proof.vault.test_durability import tracing

from emarge.proof.evidence import records
from emarge.proof.vault.checking.check import check_vault
from emarge.proof.vault.errors import CorruptVault, VaultRefused, VaultUnavailable
from emarge.proof.vault.journal.journal import Journal
from emarge.proof.vault.log import cosignature
from emarge.proof.vault.log.entry import decode
from emarge.proof.vault.mirror.cosigner import folder_name
from emarge.proof.vault.service.client import VaultClient
from emarge.proof.vault.service.routes import ROUTES
from emarge.proof.vault.setup.create import ROLES

pytestmark = pytest.mark.processes
__all__ = ["tracing"]
ROUNDS = int(os.environ.get("EMARGE_KILL_ROUNDS", "12")) // 4


@pytest.fixture
def told(folder):
    """Tells the process what time it is."""

    def tell(time):
        temporary = folder.parent / "now.new"
        temporary.write_text(f"{time}+00:00")
        temporary.rename(folder.parent / "now")

    tell("2026-11-23T09:00:00")
    return tell


@pytest.fixture
def clients(process, credentials, told):
    process.start()
    clients = {role: VaultClient(process.url, credential) for role, credential in credentials.items()}
    yield clients
    for client in clients.values():
        client.close()


def until(found):
    """What the process does by itself in a moment; the limit only ends a test that would never pass."""
    for _ in range(3000):
        if result := found():
            return result
        time.sleep(0.01)
    raise AssertionError("it never happened")


def lines_of(folder, day="2026-11-23"):
    return [json.loads(line) for line in (folder / "journal" / day).read_bytes().splitlines()]


def sealed(clients):
    return [one["day"] for one in clients["auditor"].journal_days() if one["sealed"] is not None]


def test_every_function_leaves_its_line_under_every_outcome(process, credentials, told, folder):
    process.start()
    examples = {"<log>": "school", "<tile>": "tile/0/000.p/1", "<day>": "2026-11-23", "<id>": "x"}
    with VaultClient(process.url, credentials["opener"]) as opener:
        opener.open_log("school")
    asked = []
    with httpx.Client(base_url=process.url, trust_env=False) as http:
        for route in ROUTES:
            path = route.path
            for part, example in examples.items():
                path = path.replace(part, example)
            for role in ROLES:
                headers = {"authorization": f"Bearer {credentials[role]}"}
                answer = http.request(route.method, path, headers=headers)
                asked.append((route.function, role, answer.status_code, answer.headers.get("request-id")))
    assert process.terminate() == 0
    own = {line["request"]: line for line in lines_of(folder) if "request" in line}
    for function, role, status, name in asked:
        if function == "deposit":
            assert name is None
        else:
            line = own[name]
            assert (line["function"], line["role"], line["status"], line.get("log", "school")) == (
                function,
                role,
                status,
                "school",
            )
    shared = {
        (line["role"], line["status"]): line["calls"] for line in lines_of(folder) if line["function"] == "deposit"
    }
    assert shared == {(role, 400 if role == "writer" else 403): 1 for role in ROLES}


def test_lines_say_which_records_and_nothing_of_them(clients, deposit, folder, credentials, process):
    clients["opener"].open_log("school")
    secret = deposit(b'{"a":"never told"}', "student:label", content=b"sealed content")
    clients["writer"].deposit("school", [secret, *(deposit(b"%d" % n) for n in range(300))])
    clients["writer"].deposit("school", [secret])
    reader = clients["reader"]
    reader.contents("school", [0, 2, 3])
    reader.find("school", "student:label")
    reader._call("GET", "school", "/tile/entries/001.p/45")
    clients["auditor"].metadata("school", [5])
    assert process.terminate() == 0
    lines = {line["function"]: line for line in lines_of(folder)}
    deposits = [line for line in lines_of(folder) if line["function"] == "deposit"]
    assert sum(line["calls"] for line in deposits) == 2
    assert sum(line["records"] for line in deposits) == 302
    assert (lines["read"]["records"], lines["read"]["ranges"]) == (3, [[0, 0], [2, 3]])
    assert lines["find"]["ranges"] == [[0, 0]]
    assert lines["tile"]["ranges"] == [[256, 300]]
    assert (lines["metadata"]["role"], lines["metadata"]["ranges"]) == ("auditor", [[5, 5]])
    written = (folder / "journal" / "2026-11-23").read_bytes()
    for secret_text in (*credentials.values(), "label", "never told", "sealed content", secret.uuid, "127.0.0.1"):
        assert secret_text.encode() not in written


def test_strangers_and_wrong_paths_are_told_too(process, credentials, folder, told):
    process.start()
    for path in ("/logs/school/count", "/nothing", "/logs/school/count"):
        httpx.get(process.url + path, headers={"authorization": "Bearer wrong"}, trust_env=False)
    headers = {"authorization": f"Bearer {credentials['reader']}"}
    httpx.get(f"{process.url}/nothing/personal", headers=headers, trust_env=False)
    httpx.get(f"{process.url}/logs/somebody/count", headers=headers, trust_env=False)
    assert process.terminate() == 0
    lines = [
        (line["function"], line.get("role"), line["status"], line["code"], line.get("log"), line["calls"])
        for line in lines_of(folder)
    ]
    by_strangers = [line for line in lines if line[1] is None]
    assert {line[:5] for line in by_strangers} == {
        ("count", None, 401, "no_credential", None),
        ("unknown", None, 401, "no_credential", None),
    }
    assert sum(line[5] for line in by_strangers) == 3
    assert ("unknown", "reader", 404, "unknown_path", None, 1) in lines
    assert ("count", "reader", 404, "unknown_log", None, 1) in lines
    assert b"personal" not in (folder / "journal" / "2026-11-23").read_bytes()


def test_an_auditor_reads_the_journal_page_by_page_and_that_is_journalled(clients, folder, process):
    clients["opener"].open_log("school")
    auditor = clients["auditor"]
    [day] = auditor.journal_days()
    path = folder / "journal" / "2026-11-23"
    assert (day["day"], day["sealed"]) == ("2026-11-23", None)
    lines = list(auditor.journal("2026-11-23"))
    assert path.read_bytes().startswith(b"".join(lines))
    assert [json.loads(line)["function"] for line in lines] == ["open", "journal_days"]
    first = len(lines[0])
    answer = auditor._ask("GET", "/journal/2026-11-23", None, **{"from": str(first)})
    assert answer.content.splitlines(keepends=True)[0] == lines[1]
    for wrong in ({"from": str(first - 1)}, {"from": "x"}):
        with pytest.raises(VaultRefused, match="bad_request"):
            auditor._ask("GET", "/journal/2026-11-23", None, **wrong)
    for day in ("2026-11-22", "2026-11-31"):
        with pytest.raises(VaultRefused, match="unknown_day"):
            list(auditor.journal(day))


def test_a_day_that_ends_is_sealed_in_the_vaults_own_log(clients, told, folder):
    clients["opener"].open_log("school")
    told("2026-11-24T00:00:01")
    until(lambda: sealed(clients) == ["2026-11-23"])
    told("2026-11-27T00:00:01")
    until(lambda: sealed(clients) == ["2026-11-23", "2026-11-24"])
    entries = clients["reader"].entries("vault", range(2))
    first, second = (records.parse(decode(data).payload) for data in entries.values())
    assert (first.event, first.code, first.actor.role) == ("journal.sealed", "vault.example", "system")
    lines = (folder / "journal" / "2026-11-23").read_bytes().splitlines()
    assert (first.details["day"], first.details["lines"]) == ("2026-11-23", len(lines))
    assert second.details["before"] == {"day": "2026-11-23", "digest": first.details["digest"]}
    assert [checked.origin for checked in check_vault(folder)] == ["vault.example/school", "vault.example/vault"]


def test_a_day_that_ended_while_the_vault_was_stopped_is_sealed_at_the_next_start(clients, told, folder, process):
    clients["opener"].open_log("school")
    process.terminate()
    told("2026-11-25T10:00:00")
    (folder.parent / "no-stamps").touch()
    process.start()
    assert sealed(clients) == []
    (folder.parent / "no-stamps").unlink()
    until(lambda: sealed(clients) == ["2026-11-23"])
    process.terminate()
    process.start()
    assert sealed(clients) == ["2026-11-23"]
    assert clients["auditor"].count("vault") == 1
    check_vault(folder)


def test_a_seal_is_mirrored_like_any_record(folder, credentials):
    journal = Journal(folder / "journal")
    journal.append(datetime(2026, 11, 20, tzinfo=UTC), [{"function": "count", "status": 200, "calls": 1}])
    journal.close()
    site = Site(folder, "sync")
    try:
        site.mirror.start()
        site.vault.start()
        with VaultClient(site.vault.url, credentials["auditor"]) as auditor:
            until(lambda: sealed({"auditor": auditor}) == ["2026-11-20"])
            vault_has = auditor.checkpoint("vault")
        mirror_has = site.ask_mirror(f"/{folder_name('vault.example/vault')}/checkpoint").content
        assert mirror_has.splitlines()[:3] == vault_has.splitlines()[:3] != []
        assert cosignature.name_of(site.vkey).encode() in vault_has
    finally:
        site.stop()


def test_the_running_vault_seals_what_it_wrote_and_not_what_it_finds(clients, told, folder):
    clients["opener"].open_log("school")
    path = folder / "journal" / "2026-11-23"
    path.write_bytes(b"")
    told("2026-11-24T00:00:01")
    until(lambda: sealed(clients) == ["2026-11-23"])
    assert clients["auditor"].count("vault") == 1  # published
    with pytest.raises(CorruptVault, match=r"^the journal of 2026-11-23 is not the one that was sealed$"):
        check_vault(folder)


def test_killed_under_load_no_answer_lacks_its_line(process, credentials, folder, deposit):
    process.start()
    with VaultClient(process.url, credentials["opener"]) as opener:
        opener.open_log("school")
    names, headers = [], {"authorization": f"Bearer {credentials['reader']}"}

    def read():
        with httpx.Client(base_url=process.url, headers=headers, trust_env=False) as http:
            while True:
                try:
                    names.append(http.get("/logs/school/count").headers["request-id"])
                except httpx.HTTPError:
                    return

    def write():
        with VaultClient(process.url, credentials["writer"]) as writer:
            try:
                while True:
                    writer.deposit("school", [deposit(os.urandom(20))])
            except VaultUnavailable:
                return

    for turn in range(ROUNDS):
        threads = [threading.Thread(target=work) for work in (read, read, write)]
        for thread in threads:
            thread.start()
        # Not before some were answered, however busy the machine is.
        wanted = len(names) + turn + 1
        until(lambda wanted=wanted: len(names) >= wanted)
        process.kill()
        for thread in threads:
            thread.join()
        check_vault(folder)
        process.start()
        check_vault(folder)
    kept = {line.get("request") for path in (folder / "journal").iterdir() for line in lines_of(folder, path.name)}
    assert set(names) <= kept


@pytest.mark.usefixtures("tracing")
@pytest.mark.parametrize("call", ["fdatasync", "write"])
def test_a_journal_that_cannot_be_written_stops_the_vault_before_the_answer(process, credentials, folder, told, call):
    process.start()
    with VaultClient(process.url, credentials["opener"]) as opener:
        opener.open_log("school")
    assert process.terminate() == 0
    journal = folder / "journal" / "2026-11-23"
    inject = ["-e", f"trace={call}", "-e", f"inject={call}:error=EIO:when=3"]
    process.start(shutil.which("strace"), "-D", "-f", "-qq", "-o", "/dev/null", "-P", str(journal), *inject)
    answered = []
    with VaultClient(process.url, credentials["reader"]) as reader, pytest.raises(VaultUnavailable):
        answered.extend(reader.count("school") for _ in range(50))
    assert answered == [0, 0]
    assert process.process.wait(timeout=20) == 1
    check_vault(folder)
    process.start()
    assert process.terminate() == 0
    functions = [line["function"] for line in lines_of(folder)]
    assert functions[:3] == ["open", "count", "count"]
