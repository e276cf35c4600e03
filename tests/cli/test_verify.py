import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from emarge.__main__ import main
from emarge.cli.verify import language
from emarge.cli.verify_texts import TEXTS
from emarge.proof.evidence.bundle import MAX_BUNDLE
from emarge.proof.evidence.errors import Fault
from emarge.proof.evidence.events import KNOWN
from emarge.proof.evidence.verdict import Warn
from tests.proof.evidence.school import NINE, School, pseudonym, rewrite

GOLDEN = Path(__file__).parents[1] / "proof" / "golden"
FINGERPRINT = (GOLDEN / "fingerprint").read_text(encoding="ascii").strip()
BUNDLE = str(GOLDEN / "bundle.zip")


@pytest.fixture(autouse=True)
def english(monkeypatch):
    monkeypatch.setenv("LC_ALL", "en_GB.UTF-8")


def run(capsys, *arguments):
    code = main(["verify", *map(str, arguments)])
    printed = capsys.readouterr()
    return code, printed.out.splitlines(), printed.err.splitlines()


def test_a_good_bundle_in_english(capsys):
    code, out, err = run(capsys, BUNDLE, "--trust", FINGERPRINT)
    assert (code, err) == (0, [])
    assert out[:9] == [
        "VALID. Every byte of this bundle is proved; it holds 11 records.",
        "",
        "  Institution code  CFA Démo",
        "  Request           Claire Fontaine, OPCO Exemple, 2026-417, contrôle de service fait",
        "  Period            2026-11-01 – 2026-11-30",
        "  Log               vault.example/cfa-demo, 12 records under the signed checkpoint",
        "  Bundle produced   2026-11-25 09:00:01.000 UTC",
        f"  Trusted           {FINGERPRINT}",
        "",
    ]
    assert out[15:18] == [
        "No. 2  2026-11-23 09:02:00.000 UTC (server's time, accuracy unknown)  marked at the roll call: late",
        "    teacher Grace Hopper · student Alan Turing · Compilation",
        (
            "    certified 2026-11-23 09:02:01.000 UTC ± 0.5 s (+1.000 s) by Vault Example, timestamp authority; "
            "held in the log vault.example/cfa-demo"
        ),
    ]
    assert out[-1] == (
        "Warning: the server did not know the accuracy of its own clock; the certified time is what counts"
    )
    assert out[-3] == "Warning: the time comes from a system clock declared trusted: demonstration only"


def test_a_good_bundle_in_french(capsys, monkeypatch):
    monkeypatch.setenv("LC_ALL", "fr_FR.UTF-8")
    code, out, err = run(capsys, BUNDLE, "--trust", FINGERPRINT)
    assert (code, err) == (0, [])
    assert out[0] == "VALIDE. Chaque octet de ce dossier est prouvé ; il contient 11 enregistrements."
    assert out[30:33] == [
        (
            "n° 7  2026-11-23 09:22:00.000 UTC (heure du serveur, exactitude inconnue)  signature de l’étudiant "
            "(au clavier)"
        ),
        "    étudiant Alan Turing · Compilation",
        (
            "    certifié 2026-11-23 11:22:00.000 UTC ± 0.5 s (+2:00:00) par Vault Example, timestamp authority ; "
            "conservé au registre vault.example/cfa-demo"
        ),
    ]
    assert out[15].endswith("noté à l’appel : en retard")
    assert out[-3] == "Attention : l’heure vient d’une horloge système déclarée de confiance : démonstration seulement"


def test_json_says_the_same(capsys):
    code, out, _ = run(capsys, BUNDLE, "--trust", FINGERPRINT, "--json")
    verdict = json.loads("\n".join(out))
    assert (code, verdict["valid"], verdict["code"], len(verdict["records"])) == (0, True, "CFA Démo", 11)
    seventh = verdict["records"][7]
    assert (seventh["delay"], seventh["bound"], seventh["accuracy"]) == (7200.0, None, 0.5)
    assert seventh["at"] == "2026-11-23T09:22:00+00:00"
    assert seventh["actor"]["name"] == "Alan Turing"
    assert [warning["warn"] for warning in verdict["warnings"]] == ["demo_policy", "clock_unknown"]


def test_a_fingerprint_may_be_typed_in_groups_and_capitals(capsys):
    grouped = " ".join(FINGERPRINT[start : start + 8].upper() for start in range(0, 64, 8))
    assert run(capsys, BUNDLE, "--trust", grouped)[0] == 0


def test_a_changed_bundle_names_fault_file_and_meaning(capsys, tmp_path):
    def change(files):
        files["sheet.pdf"] += b"!"

    (tmp_path / "changed.zip").write_bytes(rewrite(Path(BUNDLE).read_bytes(), change))
    code, out, err = run(capsys, tmp_path / "changed.zip", "--trust", FINGERPRINT)
    assert (code, err) == (1, [])
    assert out == [
        "NOT VALID. This bundle proves nothing.",
        "",
        "  A file is not the one that was sealed.",
        "  File: sheet.pdf",
        "  Detail: its SHA-256 is not that of the manifest [file_changed]",
    ]


def test_a_fault_in_json_and_in_french(capsys, monkeypatch):
    monkeypatch.setenv("LC_ALL", "fr_FR.UTF-8")
    code, out, _ = run(capsys, BUNDLE, "--trust", "0" * 64, "--json")
    assert code == 1
    assert json.loads("\n".join(out)) == {
        "valid": False,
        "fault": "trust_fingerprint",
        "file": "trust.json",
        "detail": f"its fingerprint is {FINGERPRINT}",
        "meaning": "Le dossier ne relève pas de l’empreinte à laquelle vous faites confiance.",
    }


@pytest.mark.parametrize("fingerprint", ["", "abc", "g" * 64, "0" * 65])
def test_a_malformed_fingerprint_is_a_misuse(capsys, fingerprint):
    code, out, err = run(capsys, BUNDLE, "--trust", fingerprint)
    assert (code, out) == (2, [])
    assert err == ["emarge: The trust fingerprint is 64 hexadecimal digits; get it from elsewhere than the bundle."]


def test_a_missing_file_and_a_folder_are_misuses(capsys, tmp_path):
    missing = tmp_path / "missing.zip"
    assert run(capsys, missing, "--trust", FINGERPRINT) == (2, [], [f"emarge: There is no file {missing}."])
    assert run(capsys, tmp_path, "--trust", FINGERPRINT) == (2, [], [f"emarge: {tmp_path} is not a file."])


@pytest.mark.parametrize(
    ("content", "detail"),
    [(b"", "the file is empty"), (b"%PDF-1.7", "the file is not a zip container")],
)
def test_a_file_that_is_no_bundle(capsys, tmp_path, content, detail):
    (tmp_path / "file.zip").write_bytes(content)
    assert run(capsys, tmp_path / "file.zip", "--trust", FINGERPRINT) == (
        1,
        [
            "NOT VALID. This bundle proves nothing.",
            "",
            "  The file is not an evidence bundle, or it was damaged, cut or repacked.",
            f"  Detail: {detail} [container]",
        ],
        [],
    )


def test_a_huge_file_is_refused_in_bounded_memory(tmp_path):
    """Ten gigabytes of nothing (a sparse file), under a limit of memory that the bundle's own limit fits in."""
    huge = tmp_path / "huge.zip"
    with huge.open("wb") as file:
        file.truncate(10 * 1024**3)
    limited = (
        f"import resource, sys; resource.setrlimit(resource.RLIMIT_AS, ({MAX_BUNDLE * 3}, {MAX_BUNDLE * 3})); "
        "from emarge.__main__ import main; sys.exit(main(sys.argv[1:]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", limited, "verify", str(huge), "--trust", FINGERPRINT],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "src")},
    )
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.splitlines()[-1] == f"  Detail: the file is larger than {MAX_BUNDLE} bytes [container]"


def test_a_mirror_that_vouches_is_named_and_can_be_required(capsys, tmp_path):
    school = School(tmp_path / "authority", mirrors={"mirror.example": Ed25519PrivateKey.generate()}).play()
    (tmp_path / "bundle.zip").write_bytes(school.bundle())
    trust = ("--trust", school.anchors.fingerprint)
    code, out, _ = run(capsys, tmp_path / "bundle.zip", *trust, "--require-mirror")
    assert (code, out[6]) == (
        0,
        "  Mirror            mirror.example holds them too; cosigned 2026-11-25 09:00:00.000 UTC",
    )
    code, out, _ = run(capsys, tmp_path / "bundle.zip", *trust, "--json")
    at = "2026-11-25T09:00:00+00:00"
    assert (code, json.loads("\n".join(out))["mirrors"]) == (0, [{"name": "mirror.example", "at": at}])


def test_a_bundle_without_a_mirror_is_refused_when_one_is_required(capsys):
    code, out, _ = run(capsys, BUNDLE, "--trust", FINGERPRINT, "--require-mirror")
    assert (code, out) == (
        1,
        [
            "NOT VALID. This bundle proves nothing.",
            "",
            "  No mirror vouches for this bundle, and you require one.",
            "  File: trust.json",
            "  Detail: the trust anchors name no mirror [not_mirrored]",
        ],
    )


def test_a_name_cannot_act_on_the_terminal(capsys, tmp_path):
    school = School(tmp_path / "authority")
    people = [{"pseudonym": pseudonym("ada"), "name": "\x1b[31mAda\n"}]
    school.sign("ada", NINE, content={"people": people, "drawing": "v1;1x1;0,0"})
    (tmp_path / "bundle.zip").write_bytes(school.bundle())
    _, out, _ = run(capsys, tmp_path / "bundle.zip", "--trust", school.anchors.fingerprint)
    assert out[10] == "    student �[31mAda� · meeting bfefa7b8"


def test_a_terminal_without_the_letters_still_gets_the_verdict():
    done = subprocess.run(
        [sys.executable, "-m", "emarge", "verify", BUNDLE, "--trust", FINGERPRINT],
        capture_output=True,
        text=True,
        check=False,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONIOENCODING": "ascii",
            "LC_ALL": "en",
            "PYTHONPATH": str(Path(__file__).parents[2] / "src"),
        },
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[2] == "  Institution code  CFA D?mo"


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, "en"),
        ({"LANG": "fr_FR.UTF-8"}, "fr"),
        ({"LANG": "fr_FR.UTF-8", "LC_ALL": "C"}, "en"),
        ({"LANG": "de_DE", "LC_MESSAGES": "fr"}, "fr"),
        ({"LANG": "fr_CA", "LC_ALL": ""}, "fr"),
    ],
)
def test_the_language_is_that_of_the_environment(environment, expected):
    assert language(environment) == expected


@pytest.mark.parametrize("texts", TEXTS.values(), ids=TEXTS)
def test_every_fault_warning_and_known_event_has_a_sentence(texts):
    assert set(texts.faults) == set(Fault)
    assert set(texts.warnings) == set(Warn)
    assert KNOWN.keys() - texts.events.keys() == set()


def test_a_bundle_is_read_from_anywhere(capsys, tmp_path):
    shutil.copy(BUNDLE, tmp_path / "renamed")
    assert run(capsys, tmp_path / "renamed", "--trust", FINGERPRINT)[0] == 0
