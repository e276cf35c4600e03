"""How Django opens a PostgreSQL database; imported when one is configured, since an extra brings the driver."""

from typing import Any

from psycopg import IsolationLevel, ProgrammingError
from psycopg.conninfo import conninfo_to_dict

from emarge.lib.env import MissingSettingError

_SESSION = (
    # What is acknowledged is on the server's disk, whatever the database or the role says.
    "-c synchronous_commit=on "
    # Nobody waits longer than on SQLite for somebody else's transaction, nor for a process that was stopped in one.
    "-c lock_timeout=30s -c idle_in_transaction_session_timeout=300s"
)
_SILENCE = {
    "connect_timeout": 10,  # seconds
    "keepalives_idle": 10,  # seconds
    "keepalives_interval": 5,  # seconds
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,  # milliseconds
}


def settings_of(address: str) -> dict[str, Any]:
    """Django's settings for an address as libpq reads it (postgresql://…); MissingSettingError when it is not fit."""
    try:
        given = conninfo_to_dict(address)
    except ProgrammingError:
        raise MissingSettingError("The address of the PostgreSQL database cannot be read.") from None
    if given.pop("password", None):
        raise MissingSettingError(
            "Keep the password out of the database's address: PGPASSFILE or PGPASSWORD brings it."
        )
    if not given.get("dbname"):
        raise MissingSettingError("The address of the PostgreSQL database names no database: postgresql://host/name")
    options = {**_SILENCE, "application_name": "emarge", **given}
    names = {"NAME": "dbname", "USER": "user", "HOST": "host", "PORT": "port"}
    return {
        "ENGINE": "django.db.backends.postgresql",
        **{name: str(options.pop(key, "")) for name, key in names.items()},
        # A connection lives as long as its thread, and is opened again when the server had dropped it.
        "CONN_MAX_AGE": None,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {
            **options,
            "options": f"{given.get('options', '')} {_SESSION}".strip(),
            "isolation_level": IsolationLevel.READ_COMMITTED,
        },
    }
