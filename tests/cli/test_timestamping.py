"""Which sources of time the command takes, from its words and from the environment."""

from datetime import timedelta

import pytest

from emarge.__main__ import parser
from emarge.cli.errors import CommandError
from emarge.cli.timestamping import create_authority, run
from tests.cli.commands import emarge

SERVE = ["timestamping", "serve", "--port", "1", "--data", "nowhere"]


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch):
    for name in ("EMARGE_GPSD", "EMARGE_CHRONYD", "EMARGE_ACCURACY_MS", "EMARGE_GPS_LAG_MS"):
        monkeypatch.delenv(name, raising=False)


def chosen(*words):
    args = parser().parse_args([*SERVE, *words])
    return args.gpsd, args.chronyd, args.accuracy_ms, args.gps_lag_ms


def milliseconds(number):
    return timedelta(milliseconds=number)


def test_without_a_word_no_source_is_asked():
    assert chosen() == (None, None, milliseconds(100), milliseconds(600))


@pytest.mark.parametrize(
    ("chronyd", "address"),
    [
        ("127.0.0.1:323", "127.0.0.1:323"),
        ("[::1]:323", "[::1]:323"),
        ("/run/chrony/chronyd.sock", "/run/chrony/chronyd.sock"),
    ],
)
def test_the_words(chronyd, address):
    words = ["--gpsd", "[::1]:2947", "--chronyd", chronyd, "--accuracy-ms", "1000", "--gps-lag-ms", "1"]
    assert chosen(*words) == (("::1", 2947), address, milliseconds(1000), milliseconds(1))


def test_the_environment(monkeypatch):
    monkeypatch.setenv("EMARGE_GPSD", "clock.school:2947")
    monkeypatch.setenv("EMARGE_CHRONYD", "10.0.0.1:323")
    monkeypatch.setenv("EMARGE_ACCURACY_MS", "250")
    monkeypatch.setenv("EMARGE_GPS_LAG_MS", "300")
    expected = (("clock.school", 2947), "10.0.0.1:323", milliseconds(250), milliseconds(300))
    assert chosen() == expected
    assert chosen("--accuracy-ms", "100") == (*expected[:2], milliseconds(100), expected[3])


@pytest.mark.parametrize(
    "words",
    [
        ("--accuracy-ms", "0"),
        ("--accuracy-ms", "1001"),
        ("--accuracy-ms", "fast"),
        ("--gps-lag-ms", "-5"),
        ("--gpsd", "2947"),
        ("--gpsd", "localhost"),
        ("--gpsd", "localhost:0"),
        ("--chronyd", "localhost:323"),
        ("--chronyd", "127.0.0.1"),
        ("--chronyd", "127.0.0.1:http"),
    ],
)
def test_words_that_make_no_sense_are_misuse(words, capsys):
    with pytest.raises(SystemExit) as refused:
        chosen(*words)
    assert refused.value.code == 2
    assert words[0] in capsys.readouterr().err


@pytest.mark.parametrize("words", [("--gpsd", "127.0.0.1:2947"), ("--chronyd", "127.0.0.1:323")])
def test_one_source_alone_is_refused(words):
    with pytest.raises(CommandError, match="One source can be compared with no other"):
        run(parser().parse_args([*SERVE, *words]))


def test_an_authority_is_never_made_over_another(tmp_path):
    create_authority(tmp_path, name="Émarge")
    code, out, complaint = emarge("timestamping", "create", "--data", tmp_path)
    assert (code, out) == (1, "")
    assert complaint.endswith("exists already: an authority is never made over another.\n")
