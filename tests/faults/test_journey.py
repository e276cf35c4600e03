"""The whole journey with every process: the mirror is away in the middle, people sign on, the bundle verifies."""

import os
import re
import signal
import time
from contextlib import contextmanager

import httpx
import pytest

from tests.cli.commands import emarge
from tests.installation import pid_of, running, touring

pytestmark = pytest.mark.processes
SIGNED = "The secretariat validated the class meeting."
BOTH = ("--require-mirror", "--require-witness")


@contextmanager
def away(data, name):
    """A process that is there and does not answer: worse than one that is gone."""
    process = pid_of(data, name, "serve")
    os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(process, signal.SIGCONT)


def cosigned(addresses):
    answer = httpx.get(f"{addresses['vault']}/health", trust_env=False, timeout=20).json()
    return answer["mirror"], answer["witnesses"]["emarge-witness"]


def await_health(addresses, *wanted):
    until = time.monotonic() + 30
    while cosigned(addresses) not in wanted:
        assert time.monotonic() < until, cosigned(addresses)
        time.sleep(0.05)


def fingerprint(text):
    return re.search(r"Fingerprint to trust: ([0-9a-f]{64})", text)[1]


def verified(bundle, trust, *words):
    code, out, _ = emarge("verify", bundle, "--trust", trust, *words)
    return code, out


def test_the_mirror_is_away_in_the_middle_and_the_bundle_verifies(tmp_path):
    data, bundle = tmp_path / "school", tmp_path / "bundle.zip"
    assert emarge("demo", "--data", data)[0] == 0
    with running(data, "--mirror", "--witness") as addresses:
        assert sorted(addresses) == ["mirror", "timestamping", "vault", "web", "witness"]
        with touring(data, bundle) as tour:
            with away(data, "mirror"):
                tour.read_to(SIGNED)  # under sync nothing is acknowledged now, and nobody who signs waits for that
                await_health(addresses, ("unavailable", "held"), ("unavailable", "behind"))
                assert not bundle.exists()
            trust = fingerprint(tour.read_to("Fingerprint"))
        code, out = verified(bundle, trust, *BOTH)
        assert (code, out.count("emarge-mirror holds them too"), out.count("emarge-witness knew no other history")) == (
            0,
            1,
            1,
        )
    assert emarge("vault", "mirror", "--data", data, "--policy", "degraded")[0] == 0
    with running(data) as addresses:
        with away(data, "mirror"), away(data, "witness"), touring(data, bundle) as tour:
            assert fingerprint(tour.read_to("Fingerprint")) == trust
            assert verified(bundle, trust)[0] == 0
            refusals = [verified(bundle, trust, word) for word in BOTH]
        assert [(code, out.splitlines()[-1].partition("[")[2]) for code, out in refusals] == [
            (1, "not_mirrored]"),
            (1, "not_witnessed]"),
        ]
        await_health(addresses, ("held", "held"))
        with touring(data, bundle) as tour:
            assert fingerprint(tour.read_to("Fingerprint")) == trust
        assert verified(bundle, trust, *BOTH)[0] == 0
    sizes = [
        re.search(r"/\S+: ([\d,]+) entries", emarge(place, "check", "--data", data)[1])[1]
        for place in ("vault", "mirror", "witness")
    ]
    assert len(set(sizes)) == 1
