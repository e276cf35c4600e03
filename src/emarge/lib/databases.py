"""Where the base is: an SQLite file in the data folder, or the PostgreSQL database that is configured."""

import os
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from emarge.lib.env import MissingSettingError


def database_of(data: Path) -> dict[str, Any]:
    """Django's settings for the base of a data folder; MissingSettingError when what is configured cannot be used.

    ``EMARGE_DATABASE`` says where it is, else the file ``web/database``; without either it is an SQLite file.
    """
    file = data / "web" / "database"
    written = file.read_text(encoding="utf-8") if file.exists() else ""
    address = (os.environ.get("EMARGE_DATABASE") or written).strip()
    return postgresql(address) if address else _sqlite(data / "web" / "base.sqlite3")


def postgresql(address: str) -> dict[str, Any]:
    """Django's settings for a PostgreSQL address, as libpq reads it."""
    if find_spec("psycopg") is None:
        raise MissingSettingError(
            "A base in PostgreSQL needs one more package: pip install 'emarge[server,postgresql]'."
        )
    settings: dict[str, Any] = import_module("emarge.lib.postgresql").settings_of(address)
    return settings


def _sqlite(file: Path) -> dict[str, Any]:
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": file,
        "CONN_MAX_AGE": None,
        "OPTIONS": {
            # Writers queue at BEGIN, not in the middle of a transaction; FULL makes a commit durable; what is
            # deleted or emptied is overwritten with zeros (keys wait here until the vault has them).
            "transaction_mode": "IMMEDIATE",
            "timeout": 30,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; "
            "PRAGMA secure_delete=ON;",
        },
    }
