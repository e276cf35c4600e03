"""The witness from the command line."""

import json

from tests.cli.commands import emarge
from tests.processes import free_port


def test_a_witness_is_made_once_told_to_a_vault_and_taken_away(tmp_path):
    second, first = tmp_path / "second", tmp_path / "first"
    code, out, _ = emarge("witness", "create", "--data", second, "--name", "witness.example/1")
    vkey = out.splitlines()[-1]
    assert (code, vkey.partition("+")[0]) == (0, "witness.example/1")
    assert (second / "credentials/witness-witness.example%2F1").stat().st_mode & 0o777 == 0o600
    code, _, err = emarge("witness", "create", "--data", second)
    assert (code, err) == (1, f"emarge: {second / 'witness'} exists already: a witness is never made over another.\n")
    assert emarge("witness", "check", "--data", second) == (0, "The witness is intact: 0 logs.\n", "")

    emarge("vault", "create", "--data", first)
    code, out, _ = emarge("vault", "witness", "--data", first, "--vkey", vkey)
    assert (code, out) == (0, "The vault hands every checkpoint to witness.example/1 from its next start on.\n")
    assert json.loads((first / "vault/witnesses.json").read_bytes()) == {"witnesses": [vkey]}
    code, _, err = emarge("vault", "mirror", "--data", first, "--vkey", vkey)
    assert (code, err) == (1, "emarge: The mirror was not set: the witness witness.example/1 has its name.\n")
    code, out, _ = emarge("vault", "witness", "--data", first, "--remove", "witness.example/1")
    assert (code, out) == (
        0,
        "The vault no longer asks witness.example/1. The trust anchors change, and their fingerprint with them.\n",
    )
    assert json.loads((first / "vault/witnesses.json").read_bytes()) == {"witnesses": []}


def test_what_is_missing_is_said(tmp_path):
    emarge("vault", "create", "--data", tmp_path)
    missing = f"emarge: There is no witness in {tmp_path}. Make one: emarge witness create --data {tmp_path}\n"
    assert emarge("vault", "witness", "--data", tmp_path) == (1, "", missing)
    assert emarge("witness", "check", "--data", tmp_path) == (1, "", missing)
    assert emarge("witness", "serve", "--data", tmp_path, "--port", free_port()) == (1, "", missing)
    refused = "emarge: The witness was not added: the verifier key is not <origin>+<key id>+<key>\n"
    assert emarge("vault", "witness", "--data", tmp_path, "--vkey", "nonsense") == (1, "", refused)
    code, _, err = emarge("vault", "witness", "--data", tmp_path, "--remove", "nobody")
    assert (code, err) == (
        1,
        "emarge: The witness was not taken away: no_witness: this vault has no witness of the name nobody\n",
    )
    code, _, err = emarge("witness", "create", "--data", tmp_path, "--name", "a b")
    assert (code, err) == (
        2,
        (
            "emarge: 'a b' cannot be the name of a witness: an origin is made of visible characters, "
            "without space or plus sign.\n"
        ),
    )
