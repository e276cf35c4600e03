"""A new key for an authority: tokens of before stay valid, the former key is gone, a crash harms nothing."""

import hashlib
import json
import logging
from datetime import UTC, datetime, timedelta

import pytest
from tests.cli.commands import emarge

from emarge.cli.timestamping import create_authority
from emarge.proof.timestamping import messages, reservation, rotation
from emarge.proof.timestamping.authority import Authority, create
from emarge.proof.timestamping.certificates import ROOT_LIFE, SIGNER_LIFE
from emarge.proof.timestamping.errors import AuthorityError, ClockUnfit
from emarge.proof.timestamping.verify import verify_token

QUERY = messages.build_request(hashlib.sha256(b"record").digest(), nonce=1)
YEAR = timedelta(days=365)


def token(folder, at):
    with Authority.open(folder) as authority:
        return messages.read_response(authority.respond(QUERY, now=at))


def trust(folder):
    with Authority.open(folder) as authority:
        return [authority.root_certificate], authority.certificates


def test_tokens_of_before_and_after_verify(folder, now):
    tokens = [token(folder, now)]
    for year in (1, 2):
        rotation.rotate(folder, now=now + year * YEAR)
        tokens.append(token(folder, now + year * YEAR))
    _, certificates = trust(folder)
    assert len(set(certificates)) == 3
    times = [verify_token(one, b"record", *trust(folder)).gen_time for one in tokens]
    assert times == [now, now + YEAR, now + 2 * YEAR]
    signers = [verify_token(one, b"record", trust(folder)[0], [certificates[-1]]) for one in tokens[:1]]
    assert len(signers) == 1


def test_the_former_key_is_gone(folder, now):
    before = (folder / "tsa-key.pem").read_bytes()
    rotation.rotate(folder, now=now)
    assert (folder / "tsa-key.pem").read_bytes() != before
    assert not (folder / "tsa-key-next.pem").exists()
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}


def test_a_running_authority_goes_on_until_its_next_start(folder, now):
    with Authority.open(folder) as running:
        running.hold()
        rotation.rotate(folder, now=now)
        given = messages.read_response(running.respond(QUERY, now=now))
    assert verify_token(given, b"record", *trust(folder)).gen_time == now


@pytest.mark.parametrize("step", [1, 2, 3])
def test_a_rotation_cut_short_harms_nothing(folder, now, monkeypatch, step):
    first = token(folder, now)
    steps = []

    def cut(path):
        steps.append(path)
        if len(steps) == step:
            raise KeyboardInterrupt
        return sync(path)

    sync = reservation.sync_folder
    with monkeypatch.context() as patched:
        patched.setattr(reservation, "sync_folder", cut)
        with pytest.raises(KeyboardInterrupt):
            rotation.rotate(folder, now=now + YEAR)
    between = token(folder, now + YEAR)
    rotation.rotate(folder, now=now + 2 * YEAR)
    assert not (folder / "tsa-key-next.pem").exists()
    for one in (first, between, token(folder, now + 2 * YEAR)):
        verify_token(one, b"record", *trust(folder))


def test_the_root_s_key_may_be_kept_elsewhere(tmp_path, now):
    folder, elsewhere = tmp_path / "timestamping", tmp_path / "stick.pem"
    create(folder, name="Émarge", now=now, root_key=elsewhere)
    assert not (folder / "root-key.pem").exists()
    first = token(folder, now)
    with pytest.raises(AuthorityError, match=r"root-key\.pem cannot be read"):
        rotation.rotate(folder, now=now)
    rotation.rotate(folder, now=now, root_key=elsewhere)
    for one in (first, token(folder, now)):
        verify_token(one, b"record", *trust(folder))


def test_a_root_key_is_never_written_over_another_file(tmp_path, now):
    (tmp_path / "stick.pem").write_text("precious")
    with pytest.raises(AuthorityError, match="exists already"):
        create(tmp_path / "timestamping", name="Émarge", now=now, root_key=tmp_path / "stick.pem")
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("stick.pem", "precious")]


def test_another_key_certifies_nothing(folder, tmp_path, now):
    create(tmp_path / "other", name="Other", now=now)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(AuthorityError, match="not the key of the authority's root"):
        rotation.rotate(folder, now=now, root_key=tmp_path / "other" / "root-key.pem")
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_no_certificate_outlives_the_root(folder, now):
    signer = rotation.rotate(folder, now=now + ROOT_LIFE - YEAR)
    assert signer.not_valid_after_utc == now.replace(microsecond=0) + ROOT_LIFE
    with pytest.raises(AuthorityError, match="out of its period"):
        rotation.rotate(folder, now=now + ROOT_LIFE)


def test_it_warns_before_the_end_once_a_day_and_stops_at_the_end(folder, now, caplog):
    end = now.replace(microsecond=0) + SIGNER_LIFE
    caplog.set_level(logging.WARNING, "emarge.timestamping")
    with Authority.open(folder) as authority:
        for at in (now, end - timedelta(days=91)):
            assert authority.describe(at)["renew"] is False
            authority.respond(QUERY, now=at)
        assert caplog.messages == []
        for hours in (0, 1, 23, 24, 25):
            authority.respond(QUERY, now=end - timedelta(days=90) + timedelta(hours=hours))
        assert (
            caplog.messages == ["the certificate that signs tokens ends on 2032-11-21: emarge timestamping rotate"] * 2
        )
        assert authority.describe(end - timedelta(days=89)) == {
            "not_before": "2026-11-23T08:30:00+00:00",
            "not_after": "2032-11-21T08:30:00+00:00",
            "renew": True,
            "former": 0,
        }
        with pytest.raises(ClockUnfit, match="out of its period"):
            authority.respond(QUERY, now=end + timedelta(seconds=1))


def test_the_commands(tmp_path):
    create_authority(tmp_path, name="Émarge", root_key=tmp_path / "stick.pem")
    assert json.loads((tmp_path / "timestamping" / "reserved.json").read_text())["serial"] == 1
    code, out, complaint = emarge("timestamping", "rotate", "--data", tmp_path)
    assert (code, out, "root-key.pem cannot be read" in complaint) == (1, "", True)
    code, out, complaint = emarge("timestamping", "rotate", "--data", tmp_path, "--root-key", tmp_path / "stick.pem")
    assert (code, complaint) == (0, "")
    year = (datetime.now(UTC) + SIGNER_LIFE).year
    assert out.startswith(f"A new key signs from the next start on, until {year}-")
    assert len(out.splitlines()) == 3
    verify_token(token(tmp_path / "timestamping", datetime.now(UTC)), b"record", *trust(tmp_path / "timestamping"))
