"""Where the process finds its data and its secrets: the environment, read once and failing loudly."""

import os
from pathlib import Path


class MissingSettingError(RuntimeError):
    """A setting without which the process must not start."""


def data_dir() -> Path:
    """The data folder named by EMARGE_DATA."""
    value = os.environ.get("EMARGE_DATA")
    if not value:
        raise MissingSettingError("EMARGE_DATA is not set: it names the data folder (the emarge command sets it).")
    return Path(value)


def flag(name: str, *, default: bool) -> bool:
    """A yes/no setting: 1 or 0."""
    value = os.environ.get(name)
    if value is None:
        return default
    if value not in {"0", "1"}:
        raise MissingSettingError(f"{name} must be 0 or 1, not {value!r}.")
    return value == "1"
