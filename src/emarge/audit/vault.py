"""Reaches the vault: its address from the environment, one credential per role from the data folder."""

import os

from emarge.lib.env import data_dir
from emarge.proof.vault.errors import VaultRefused, VaultUnavailable
from emarge.proof.vault.service.client import VaultClient

PATIENCE = 30.0
"""Seconds to wait for an answer: a deposit is stamped and made durable before it comes."""

__all__ = ["PATIENCE", "VaultRefused", "VaultUnavailable", "client", "mirror"]


def client(role: str, *, timeout: float = PATIENCE) -> VaultClient:
    """A client of the vault in a role: ``opener``, ``writer`` or ``reader``. Use it as a context manager.

    Raises VaultUnavailable when no address or no credential is set: deliveries then wait.
    """
    url = os.environ.get("EMARGE_VAULT_URL")
    if not url:
        raise VaultUnavailable("EMARGE_VAULT_URL is not set: it says where the vault answers")
    path = data_dir() / "credentials" / f"vault-{role}"
    try:
        credential = path.read_text(encoding="ascii").strip()
    except OSError as error:
        raise VaultUnavailable(f"the credential {path.name} cannot be read: {error.strerror}") from error
    return VaultClient(url, credential, timeout=timeout)


def mirror() -> str | None:
    """What the vault says of its mirror, for a screen (see VaultClient.mirror); None when it does not answer."""
    try:
        with client("reader") as reader:
            return reader.mirror()
    except VaultUnavailable:
        return None
