from datetime import UTC, date, datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django_scopes import scope

from emarge.accounts.models import Right, User
from emarge.hosting.actions import create_base
from emarge.institutions.headings import score
from emarge.institutions.models import Group, Student, Teacher
from emarge.institutions.people_import import import_people
from emarge.lib.import_report import FileReport
from emarge.lib.tables import read_table

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
HEADINGS = "Nom;Prénom;Né(e) le;INE;Promotion;Groupe;E-mail;Entreprise\n"
ALICE = "ADAM;Alice;01/01/2005;111172100HG;BUT1;G1;alice@x.example;\n"


@pytest.fixture
def base():
    base = create_base("School", "planning01", "2026-2027")
    with scope(base=base):
        yield base


def take(base, text, *, on_roll_calls=lambda _keys: set(), on_corrections=lambda _found: None):
    report = FileReport("list.csv")
    table = read_table(text.encode(), score)
    import_people(
        base,
        table,
        report,
        at=NOW,
        on_roll_calls=on_roll_calls,
        on_corrections=on_corrections,
        progress=lambda _done, _total: None,
    )
    return report


def told(report):
    """Line, outcome, remarks."""
    return [(line.number, line.outcome.value, *line.remarks) for line in report.lines]


def outcomes(report):
    return [line.outcome.value for line in report.lines]


def rows():
    fields = ("id", "uuid", "user_id", "last_name", "first_name", "birth_on", "identifier", "email", "source_key")
    return (
        list(Student.objects.order_by("id").values_list(*fields)),
        list(Student.groups.through.objects.order_by("id").values_list()),
        list(Group.objects.order_by("id").values_list()),
        list(User.objects.order_by("id").values_list()),
        list(Teacher.objects.order_by("id").values_list()),
    )


def test_a_student_is_taken_with_groups_and_login(base):
    report = take(base, HEADINGS + ALICE)
    assert told(report) == [(2, "taken")]
    alice = Student.objects.get()
    assert (str(alice), alice.birth_on, alice.identifier_type, alice.identifier) == (
        "ADAM Alice",
        date(2005, 1, 1),
        "ine",
        "111172100HG",
    )
    assert [(group.name, group.kind, group.cohort and group.cohort.name) for group in alice.groups.order_by("id")] == [
        ("BUT1", "cohort", None),
        ("G1", "group", "BUT1"),
    ]
    assert (alice.user.login, alice.user.profile.name, alice.user.has_usable_password()) == (
        "alice@x.example",
        "Students",
        False,
    )
    assert alice.subject_to_sign_in is False
    assert report.keys == [alice.pk]


def test_a_teacher_gets_the_right_to_enter_absences(base):
    assert told(take(base, "Enseignant;Courriel\nMme ROY Anne;Anne.Roy@X.example\n")) == [(2, "taken")]
    teacher = Teacher.objects.get()
    assert (str(teacher), teacher.email, teacher.user.login) == ("ROY Anne", "anne.roy@x.example", "anne.roy@x.example")
    assert teacher.user.has_right(Right.ENTER_ABSENCES)


def test_the_same_file_again_writes_nothing(base):
    text = HEADINGS + ALICE + "BO;Bao;;;BUT1;G2;bao@x.example;\nCARON;Chloé;02/02/2004;FC-78183;;;;\n"
    take(base, text)
    before = rows()
    with CaptureQueriesContext(
        connection,
    ) as queries:
        report = take(base, text)
    assert outcomes(report) == ["unchanged", "unchanged", "unchanged"]
    assert rows() == before
    writes = [query["sql"] for query in queries if query["sql"].split()[0] in {"INSERT", "UPDATE", "DELETE"}]
    assert writes == []


def test_a_corrected_birth_date_updates_the_same_person(base):
    take(base, HEADINGS + ALICE)
    before = Student.objects.get()
    report = take(base, HEADINGS + ALICE.replace("01/01/2005", "11/01/2005"))
    assert told(report) == [(2, "updated", "changed: birth date")]
    after = Student.objects.get()
    assert (after.uuid, after.birth_on) == (before.uuid, date(2005, 1, 11))


def test_an_empty_cell_erases_nothing(base):
    take(base, HEADINGS + ALICE)
    report = take(base, "Nom;Prénom;INE;Né(e) le\nADAM;Alice;111172100HG;\n")
    assert outcomes(report) == ["unchanged"]
    alice = Student.objects.get()
    assert (alice.birth_on, alice.email, alice.groups.count()) == (date(2005, 1, 1), "alice@x.example", 2)


def test_a_new_group_replaces_the_old_one(base):
    take(base, HEADINGS + ALICE)
    report = take(base, HEADINGS + ALICE.replace("G1", "G2"))
    assert told(report) == [(2, "updated", "changed: groups")]
    assert [group.name for group in Student.objects.get().groups.order_by("id")] == ["BUT1", "G2"]


def test_a_name_and_an_email_that_change_follow_into_the_login(base):
    take(base, HEADINGS + ALICE)
    report = take(base, HEADINGS + ALICE.replace("ADAM", "ADAM-BLANC").replace("alice@", "alice.blanc@"))
    assert told(report) == [(2, "updated", "changed: last name, e-mail")]
    user = Student.objects.get().user
    assert (user.login, user.last_name, User.objects.count()) == ("alice.blanc@x.example", "ADAM-BLANC", 1)


def test_the_same_line_twice_is_one_person_and_one_line_per_group_adds_them(base):
    report = take(base, HEADINGS + ALICE + ALICE + ALICE.replace("G1", "LV2"))
    assert told(report) == [
        (2, "taken"),
        (3, "unchanged", "already seen on line 2"),
        (4, "taken", "already seen on line 2", "its groups are added"),
    ]
    assert [group.name for group in Student.objects.get().groups.order_by("id")] == ["BUT1", "G1", "LV2"]
    assert outcomes(take(base, HEADINGS + ALICE + ALICE + ALICE.replace("G1", "LV2"))) == ["unchanged"] * 3


def test_one_identifier_and_birth_date_under_two_names_refuses_the_second(base):
    report = take(base, HEADINGS + ALICE + "BO;Bao;01/01/2005;111172100HG;BUT1;G1;bao@x.example;\n")
    assert told(report)[1] == (3, "refused", "the identifier is that of line 2, under another name")
    assert [str(student) for student in Student.objects.all()] == ["ADAM Alice"]


@pytest.mark.parametrize("name", ["ADAM;Alice", "BO;Bao"])
def test_one_identifier_with_two_birth_dates_refuses_the_second(base, name):
    report = take(base, HEADINGS + ALICE + f"{name};02/01/2005;111172100HG;BUT1;G1;bao@x.example;\n")
    assert told(report)[1] == (
        3,
        "refused",
        "the identifier is on line 2 with another birth date: a person must settle",
    )
    assert Student.objects.get().birth_on == date(2005, 1, 1)


def test_somebody_elses_identifier_in_a_later_file_is_refused(base):
    take(base, HEADINGS + ALICE)
    report = take(base, HEADINGS + "BO;Bao;03/03/2003;111172100HG;BUT1;G1;bao@x.example;\n")
    assert told(report) == [(2, "refused", "the identifier is already that of ADAM Alice: a person must settle")]
    assert Student.objects.get().email == "alice@x.example"


def test_homonyms_stay_apart(base):
    text = "Nom;Prénom;Né(e) le;INE;E-mail\n" + "".join(
        f"DURAND;Paul;{cells}\n"
        for cells in [
            "01/01/2005;111172100HG;",
            "01/01/2005;111172101HG;",
            "02/01/2005;;",
            "03/01/2005;;",
            "04/01/2005;;a@x.example",
            "04/01/2005;;b@x.example",
        ]
    )
    assert set(outcomes(take(base, text))) == {"taken"}
    assert Student.objects.count() == 6
    before = rows()
    assert set(outcomes(take(base, text))) == {"unchanged"}
    assert rows() == before


def test_two_homonyms_at_one_address_stay_apart_and_share_no_login(base):
    report = take(base, HEADINGS + ALICE + ALICE.replace("01/01/2005;111172100HG", "02/02/2006;111172101HG"))
    assert told(report)[1] == (3, "taken", "no login: the e-mail is already somebody else's login")
    assert [student.user_id is None for student in Student.objects.order_by("id")] == [False, True]


def test_missing_data_is_taken_and_told(base):
    report = take(base, HEADINGS + "BO;Bao;;;;;;\n")
    assert told(report) == [
        (2, "taken", "not ready for sign-in: missing identifier (INE or equivalent), date of birth")
    ]


@pytest.mark.parametrize(
    ("cells", "outcome", "remark", "identifier"),
    [
        ("FC-78183", "corrected", "“FC-78183” is no INE: taken as an internal number", ("internal", "FC-78183")),
        ("1521000847A", "taken", "the check key of the INE is wrong: taken, to be confirmed", ("ine", "1521000847A")),
        (" 87706 5413ge", "corrected", "INE put in its normal form", ("ine", "877065413GE")),
        ("092657934K", "corrected", "identifier “092657934K” not taken: wrong format", ("", "")),
    ],
)
def test_identifiers_as_files_hold_them(base, cells, outcome, remark, identifier):
    report = take(base, HEADINGS + ALICE.replace("111172100HG", cells))
    assert (report.lines[0].outcome.value, report.lines[0].remarks[0]) == (outcome, remark)
    student = Student.objects.get()
    assert (student.identifier_type, student.identifier) == identifier


def test_a_corrected_identifier_is_the_same_person_until_a_roll_call(base):
    take(base, HEADINGS + ALICE.replace("111172100HG", "1234567890X"))
    corrected = HEADINGS + ALICE.replace("111172100HG", "1234567890V")
    refused = take(base, corrected, on_roll_calls=set)
    assert told(refused) == [
        (2, "refused", "the identifier of a student on a roll call does not change by import: a person must settle")
    ]
    assert told(take(base, corrected)) == [(2, "updated", "changed: identifier")]
    assert Student.objects.get().identifier == "1234567890V"


def test_a_formula_in_a_name_refuses_the_line_and_elsewhere_the_cell(base):
    text = (
        HEADINGS
        + '"=HYPERLINK(""x"")";Anna;29/06/1999;720180142FE;B;G;anna@x.example;\n'
        + ALICE.replace(";\n", ";@SUM(1)\n")
    )
    assert told(take(base, text)) == [
        (2, "refused", "the name is a spreadsheet formula: write it as text"),
        (3, "corrected", "employer left out: it is a spreadsheet formula"),
    ]
    assert [(str(student), student.employer) for student in Student.objects.all()] == [("ADAM Alice", "")]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (";Alice;;;;;;", "there is no last name"),
        ("ADAM;;;;;;;", "there is no first name"),
        ("123;456;;;;;;", "the name holds no letter"),
        (f"{'A' * 101};Alice;;;;;;", "the name is longer than 100 characters"),
        (
            "ADAM;Alice;;;;;;Dupond; Fils",
            "there are more cells than headings: a delimiter inside a value shifted them",
        ),
    ],
)
def test_a_line_that_is_nobody_is_refused(base, line, why):
    assert told(take(base, f"{HEADINGS}{line}\n")) == [(2, "refused", why)]
    assert Student.objects.count() == 0


def test_the_same_group_name_in_two_cohorts_makes_two_groups(base):
    text = (
        HEADINGS
        + ALICE
        + ALICE.replace("ADAM;Alice", "BO;Bao")
        .replace("111172100HG", "111172101HG")
        .replace("BUT1", "BUT2")
        .replace("alice@", "bao@")
    )
    take(base, text)
    assert sorted(Group.objects.values_list("name", flat=True)) == ["BUT1", "BUT1 G1", "BUT2", "BUT2 G1"]
    assert outcomes(take(base, text)) == ["unchanged", "unchanged"]


def test_the_number_of_queries_does_not_grow_with_the_list(base):
    def queries(first, last):
        text = HEADINGS + "".join(
            f"NOM{number};Prénom;01/01/2005;{number:09d}HG;B;G;p{number}@x.example;\n" for number in range(first, last)
        )
        with CaptureQueriesContext(connection) as captured:
            take(base, text)
        return len(captured)

    queries(0, 1)
    assert queries(1, 2) == queries(2, 32)


def test_headings_are_told(base):
    report = take(base, "Nom;Prénom;Courriel;E-mail;Ville\nROY;Anne;a@x.example;;Lyon\n")
    assert report.notes == [
        "columns left aside, another one says the same: E-mail",
        "columns not known, left aside: Ville",
        "taken as teachers: no heading speaks of students (INE, birth date, group, employer)",
    ]
