import secrets
from collections.abc import Sequence

from django.contrib.sessions.models import Session
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from emarge.accounts.models import Profile, Right, User
from emarge.hosting.models import Base
from emarge.lib.refusal import Refused

ADMINISTRATION, SECRETARIAT, TEACHERS, STUDENTS = "Administration", "Secretariat", "Teachers", "Students"
DEFAULT_PROFILES: dict[str, list[Right]] = {
    ADMINISTRATION: list(Right),
    SECRETARIAT: [
        Right.OPEN_FOR_TEACHER,
        Right.SUPERVISE,
        Right.VALIDATE_MEETINGS,
        Right.EDIT_PARAMETERS,
        Right.EDIT_SUBJECTION,
        Right.REQUEST_AUDIT_TRAILS,
        Right.CONSULT_HISTORIES,
        Right.MANAGE_RETENTION,
    ],
    TEACHERS: [Right.ENTER_ABSENCES],
    STUDENTS: [],
}
# No sign that is easily taken for another: these are read on paper and typed.
_READABLE_SIGNS = "abcdefghijkmnpqrstuvwxyz23456789"
_GROUPS, _GROUP_LENGTH = 4, 4


@transaction.atomic
def ensure_default_profiles(base: Base) -> dict[str, Profile]:
    """The profiles that every base starts with, by name. Those that exist are left as somebody made them."""
    profiles = {profile.name: profile for profile in Profile.objects.filter(base=base)}
    for name, rights in DEFAULT_PROFILES.items():
        if name not in profiles:
            profiles[name] = Profile.objects.create(base=base, name=name, rights=[right.value for right in rights])
    return profiles


@transaction.atomic
def create_user(base: Base, *, login: str, first_name: str, last_name: str, profile: Profile) -> User:
    """Make somebody who may log in once a password is set; Refused when the login is taken."""
    user = new_user(base, login=login, first_name=first_name, last_name=last_name, profile=profile)
    if User.objects.filter(base=base, login=user.login).exists():
        raise Refused("login_taken", _("The login %(login)s is taken.") % {"login": user.login})
    user.save()
    return user


def new_user(base: Base, *, login: str, first_name: str, last_name: str, profile: Profile) -> User:
    """A user not yet written, who cannot log in until a password is set."""
    user = User(base=base, login=login.strip().lower(), first_name=first_name, last_name=last_name, profile=profile)
    user.set_unusable_password()
    return user


@transaction.atomic
def create_users(users: Sequence[User]) -> None:
    """Write many new users at once."""
    User.objects.bulk_create(users, batch_size=500)


@transaction.atomic
def set_password(user: User, password: str) -> None:
    """Replace a user's password."""
    user.set_password(password)
    user.save(update_fields=["password"])


def forget_ended_sessions() -> None:
    """Delete the sessions that open nothing any more."""
    ended = Session.objects.filter(expire_date__lte=timezone.now())
    if ended.exists():
        ended.delete()


def generate_password() -> str:
    """A password to hand out: 80 random bits, in groups that can be read aloud."""
    signs = ["".join(secrets.choice(_READABLE_SIGNS) for _sign in range(_GROUP_LENGTH)) for _group in range(_GROUPS)]
    return "-".join(signs)
