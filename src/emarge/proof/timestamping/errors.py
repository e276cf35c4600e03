"""What can be wrong with a token, with a request, and with the service that answers."""

from enum import StrEnum


class Fault(StrEnum):
    """Why a token is refused. The words are stable: reports and tests quote them."""

    MALFORMED = "malformed"
    UNEXPECTED_PART = "unexpected part"
    OTHER_DATA = "other data"
    NOT_BOUND = "not bound"
    UNKNOWN_CERTIFICATE = "unknown certificate"
    WRONG_USAGE = "wrong usage"
    OUT_OF_PERIOD = "out of period"
    UNTRUSTED = "untrusted"
    HIGH_S = "high s"
    BAD_SIGNATURE = "bad signature"
    INACCURATE = "inaccurate"
    OTHER_REQUEST = "other request"
    OTHER_POLICY = "other policy"
    OTHER_TIME = "other time"


class TimestampError(Exception):
    """The token does not prove what it should; ``fault`` names the rule of docs/formats/timestamping.md."""

    def __init__(self, fault: Fault, text: str) -> None:
        super().__init__(f"timestamp token refused ({fault}): {text}")
        self.fault = fault


class TimestampUnavailable(Exception):  # noqa: N818 - a state of the service: the caller waits and asks again
    """No token now. Nothing was given or promised, and the same request may be sent again."""


class AuthorityError(Exception):
    """The authority's folder cannot be used: it exists, is incomplete, or another process signs with it."""


class AuthorityInUse(AuthorityError):  # noqa: N818 - a state that may pass: the other process may be about to end
    """Another process signs with the authority."""


class ClockUnfit(Exception):  # noqa: N818 - an answer (timeNotAvailable), not a fault of the program
    """No instant can be certified now; the text says why."""
