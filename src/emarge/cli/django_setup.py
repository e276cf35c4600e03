import os
import secrets
from pathlib import Path

from emarge.cli.errors import CommandError
from emarge.cli.verify import language
from emarge.lib.env import MissingSettingError
from emarge.lib.files import replace_secret, write_secret


def setup(data: Path, *, create: bool = False) -> None:
    """Point Django at a data folder and start it; with ``create``, make the folder's web part if it is not there.

    Raises CommandError when the folder holds no base and ``create`` was not asked for, so that a mistyped path
    or address never makes an empty school, and when PostgreSQL is configured and cannot be used.
    """
    os.umask(0o077)  # a school's data is its own: nothing made from here on is readable by other accounts
    web = data / "web"
    if not (web / "secret-key").exists():
        if not create:
            raise CommandError(
                f"There is no base in {data}. Make one with `emarge demo --data {data}` "
                f"or `emarge import FILE… --data {data}`."
            )
        web.mkdir(parents=True, exist_ok=True)
        if os.environ.get("EMARGE_DATABASE"):  # kept: a command that is not told it would make a second base
            replace_secret(web / "database", os.environ["EMARGE_DATABASE"])
        write_secret(web / "secret-key", secrets.token_urlsafe(48))
    os.environ["EMARGE_DATA"] = str(data)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "emarge.settings")

    import django
    from django.db import OperationalError
    from django.utils import translation

    try:
        django.setup()
    except MissingSettingError as error:
        raise CommandError(str(error), code=2) from None
    translation.activate(language(os.environ))
    try:
        _migrate(create=create)
    except OperationalError as error:
        raise CommandError(f"The base cannot be opened: {error}") from error


def _migrate(*, create: bool) -> None:
    from django.core.management import call_command
    from django.db import connection
    from django.db.migrations.recorder import MigrationRecorder

    from emarge.audit.locks import held

    if connection.vendor == "postgresql" and not create and not MigrationRecorder(connection).has_table():
        raise CommandError("The PostgreSQL database that is configured holds no base: `emarge import` makes one there.")
    with held("migrations"):  # several web processes may start at once
        call_command("migrate", verbosity=0, interactive=False)
