import argparse
from typing import TYPE_CHECKING

from emarge.cli.arguments import add_data
from emarge.cli.errors import CommandError

if TYPE_CHECKING:
    from emarge.accounts.models import Profile
    from emarge.cli.parsers import Subparsers
    from emarge.hosting.models import Base


def add_parser(subparsers: "Subparsers") -> argparse.ArgumentParser:
    parser = subparsers.add_parser("user", help="add somebody who logs in, or give a new password")
    commands = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    add = commands.add_parser("add", help="add a user; the password is generated and printed once")
    add.add_argument("login", metavar="LOGIN")
    add.add_argument("--profile", required=True, metavar="NAME", help="for instance Administration or Secretariat")
    add.add_argument("--first-name", required=True)
    add.add_argument("--last-name", required=True)
    password = commands.add_parser("password", help="give a user a new password, printed once")
    password.add_argument("login", metavar="LOGIN")
    for command in (add, password):
        command.add_argument("--base", metavar="NAME", help="which base, when there are several")
        add_data(command)
    return parser


def run(args: argparse.Namespace) -> int:
    from emarge.cli.django_setup import setup

    setup(args.data)

    from django_scopes import scope

    from emarge.accounts.actions import create_user, generate_password, set_password
    from emarge.accounts.models import User
    from emarge.cli.import_ import choose_base
    from emarge.lib.refusal import Refused

    base = choose_base(args.base)
    login = args.login.strip().lower()
    with scope(base=base):
        if args.action == "add":
            try:
                create_user(
                    base,
                    login=login,
                    first_name=args.first_name,
                    last_name=args.last_name,
                    profile=_profile(base, args.profile),
                )
            except Refused as refusal:
                raise CommandError(str(refusal.text)) from None
        user = User.objects.filter(base=base, login=login).first()
        if user is None:
            raise CommandError(f"Nobody logs in as {login}.")
        password = generate_password()
        set_password(user, password)
    print(f"login:    {login}\npassword: {password}")
    return 0


def _profile(base: "Base", name: str) -> "Profile":
    from emarge.accounts.actions import ensure_default_profiles

    profiles = ensure_default_profiles(base)
    found = next((profile for key, profile in profiles.items() if key.lower() == name.lower()), None)
    if found is None:
        raise CommandError(f"There is no profile {name}. There are: {', '.join(sorted(profiles))}.", code=2)
    return found
