import csv
import io
import sqlite3

import hatch_build
import pytest

from .commands import ROOT, emarge

STUDENTS = (
    "Nom;Prénom;Né(e) le;INE;Groupe;E-mail\n"
    "ADAM;Alice;01/01/2005;111172100HG;G1;alice@x.example\n"
    "=cmd();Bao;01/01/2005;111172101HG;G1;bao@x.example\n"
    "CARON;Chloé;;FC-78183;G1;\n"
)
TIMETABLE = (
    "BEGIN:VCALENDAR\nVERSION:2.0\nBEGIN:VEVENT\nUID:a\nSUMMARY:Maths\nDTSTART:20261123T100000\n"
    "DTEND:20261123T120000\nDESCRIPTION:Groupe : G1\nEND:VEVENT\nEND:VCALENDAR\n"
)


@pytest.fixture
def data(tmp_path):
    return tmp_path / "data"


@pytest.fixture
def students(tmp_path):
    path = tmp_path / "who.txt"
    path.write_text(STUDENTS, encoding="cp1252")
    return path


@pytest.fixture
def timetable(tmp_path):
    path = tmp_path / "when.csv"
    path.write_text(TIMETABLE, encoding="utf-8")
    return path


def rows(data, query):
    with sqlite3.connect(f"file:{data}/web/base.sqlite3?mode=ro", uri=True) as connection:
        found = connection.execute(query).fetchall()
    connection.close()
    return found


def test_a_school_is_imported_and_again_nothing_changes(data, students, timetable):
    code, told, complaints = emarge("import", timetable, students, "--data", data)
    assert (code, complaints) == (0, "")
    assert told.splitlines() == [
        "The base “2026-2027” was made.",
        f"{students} (students): 1 taken, 1 corrected, 1 refused",
        "       3  refused    =cmd() Bao: the name is a spreadsheet formula: write it as text",
        (
            "       4  corrected  CARON Chloé: “FC-78183” is no INE: taken as an internal number; "
            "not ready for sign-in: missing date of birth"
        ),
        f"{timetable} (timetable): 1 taken",
        "       3  taken      Maths, 23/11/2026 10:00: no teacher",
    ]
    code, told, _complaints = emarge("import", timetable, students, "--data", data)
    assert (code, told.splitlines()[0]) == (0, f"{students} (students): 2 unchanged, 1 refused")


def test_the_report_speaks_french(data, students):
    hatch_build.compile_catalogues(ROOT)
    code, told, complaints = emarge("import", students, "--data", data, language="fr_FR.UTF-8")
    assert (code, complaints) == (0, "")
    assert told.splitlines() == [
        "La base «\u00a02026-2027\u00a0» a été créée.",
        f"{students} (étudiants)\u00a0: 1 ajoutée, 1 corrigée, 1 refusée",
        "       3  refusée    =cmd() Bao\u00a0: le nom est une formule de tableur\u00a0: écrivez-le comme du texte",
        (
            "       4  corrigée   CARON Chloé\u00a0: «\u00a0FC-78183\u00a0» n’est pas un INE\u00a0: "
            "repris comme numéro interne; "
            "pas encore prêt pour l’émargement, il manque\u00a0: date de naissance"
        ),
    ]


def test_subject_to_sign_in_flags_courses_and_complete_students(data, students, timetable):
    assert emarge("import", timetable, students, "--data", data, "--subject-to-sign-in")[0] == 0
    assert rows(data, "select first_name, subject_to_sign_in from institutions_student order by id") == [
        ("Alice", 1),
        ("Chloé", 0),
    ]
    assert rows(data, "select digital_sign_in from timetable_course") == [(1,)]


def test_the_report_holds_every_line_and_no_formula(data, students, tmp_path):
    report = tmp_path / "report.csv"
    assert emarge("import", students, "--data", data, "--report", report)[0] == 0
    text = report.read_text(encoding="utf-8-sig")
    assert list(csv.reader(io.StringIO(text), delimiter=";")) == [
        ["file", "line", "outcome", "who", "why"],
        [str(students), "2", "taken", "ADAM Alice", ""],
        [str(students), "3", "refused", "'=cmd() Bao", "the name is a spreadsheet formula: write it as text"],
        [
            str(students),
            "4",
            "corrected",
            "CARON Chloé",
            "“FC-78183” is no INE: taken as an internal number; not ready for sign-in: missing date of birth",
        ],
    ]


def test_a_dry_run_writes_nothing_at_all(data, students, timetable):
    code, told, _complaints = emarge("import", students, "--data", data, "--dry-run")
    assert (code, told.splitlines()[-1]) == (0, "Dry run: nothing was written.")
    assert not data.exists()
    emarge("import", timetable, "--data", data)
    code, told, _complaints = emarge("import", students, "--data", data, "--dry-run")
    assert (code, told.splitlines()[0]) == (0, f"{students} (students): 1 taken, 1 corrected, 1 refused")
    assert rows(data, "select count(*) from institutions_student") == [(0,)]


def test_a_file_refused_as_a_whole_is_exit_code_1_and_the_others_proceed(data, students, tmp_path):
    bad = tmp_path / "bad.ics"
    bad.write_text(TIMETABLE[:-10], encoding="utf-8")
    missing = tmp_path / "missing.csv"
    code, told, _complaints = emarge("import", bad, missing, students, "--data", data)
    assert code == 1
    refused = "refused as a whole, nothing of it was taken"
    lines = told.splitlines()
    assert f"{bad} (timetable): {refused}: the file is truncated: its end is missing" in lines
    assert f"{missing} (?): {refused}: the file cannot be read: No such file or directory" in lines
    assert rows(data, "select count(*) from institutions_student") == [(2,)]
    assert rows(data, "select count(*) from timetable_classmeeting") == [(0,)]


def test_only_refused_files_make_no_base(data, tmp_path):
    bad = tmp_path / "bad"
    bad.write_bytes(b"")
    assert emarge("import", bad, "--data", data)[0] == 1
    assert rows(data, "select count(*) from hosting_base") == [(0,)]


def test_the_base_is_named_or_the_only_one(data, students):
    assert emarge("import", students, "--data", data, "--base", "Lycée")[1].splitlines()[0] == (
        "The base “Lycée” was made."
    )
    assert emarge("import", students, "--data", data)[0] == 0
    code, told, complaints = emarge("import", students, "--data", data, "--base", "Autre")
    assert (code, told, complaints) == (2, "", "emarge: Say which base with --base NAME. There are: Lycée.\n")


@pytest.mark.parametrize("words", [["import"], ["import", "x"], ["import", "--data", "d"]])
def test_a_misused_command_is_exit_code_2(words):
    assert emarge(*words)[0] == 2
