"""Which external timestamp service is asked, and what is said when that makes no sense."""

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from emarge.__main__ import parser
from emarge.cli import timestamp_service
from emarge.cli.errors import CommandError
from tests.proof.timestamping.services import Hierarchy, der

SERVE = ["vault", "serve", "--port", "1", "--data", "nowhere"]
URL = ["--tsa-url", "https://tsa.example/"]
ROOTS = ["--tsa-roots", "roots.pem"]
MODE = ["--tsa-mode", "instead"]


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch, tmp_path):
    for name in ("URL", "ROOTS", "POLICY", "CREDENTIAL", "MODE", "EVERY"):
        monkeypatch.delenv(f"EMARGE_TSA_{name}", raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def hierarchy(tmp_path):
    made = Hierarchy("p256")
    pem = [one.public_bytes(Encoding.PEM) for one in (made.between, made.root)]
    (tmp_path / "roots.pem").write_bytes(b"".join(pem))
    return made


def chosen(*words):
    return timestamp_service.external(parser().parse_args([*SERVE, *words]))


def test_without_a_word_our_own_authority_is_asked():
    assert chosen() is None


def test_the_words(hierarchy, tmp_path):
    (tmp_path / "secret").write_text("Basic dXNlcjpwYXNz\n")
    external = chosen(*URL, *ROOTS, *MODE, "--tsa-policy", "1.2.3.4", "--tsa-credential", "secret")
    service = external.client._service
    assert (service.url, service.policy, service.credential) == (
        "https://tsa.example/",
        "1.2.3.4",
        "Basic dXNlcjpwYXNz",
    )
    assert (service.roots, service.chain) == ((der(hierarchy.root),), (der(hierarchy.between),))


def test_beside_it_is_asked_every_hour_unless_said(hierarchy):
    beside = [*URL, *ROOTS, "--tsa-mode", "beside"]
    assert (chosen(*beside).every, chosen(*beside, "--tsa-every", "60").every) == (3600, 60)


def test_the_environment_and_what_is_handed_on(hierarchy, monkeypatch):
    monkeypatch.setenv("EMARGE_TSA_URL", "https://other.example/")
    monkeypatch.setenv("EMARGE_TSA_ROOTS", "roots.pem")
    monkeypatch.setenv("EMARGE_TSA_MODE", "instead")
    assert chosen().client._service.url == "https://other.example/"
    args = parser().parse_args(["run", "--data", "nowhere", *URL])
    assert timestamp_service.environment(args) == {
        "EMARGE_TSA_URL": "https://tsa.example/",
        "EMARGE_TSA_ROOTS": "roots.pem",
        "EMARGE_TSA_MODE": "instead",
    }


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (URL, "needs its roots and a mode"),
        ([*URL, *ROOTS], "needs its roots and a mode"),
        ([*URL, *ROOTS, "--tsa-mode", "sometimes"], "--tsa-mode is"),
        (MODE, "needs the address"),
        (["--tsa-url", "ftp://tsa.example/", *ROOTS, *MODE], "http"),
        ([*URL, *ROOTS, *MODE, "--tsa-policy", "demo"], "OID"),
        ([*URL, *ROOTS, *MODE, "--tsa-every", "0"], "number of seconds"),
        ([*URL, *ROOTS, *MODE, "--tsa-every", "soon"], "number of seconds"),
        ([*URL, *ROOTS, *MODE, "--tsa-credential", "nowhere"], "No such file"),
        (["--tsa-url", "http://tsa.example/", *ROOTS, *MODE, "--tsa-credential", "roots.pem"], "only sent over https"),
        ([*URL, "--tsa-roots", "nowhere.pem", *MODE], "No such file"),
        ([*URL, "--tsa-roots", "empty.pem", *MODE], "cannot be read"),
        ([*URL, "--tsa-roots", "between.pem", *MODE], "none is self-signed"),
    ],
)
def test_what_makes_no_sense_is_said(hierarchy, tmp_path, words, complaint):
    (tmp_path / "empty.pem").write_text("")
    (tmp_path / "between.pem").write_bytes(hierarchy.between.public_bytes(Encoding.PEM))
    with pytest.raises(CommandError, match=complaint):
        chosen(*words)
