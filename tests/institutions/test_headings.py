import pytest

from emarge.institutions.headings import Column, read_headings, score

CAMPUS = ["Nom", "Prénom", "Né(e) le", "INE", "Promotion", "Groupe", "E-mail", "Entreprise", "E-mail employeur"]


def test_the_columns_of_a_list_of_students():
    assert read_headings(CAMPUS).columns == {
        Column.LAST_NAME: 0,
        Column.FIRST_NAME: 1,
        Column.BIRTH_ON: 2,
        Column.INE: 3,
        Column.COHORT: 4,
        Column.GROUPS: 5,
        Column.EMAIL: 6,
        Column.EMPLOYER: 7,
        Column.EMPLOYER_EMAIL: 8,
    }
    assert read_headings(CAMPUS).teachers is False


@pytest.mark.parametrize(
    ("text", "column"),
    [
        ("NOM DE FAMILLE", Column.LAST_NAME),
        ("prenom(s)", Column.FIRST_NAME),
        ("Prénom de l’apprenant", Column.FIRST_NAME),
        ("Né.e le", Column.BIRTH_ON),
        ("Date de naissance (jj/mm/aaaa)", Column.BIRTH_ON),
        ("Birth date", Column.BIRTH_ON),
        ("N° INE", Column.INE),
        ("INE (ou INAA)", Column.INE),
        ("Nº étudiant", Column.INTERNAL),
        ("Courriel", Column.EMAIL),
        ("Adresse électronique", Column.EMAIL),
        ("E mail de l'employeur", Column.EMPLOYER_EMAIL),
        ("Employeur", Column.EMPLOYER),
        ("Promo", Column.COHORT),
        ("Groupe TD", Column.GROUPS),
    ],
)
def test_near_synonyms(text, column):
    other = "Prénom" if column is Column.LAST_NAME else "Nom"
    columns = read_headings([text, other]).columns
    assert columns[column] == 0


def test_a_class_alone_is_a_cohort_and_beside_a_cohort_a_group():
    assert read_headings(["Nom", "Prénom", "Classe"]).columns[Column.COHORT] == 2
    assert read_headings(["Nom", "Prénom", "Promotion", "Classe"]).columns[Column.GROUPS] == 3


def test_repeated_and_unknown_columns_are_named():
    found = read_headings(["Nom", "Prénom", "Courriel", "E-mail", "Ville"])
    assert (found.columns[Column.EMAIL], found.repeated, found.unknown) == (2, ("E-mail",), ("Ville",))


def test_one_column_holds_the_full_name():
    assert read_headings(["NOM Prénom", "INE"]).columns[Column.FULL_NAME] == 0
    assert read_headings(["Nom", "INE"]).columns[Column.FULL_NAME] == 0
    assert read_headings(["Prénom Nom", "INE"]).columns[Column.FULL_NAME_REVERSED] == 0


@pytest.mark.parametrize(
    ("cells", "teachers", "sure"),
    [
        (["Nom", "Prénom", "E-mail"], True, False),
        (["Nom", "Prénom", "E-mail", "Discipline"], True, True),
        (["Formateur", "Mél"], True, True),
        (["Nom", "Prénom", "E-mail", "Groupe"], False, True),
        (["Nom", "Prénom", "Date de naissance"], False, True),
        (["Étudiant", "E-mail"], False, True),
    ],
)
def test_students_or_teachers(cells, teachers, sure):
    found = read_headings(cells)
    assert (found.teachers, found.sure) == (teachers, sure)


@pytest.mark.parametrize("cells", [["Produit", "Prix"], ["Nom", "Prix"], ["Nom"], [""], []])
def test_what_heads_no_list_of_people(cells):
    assert score(cells) == 0
