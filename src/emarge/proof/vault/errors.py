"""What can go wrong with the log: each class is one kind of answer to the caller."""


class VaultError(Exception):
    """Root of the errors of this package. The text names the fault and never holds personal data."""


class ProofError(VaultError):
    """A Merkle proof, or its text form, does not prove what it should."""


class CheckpointError(VaultError):
    """A checkpoint is not exactly what its log would have signed."""


class EntryError(VaultError):
    """Bytes are not the entry of a record, or a record does not fit in an entry."""


class DestructionError(VaultError):
    """A plan, a certificate or a token of a destruction is not what its log would have signed, or cannot be read."""


class CorruptVault(VaultError):  # noqa: N818 - it names a state of the vault, found by reading it
    """What is on disk contradicts itself or a signed checkpoint. The text names the first fault."""


class MissingTileError(CorruptVault):
    """A tile or an entry bundle that the log should have is nowhere."""


class DurabilityLost(VaultError):  # noqa: N818 - it names a state: nobody knows any more what is on disk
    """A write, fsync or rename failed. Fatal: stop, check the vault, only then start again."""


class ServerLostError(DurabilityLost):
    """A server that keeps part of the vault hung up, or did not take a write. As fatal, but no disk of ours failed."""


class StampUnavailable(VaultError):  # noqa: N818 - an answer to retry later, not a fault of the program
    """The timestamp authority gave no tokens. Nothing was written; the caller tries again later."""


class VaultUnavailable(VaultError):  # noqa: N818 - an answer to retry later, not a fault of the program
    """The vault cannot be reached, or cannot work now. A retry of the same call is harmless."""


class StoreUnavailableError(VaultUnavailable):
    """The bucket of a log does not answer, or not with what it holds. The text names the object."""


class VaultRefused(VaultError):  # noqa: N818 - a refusal is an answer, not an error of the program
    """The vault will not do it, now or later. ``code`` never changes; ``text`` is English, for operators."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(f"{code}: {text}")
        self.code = code
        self.text = text
