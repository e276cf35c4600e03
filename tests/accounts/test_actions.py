import re

import pytest
from django_scopes import scope

from emarge.accounts.actions import (
    DEFAULT_PROFILES,
    create_user,
    ensure_default_profiles,
    generate_password,
    set_password,
)
from emarge.accounts.models import Profile, Right, User
from emarge.hosting.actions import create_base
from emarge.lib.refusal import Refused

pytestmark = pytest.mark.django_db


@pytest.fixture
def base():
    base = create_base("School", "planning01", "2026-2027")
    with scope(base=base):
        yield base


def test_the_default_profiles_are_made_once_and_left_as_they_became(base):
    profiles = ensure_default_profiles(base)
    assert {name: profile.rights for name, profile in profiles.items()} == {
        "Administration": [right.value for right in Right],
        "Secretariat": [
            "open_for_teacher",
            "supervise",
            "validate_meetings",
            "edit_parameters",
            "edit_subjection",
            "request_audit_trails",
            "consult_histories",
            "manage_retention",
        ],
        "Teachers": ["enter_absences"],
        "Students": [],
    }
    Profile.objects.filter(name="Teachers").update(rights=[])
    assert ensure_default_profiles(base)["Teachers"].rights == []
    assert Profile.objects.count() == len(DEFAULT_PROFILES)


def test_a_user_cannot_log_in_until_a_password_is_set(base):
    profile = ensure_default_profiles(base)["Secretariat"]
    user = create_user(base, login=" Nadia@X.example", first_name="Nadia", last_name="L", profile=profile)
    assert (user.login, user.has_usable_password()) == ("nadia@x.example", False)
    set_password(user, "a long enough secret")
    assert User.objects.get().check_password("a long enough secret")


def test_a_login_is_taken_once_in_a_base(base):
    profile = ensure_default_profiles(base)["Secretariat"]
    create_user(base, login="nadia", first_name="Nadia", last_name="L", profile=profile)
    with pytest.raises(Refused) as refused:
        create_user(base, login="NADIA", first_name="Nadia", last_name="M", profile=profile)
    assert (refused.value.code, str(refused.value.text)) == ("login_taken", "The login nadia is taken.")
    assert User.objects.count() == 1


def test_generated_passwords_differ_and_can_be_read_aloud():
    made = {generate_password() for _ in range(50)}
    assert len(made) == 50
    assert all(re.fullmatch(r"([a-km-np-z2-9]{4}-){3}[a-km-np-z2-9]{4}", password) for password in made)
