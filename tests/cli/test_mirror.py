"""The mirror from the command line; the whole journey with it is in tests/faults/test_journey.py."""

import json

from tests.cli.commands import emarge
from tests.processes import free_port


def test_a_mirror_is_made_once_and_told_to_a_vault(tmp_path):
    code, out, _ = emarge("mirror", "create", "--data", tmp_path / "second", "--name", "mirror.example")
    vkey = out.splitlines()[-1]
    assert (code, vkey.partition("+")[0]) == (0, "mirror.example")
    assert (tmp_path / "second/credentials/mirror-vault").stat().st_mode & 0o777 == 0o600
    code, _, err = emarge("mirror", "create", "--data", tmp_path / "second")
    assert (code, err) == (
        1,
        f"emarge: {tmp_path / 'second/mirror'} exists already: a mirror is never made over another.\n",
    )
    emarge("vault", "create", "--data", tmp_path / "first")
    code, out, _ = emarge("vault", "mirror", "--data", tmp_path / "first", "--vkey", vkey, "--policy", "degraded")
    assert (code, out) == (
        0,
        "The vault hands every checkpoint to mirror.example from its next start on (degraded).\n",
    )
    assert json.loads((tmp_path / "first/vault/mirror.json").read_bytes()) == {"policy": "degraded", "vkey": vkey}


def test_what_is_missing_is_said(tmp_path):
    emarge("vault", "create", "--data", tmp_path)
    missing = f"emarge: There is no mirror in {tmp_path}. Make one: emarge mirror create --data {tmp_path}\n"
    assert emarge("vault", "mirror", "--data", tmp_path) == (1, "", missing)
    assert emarge("mirror", "check", "--data", tmp_path) == (1, "", missing)
    assert emarge("mirror", "serve", "--data", tmp_path, "--port", free_port()) == (1, "", missing)
    refused = "emarge: The mirror was not set: the verifier key is not <origin>+<key id>+<key>\n"
    assert emarge("vault", "mirror", "--data", tmp_path, "--vkey", "nonsense") == (1, "", refused)
