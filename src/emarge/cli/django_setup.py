import os
import secrets
from pathlib import Path

from emarge.cli.errors import CommandError
from emarge.cli.verify import language
from emarge.lib.files import write_secret


def setup(data: Path, *, create: bool = False) -> None:
    """Point Django at a data folder and start it; with ``create``, make the folder's web part if it is not there.

    Raises CommandError when the folder holds no base and ``create`` was not asked for, so that a mistyped path
    never makes an empty school.
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
        write_secret(web / "secret-key", secrets.token_urlsafe(48))
    os.environ["EMARGE_DATA"] = str(data)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "emarge.settings")

    import django
    from django.core.management import call_command
    from django.utils import translation

    django.setup()
    translation.activate(language(os.environ))
    call_command("migrate", verbosity=0, interactive=False)
