"""The time proof of a record, against a real vault and a real timestamp server."""

from contextlib import closing

import pytest

from emarge.audit import proofs, vault
from emarge.audit.models import OutboxEvent
from emarge.audit.proofs import Checked
from emarge.audit.relay import Relay
from emarge.cli.timestamping import create_authority
from tests.audit.events import fresh_log, happen

pytestmark = [pytest.mark.processes, pytest.mark.django_db(transaction=True)]
GOOD, FALSE, NOT_MADE = Checked


@pytest.fixture
def row(servers):
    """The second of three delivered records of a log."""
    log = fresh_log()
    happen(log, 3)
    with closing(Relay()) as relay:
        assert relay.deliver_log(log) == 3
    return OutboxEvent.objects.filter(log=log).order_by("id")[1]


def test_a_delivered_record_is_proved(row):
    proof = proofs.prove(row)
    assert (proof.answered, proof.refused, proof.token_check, proof.log_check) == (True, "", GOOD, GOOD)
    assert proof.timestamp is not None
    assert proof.timestamp.gen_time == row.stamped_at
    assert (proof.demo, proof.mirror, proof.mirrors) == (True, "", ())
    assert proof.cosigned is not None
    assert proof.cosigned.checkpoint.size == 3


def test_another_record_than_the_one_that_was_stamped_is_false(row):
    other = OutboxEvent.objects.filter(log=row.log).order_by("id")[0]
    row.record = other.record
    proof = proofs.prove(row)
    assert (proof.token_check, proof.log_check) == (FALSE, FALSE)


def test_another_root_than_the_one_that_vouched_is_false_and_none_is_no_check(row, tmp_path, monkeypatch):
    create_authority(tmp_path / "other", name="Other")
    monkeypatch.setenv("EMARGE_TIMESTAMP_ROOT", str(tmp_path / "other" / "timestamping" / "root.pem"))
    assert (proofs.prove(row).token_check, proofs.prove(row).log_check) == (FALSE, GOOD)
    monkeypatch.setenv("EMARGE_TIMESTAMP_ROOT", str(tmp_path / "nowhere.pem"))
    assert (proofs.prove(row).token_check, proofs.prove(row).log_check) == (NOT_MADE, GOOD)


def test_without_the_vault_nothing_is_called_checked(servers, row):
    assert vault.mirror() == ""
    servers.vault.stop()
    proof = proofs.prove(row)
    assert (proof.answered, proof.token, proof.token_check, proof.log_check) == (False, None, NOT_MADE, NOT_MADE)
    assert vault.mirror() is None


def test_a_record_that_the_vault_does_not_have_is_refused(row):
    row.index = 3
    proof = proofs.prove(row)
    assert (proof.answered, bool(proof.refused), proof.token_check) == (True, True, NOT_MADE)


def test_a_record_that_waits_has_no_proof(servers):
    [waiting] = happen(fresh_log())
    proof = proofs.prove(waiting)
    assert (proof.token, proof.answered) == (None, False)
    with pytest.raises(ValueError, match="no token"):
        _ = proof.response
