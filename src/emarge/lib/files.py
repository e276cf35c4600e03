import os
from pathlib import Path


def write_secret(path: Path, text: str) -> None:
    """Write a secret that only its owner can read; FileExistsError when the file is there already."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)


def replace_secret(path: Path, text: str) -> None:
    """Write a secret that only its owner can read, in place of the one that was there, if any."""
    temporary = path.with_name(path.name + ".new")
    temporary.unlink(missing_ok=True)
    write_secret(temporary, text)
    temporary.replace(path)
