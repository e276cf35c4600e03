import pytest

from emarge.cli.ending import STAYS_DOWN, ends_clearly
from emarge.cli.errors import CommandError
from emarge.proof.vault.errors import (
    CorruptVault,
    DurabilityLost,
    ServerLostError,
    StoreUnavailableError,
    VaultRefused,
)


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (
            CorruptVault("a fault"),
            STAYS_DOWN,
            "THE VAULT STOPS and stays down until somebody has looked: a fault\nmend",
        ),
        (DurabilityLost("no space"), 1, "The vault stops, because its disk is full, read-only or failing: no space."),
        (ServerLostError("gone"), 1, "The vault stops, because a server that it needs does not answer: gone."),
        (StoreUnavailableError("away"), 1, "The vault stops, because a server that it needs does not answer: away."),
        (VaultRefused("in_use", "another has it"), 1, "The vault does not start: another has it."),
    ],
)
def test_what_ended_a_process_is_said_and_whether_it_may_start_again(error, code, text):
    with pytest.raises(CommandError) as caught, ends_clearly("vault", "mend"):
        raise error
    assert str(caught.value).startswith(text)
    assert caught.value.code == code
