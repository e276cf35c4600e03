import pytest

from .commands import emarge

STAFF = ("--profile", "secretariat", "--first-name", "Nadia", "--last-name", "LEFÈVRE")


@pytest.fixture
def data(tmp_path):
    teachers = tmp_path / "teachers.csv"
    teachers.write_text("Formateur;Mail\nROY Anne;anne@x.example\n", encoding="utf-8")
    emarge("import", teachers, "--data", tmp_path / "data")
    return tmp_path / "data"


def password(told, login):
    first, second = told.splitlines()
    assert first == f"login:    {login}"
    return second.removeprefix("password: ")


def test_a_user_is_added_once_and_given_passwords(data):
    code, told, _complaints = emarge("user", "add", "Nadia", *STAFF, "--data", data)
    first = password(told, "nadia")
    assert (code, len(first)) == (0, 19)
    code, _told, complaints = emarge("user", "add", "nadia", *STAFF, "--data", data)
    assert (code, complaints) == (1, "emarge: The login nadia is taken.\n")
    code, told, _complaints = emarge("user", "password", "anne@x.example", "--data", data)
    assert code == 0
    assert password(told, "anne@x.example") != first


def test_an_unknown_login_or_profile_is_refused(data):
    assert emarge("user", "password", "nobody", "--data", data)[::2] == (1, "emarge: Nobody logs in as nobody.\n")
    code, _told, complaints = emarge("user", "add", "x", *STAFF[2:], "--profile", "King", "--data", data)
    assert (code, complaints) == (
        2,
        "emarge: There is no profile King. There are: Administration, Secretariat, Students, Teachers.\n",
    )
