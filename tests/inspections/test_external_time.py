"""The whole journey with an external timestamp service: what it stamps, and what `emarge verify` says of it."""

import json
import subprocess
import time
from collections import Counter
from datetime import timedelta

import httpx
import pytest
from django_scopes import scope

from emarge.audit import proofs, vault
from emarge.audit.models import OutboxEvent
from emarge.audit.proofs import Checked
from emarge.audit.relay import flush
from emarge.inspections import actions
from emarge.institutions.models import InstitutionCode
from emarge.proof.evidence import bundle
from emarge.proof.evidence.errors import EvidenceError
from emarge.proof.evidence.verdict import Warn
from emarge.proof.evidence.verify import verify_bundle
from emarge.proof.vault.errors import VaultUnavailable
from tests.attendance.journey import open_the_sign_in, sign
from tests.audit.events import fresh_log, happen
from tests.cast import make_school
from tests.cli.commands import emarge
from tests.inspections.requests import ASKED_AT, ask_and_approve
from tests.processes import start_vault
from tests.proof.timestamping.services import Hierarchy, OpensslService

pytestmark = [pytest.mark.processes, pytest.mark.django_db(transaction=True)]
LATER = ASKED_AT + timedelta(hours=1)
AUTHORITY = "Example Trust, signer"


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    made = OpensslService(tmp_path_factory.mktemp("tsa") / "service", Hierarchy("rsa"))
    with made.serving() as url:
        made.url = url
        yield made


@pytest.fixture
def stamped_by(servers, service, monkeypatch):
    """A function: restarts the vault so that it asks the external service, in a mode."""
    service.answer = service.reply
    started = []

    def start(mode, **options):
        roots = str(service.folder / "roots.pem")
        settings = {"EMARGE_TSA_URL": service.url, "EMARGE_TSA_ROOTS": roots, "EMARGE_TSA_MODE": mode, **options}
        servers.vault.stop()
        started.append(start_vault(servers.data, servers.timestamping, settings))
        monkeypatch.setenv("EMARGE_VAULT_URL", started[-1].url)
        monkeypatch.setenv("EMARGE_TSA_ROOTS", roots)
        return started[-1]

    yield start
    for server in started:
        server.stop()


def attend():
    """A school where Alice and Bao have signed."""
    school = make_school()
    InstitutionCode.objects.filter(pk=school.code.pk).update(log=fresh_log())
    school.code.refresh_from_db()
    with scope(base=school.base):
        roll_call = open_the_sign_in(school)
        for name in ("alice", "bao"):
            sign(school, roll_call, name)
    return school


def produced(school):
    with scope(base=school.base):
        return actions.produce(ask_and_approve(school), by=school.secretary, at=LATER)


def test_its_tokens_instead_of_ours(stamped_by, service, tmp_path):
    school = attend()
    before = produced(school)
    stamped_by("instead")
    request = produced(school)
    assert request.fingerprint != before.fingerprint
    verdict = verify_bundle(bytes(request.bundle), request.fingerprint)
    told = Counter(record.authority for record in verdict.records)
    # What was logged before the service was there keeps our tokens, what came after has theirs alone.
    assert told[AUTHORITY] == 2
    assert set(told) == {AUTHORITY, "Émarge, timestamp authority"}
    assert [record.authority for record in verdict.records[-2:]] == [AUTHORITY] * 2
    demo = next(caution.records for caution in verdict.warnings if caution.warn is Warn.DEMO_POLICY)
    assert set(demo).isdisjoint({record.index for record in verdict.records[-2:]})
    (tmp_path / "bundle.zip").write_bytes(bytes(request.bundle))
    code, out, _ = emarge("verify", tmp_path / "bundle.zip", "--trust", request.fingerprint, "--json")
    assert (code, json.loads(out)["records"][-1]["authority"]) == (0, AUTHORITY)
    # What the screen of a record's time says of it.
    sealed = OutboxEvent.objects.filter(log=school.code.log, index__isnull=False).order_by("index")
    for row in (sealed.first(), sealed.last()):
        assert (proofs.prove(row).token_check, proofs.prove(row).log_check) == (Checked.GOOD, Checked.GOOD)
    # Without the service's root the same records prove nothing.
    with pytest.raises(EvidenceError):
        verify_bundle(bytes(request.bundle), before.fingerprint)


def test_while_it_fails_records_wait_and_are_never_stamped_by_us(stamped_by, service):
    log = fresh_log()
    stamped_by("instead")
    [row] = happen(log)
    for answer in ((503, "text/plain", b"busy"), (200, "application/timestamp-reply", b"nonsense")):
        service.answer = lambda _, answer=answer: answer
        with pytest.raises(VaultUnavailable, match="stamp_unavailable"):
            flush(log)
        row.refresh_from_db()
        assert (row.index, row.stamped_at) == (None, None)
    service.answer = service.reply
    asked = len(service.queries)
    flush(log)
    row.refresh_from_db()
    assert row.index is not None
    assert len(service.queries) > asked


def dated(school, count=1):
    """Wait until the log was dated so many times."""
    until = time.monotonic() + 20
    with vault.client("reader") as reader:
        while len(sizes := reader.dated_sizes(school.code.log)) < count:
            assert time.monotonic() < until
            time.sleep(0.05)
    return sizes


def health(server):
    return httpx.get(f"{server.url}/health", trust_env=False).json()


def test_its_tokens_beside_ours(stamped_by, service, tmp_path):
    server = stamped_by("beside", EMARGE_TSA_EVERY="1")
    school = attend()
    flush(school.code.log)
    dated(school)
    request = produced(school)
    verdict = verify_bundle(bytes(request.bundle), request.fingerprint)
    assert {record.authority for record in verdict.records} == {"Émarge, timestamp authority"}
    [first, *_] = verdict.dated
    assert (first.authority, first.accuracy.total_seconds()) == (AUTHORITY, 0.5)
    certified = [record.certified_at for record in verdict.records if record.index < first.size]
    assert certified
    assert max(certified) <= first.at + timedelta(seconds=1)
    files = bundle.read(bytes(request.bundle))
    stem = f"dated/{first.size:010d}"
    for suffix in (".checkpoint", ".tst"):
        (tmp_path / f"dated{suffix}").write_bytes(files[stem + suffix])
    # What a stranger sees with stock tools, from the root alone.
    words = ["ts", "-verify", "-data", "dated.checkpoint", "-in", "dated.tst", "-token_in", "-CAfile"]
    command = ["openssl", *words, str(service.folder / "roots.pem")]
    assert subprocess.run(command, cwd=tmp_path, capture_output=True, check=False).returncode == 0
    (tmp_path / "bundle.zip").write_bytes(bytes(request.bundle))
    for language, said in (("C.UTF-8", "says Example Trust, signer"), ("fr_FR.UTF-8", "selon Example Trust, signer")):
        code, out, _ = emarge("verify", tmp_path / "bundle.zip", "--trust", request.fingerprint, language=language)
        assert (code, said in out) == (0, True)
    assert health(server)["dated"] in {"current", "due"}


def test_beside_deposits_go_on_while_it_fails_and_it_comes_back(stamped_by, service):
    server = stamped_by("beside", EMARGE_TSA_EVERY="1")
    service.answer = lambda _: (503, "text/plain", b"busy")
    school = attend()
    flush(school.code.log)
    until = time.monotonic() + 20
    while health(server)["dated"] != "unavailable":
        assert time.monotonic() < until
        time.sleep(0.05)
    request = produced(school)
    assert verify_bundle(bytes(request.bundle), request.fingerprint).dated == ()
    service.answer = service.reply
    dated(school)
    assert emarge("vault", "check", "--data", server.arguments[-1])[0] == 0
