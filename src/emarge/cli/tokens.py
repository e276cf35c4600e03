"""What the vault and the mirror are told of timestamp tokens: they do not know their format themselves."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


def token_time(token: bytes) -> "datetime":
    """The instant that a timestamp token states; DestructionError when it cannot be read."""
    from emarge.proof.timestamping.errors import TimestampError
    from emarge.proof.timestamping.verify import read_token
    from emarge.proof.vault.errors import DestructionError

    try:
        return read_token(token).gen_time
    except TimestampError as error:
        raise DestructionError(str(error)) from error


def token_digest(token: bytes) -> bytes:
    """The SHA-256 that a timestamp token was made over; DestructionError when it cannot be read."""
    from emarge.proof.timestamping.errors import TimestampError
    from emarge.proof.timestamping.verify import stamped_digest
    from emarge.proof.vault.errors import DestructionError

    try:
        return stamped_digest(token)
    except TimestampError as error:
        raise DestructionError(str(error)) from error
