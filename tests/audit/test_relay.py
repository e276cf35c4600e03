"""Against a real vault and a real timestamp server, stopped, killed and started again."""

import logging
import threading
import time
from contextlib import closing
from dataclasses import replace

import pytest

from emarge.audit import relay as relay_module
from emarge.audit import vault
from emarge.audit.models import OutboxEvent
from emarge.audit.relay import Relay, flush, store_receipts
from emarge.proof.evidence import contents, records
from emarge.proof.vault.errors import VaultRefused, VaultUnavailable
from emarge.proof.vault.log.entry import decode
from emarge.proof.vault.service.client import Deposit
from tests.audit.events import fresh_log, happen
from tests.cli.commands import emarge

pytestmark = [pytest.mark.processes, pytest.mark.django_db(transaction=True)]


def _in_vault(log: str) -> list[bytes]:
    """The records of a log, in its order."""
    with vault.client("reader") as reader:
        entries = reader.entries(log, range(reader.count(log)))
        return [decode(data).payload for data in entries.values()]


def _recorded(log: str) -> list[bytes]:
    return [bytes(row.record) for row in OutboxEvent.objects.filter(log=log).order_by("id")]


def _until(condition) -> None:
    """Wait for what another thread does; the limit only ends a test that would never pass."""
    until = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)


def _nothing_waits() -> bool:
    return not OutboxEvent.objects.filter(index__isnull=True).exists()


@pytest.fixture
def running():
    """A relay in a thread, as in the web process."""
    stop = threading.Event()
    thread = threading.Thread(target=Relay().run, args=(stop,))
    thread.start()
    yield thread
    stop.set()
    thread.join(timeout=30)
    assert not thread.is_alive()


def test_records_arrive_in_order_with_their_receipts(servers):
    log = fresh_log()
    happen(log, 5)
    with closing(Relay()) as relay:
        assert (relay.deliver(), relay.deliver()) == (5, 0)
    rows = list(OutboxEvent.objects.filter(log=log).order_by("id"))
    assert [row.index for row in rows] == [0, 1, 2, 3, 4]
    assert _in_vault(log) == _recorded(log)
    assert [sorted(row.receipt) for row in rows] == [["checkpoint", "leaf", "size"]] * 5
    assert all(row.stamped_at is not None for row in rows)


def test_a_renewed_credential_is_taken_up_and_no_log_is_held_for_it(servers):
    log = fresh_log()
    happen(log, 1)
    with closing(Relay()) as relay:
        assert relay.deliver() == 1
        assert emarge("vault", "credentials", "--renew", "writer", "--data", servers.data)[0] == 0
        happen(log, 1)
        with pytest.raises(VaultUnavailable, match="no_credential"):
            relay.deliver()
        relay.close()  # as ``run`` does after a failure
        assert relay.deliver() == 1


@pytest.mark.parametrize("mirror", ["held", "local_only"])
def test_a_receipt_keeps_what_was_said_of_the_mirror(servers, mirror):
    log = fresh_log()
    happen(log, 1)
    rows = list(OutboxEvent.objects.filter(log=log))
    with closing(Relay()) as relay:
        relay._open(log)
        [receipt] = relay._deposit(log, rows)
    store_receipts(rows, [replace(receipt, mirror=mirror)])
    assert OutboxEvent.objects.get(log=log).receipt["mirror"] == mirror


def test_the_content_leaves_the_base_and_opens_from_the_vault(servers):
    log = fresh_log()
    happen(log, content={"reason": "ill"})
    flush(log)
    row = OutboxEvent.objects.get(log=log)
    assert (bytes(row.content), bytes(row.content_key)) == (b"", b"")
    with vault.client("reader") as reader:
        sealed = reader.contents(log, [0])[0]
    commitment = records.parse(bytes(row.record)).commitment
    assert contents.open_content(sealed.ciphertext, sealed.key, commitment)["reason"] == "ill"


def test_labels_find_the_records(servers):
    log = fresh_log()
    happen(log, 2)
    flush(log)
    with vault.client("reader") as reader:
        assert reader.find(log, "day:2026-11-23") == [0, 1]
        assert reader.find(log, "event:test.other") == []


def test_more_than_a_batch_in_several_logs(servers):
    first, second = fresh_log(), fresh_log()
    happen(first, 130)
    happen(second, 2)
    with closing(Relay()) as relay:
        assert (relay.deliver(), relay.deliver(), relay.deliver()) == (102, 30, 0)
    assert (_in_vault(first), _in_vault(second)) == (_recorded(first), _recorded(second))


def test_a_crash_between_deposit_and_receipt_is_mended_by_sending_again(servers, monkeypatch):
    log = fresh_log()
    happen(log, 3)

    def crash(*_):
        raise SystemExit("killed here")

    with monkeypatch.context() as patch:
        patch.setattr(relay_module, "store_receipts", crash)
        with closing(Relay()) as relay, pytest.raises(SystemExit):
            relay.deliver()
    assert OutboxEvent.objects.filter(log=log, index__isnull=True).count() == 3
    happen(log)
    flush(log)
    assert _in_vault(log) == _recorded(log)
    assert list(OutboxEvent.objects.filter(log=log).order_by("id").values_list("index", flat=True)) == [0, 1, 2, 3]


def test_two_relays_at_once_deliver_each_record_once(servers):
    log = fresh_log()
    happen(log, 40)
    threads = [threading.Thread(target=_flush_and_leave, args=(log,)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert _nothing_waits()
    assert _in_vault(log) == _recorded(log)


def _flush_and_leave(log):
    from django.db import connection

    try:
        flush(log)
    finally:
        connection.close()


def test_a_poison_record_blocks_only_its_own_log(servers, caplog):
    poisoned, healthy = fresh_log(), fresh_log()
    before, poison, after = happen(poisoned, 3)
    OutboxEvent.objects.filter(pk=poison.pk).update(labels=["not a label"])
    happen(healthy, 2)
    with caplog.at_level(logging.ERROR), closing(Relay()) as relay:
        assert (relay.deliver(), relay.deliver()) == (3, 0)
    assert list(OutboxEvent.objects.filter(index__isnull=True).order_by("id").values_list("uuid", flat=True)) == [
        poison.uuid,
        after.uuid,
    ]
    assert len(_in_vault(healthy)) == 2
    assert _in_vault(poisoned) == [bytes(before.record)]
    assert [str(poison.uuid) in record.message for record in caplog.records] == [True]
    with pytest.raises(VaultRefused):
        flush(poisoned)
    OutboxEvent.objects.filter(pk=poison.pk).update(labels=poison.labels)
    flush(poisoned)
    assert _in_vault(poisoned) == _recorded(poisoned)


def test_a_uuid_that_the_vault_holds_with_other_bytes_is_refused(servers):
    log = fresh_log()
    happen(log)
    flush(log)
    (row,) = happen(log)
    with vault.client("writer") as writer:
        writer.deposit(log, [Deposit(str(row.uuid), b"something else", (), b"", b"")])
    with pytest.raises(VaultRefused):
        flush(log)
    row.refresh_from_db()
    assert (row.index, bytes(row.content) != b"") == (None, True)


def test_a_log_that_the_vault_lost_is_not_started_anew(servers):
    log = fresh_log()
    sealed, waiting = happen(log, 2)
    OutboxEvent.objects.filter(pk=sealed.pk).update(index=0)
    with pytest.raises(VaultRefused):
        flush(log)
    with vault.client("reader") as reader, pytest.raises(VaultRefused) as refused:
        reader.count(log)
    assert refused.value.code == "unknown_log"
    OutboxEvent.objects.filter(pk=waiting.pk).delete()


def test_a_committed_event_is_delivered_at_once_by_the_running_relay(servers, running):
    log = fresh_log()
    happen(log)
    _until(_nothing_waits)
    assert _in_vault(log) == _recorded(log)


@pytest.mark.parametrize("victim", ["vault", "timestamping"])
@pytest.mark.parametrize("end", ["stop", "kill"])
def test_delivery_resumes_by_itself(servers, running, victim, end):
    log = fresh_log()
    happen(log)
    _until(_nothing_waits)
    getattr(getattr(servers, victim), end)()
    happen(log, 3)
    with pytest.raises(VaultUnavailable):
        flush(log)
    assert OutboxEvent.objects.filter(index__isnull=True).count() == 3
    getattr(servers, victim).start()
    _until(_nothing_waits)
    assert _in_vault(log) == _recorded(log)


def test_without_an_address_or_a_credential_the_vault_is_unavailable(servers, monkeypatch, tmp_path):
    monkeypatch.setenv("EMARGE_DATA", str(tmp_path))
    with pytest.raises(VaultUnavailable, match="vault-writer cannot be read"):
        vault.client("writer")
    monkeypatch.delenv("EMARGE_VAULT_URL")
    with pytest.raises(VaultUnavailable, match="EMARGE_VAULT_URL is not set"):
        vault.client("writer")
