import logging
import threading

import pytest

from emarge.audit import chores
from emarge.audit.chores import Chores
from emarge.proof.vault.errors import VaultUnavailable


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    monkeypatch.setattr(chores, "AGAIN_SECONDS", 0.01)
    monkeypatch.setattr(chores, "POLL_SECONDS", 0.01)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("error", "told"),
    [(VaultUnavailable("it is down"), [logging.WARNING]), (RuntimeError("ours"), [logging.ERROR] * 3)],
)
def test_what_fails_is_told_and_tried_again(caplog, error, told):
    stop, tries = threading.Event(), []

    def chore():
        tries.append(1)
        if len(tries) <= 3:
            raise error
        if len(tries) == 6:
            stop.set()

    with caplog.at_level(logging.WARNING, logger="emarge.audit.chores"):
        worker = threading.Thread(target=Chores([chore]).run, args=(stop,))
        worker.start()
        worker.join(timeout=30)
    assert (worker.is_alive(), len(tries)) == (False, 6)
    assert [record.levelno for record in caplog.records] == told
