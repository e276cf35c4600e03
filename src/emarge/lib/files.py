import os
from pathlib import Path


def write_secret(path: Path, text: str) -> None:
    """Write a secret that only its owner can read; an existing file is never replaced."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
