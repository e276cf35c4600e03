"""Who may ask the vault what: one credential for each role, of which the vault keeps the SHA-256 alone."""

import hmac
import json
import os
import secrets
from pathlib import Path

from emarge.proof.vault.errors import CorruptVault, VaultRefused
from emarge.proof.vault.setup.create import CONFIGURATION, FIRST_ROLES, ROLES, credential_hash
from emarge.proof.vault.storage import files


class Credentials:
    """The credentials of a vault as ``vault.json`` has them now: a renewed one stops the old one at once."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / CONFIGURATION
        self._folder = folder
        self._seen: tuple[int, int, int] | None = None
        self._known: dict[str, str] = {}

    def role(self, credential: str) -> str | None:
        """The role of a credential, or None. Takes the same time for each credential of the same length.

        Raises CorruptVault when the configuration cannot be read any more: then nobody gets in.
        """
        self._follow()
        digest = credential_hash(credential)
        found = None
        for role, known in self._known.items():
            if hmac.compare_digest(digest, known):
                found = role
        return found

    def _follow(self) -> None:
        try:
            about = os.stat(self._path)  # noqa: PTH116 - on the way of every request: the plain call is the quick one
        except OSError:
            raise CorruptVault(f"{CONFIGURATION} is missing") from None
        seen = (about.st_ino, about.st_mtime_ns, about.st_size)
        if seen != self._seen:
            _, self._known = read_configuration(self._folder)
            self._seen = seen


def read_configuration(folder: Path) -> tuple[str, dict[str, str]]:
    """The vault's name and the hash of each role's credential; VaultRefused when there is no vault there.

    A vault made before the later roles has none for these until it is given them.
    """
    try:
        values = json.loads((folder / CONFIGURATION).read_bytes())
        name, credentials = values["name"], values["credentials"]
        roles = set(credentials)
    except FileNotFoundError:
        raise VaultRefused("no_vault", f"there is no vault in {folder.name}: one is only made on purpose") from None
    except (ValueError, KeyError, TypeError):
        raise CorruptVault(f"{CONFIGURATION} is unreadable") from None
    if not set(FIRST_ROLES) <= roles <= set(ROLES) or not all(isinstance(one, str) for one in credentials.values()):
        raise CorruptVault(f"{CONFIGURATION} does not hold one credential for each role")
    return name, credentials


def missing(folder: Path) -> list[str]:
    """The roles for which a vault has no credential yet."""
    _, credentials = read_configuration(folder)
    return [role for role in ROLES if role not in credentials]


def renew(folder: Path, roles: list[str]) -> dict[str, str]:
    """Give each of these roles a new credential, which exists nowhere else; the old ones stop at once.

    The vault may be running. Raises VaultRefused (``unknown_role``) when a role is none of the vault's.
    """
    name, hashes = read_configuration(folder)
    if unknown := sorted(set(roles) - set(ROLES)):
        raise VaultRefused("unknown_role", f"{unknown[0]} is no role: there are {', '.join(ROLES)}")
    made = {role: secrets.token_urlsafe(32) for role in roles}
    hashes = hashes | {role: credential_hash(credential) for role, credential in made.items()}
    ordered = {role: hashes[role] for role in ROLES if role in hashes}
    files.replace(folder / CONFIGURATION, json.dumps({"name": name, "credentials": ordered}, indent=1).encode() + b"\n")
    return made
