"""What can be wrong with a piece of evidence."""

from enum import StrEnum


class CanonicalError(ValueError):
    """Not an RFC 8785 object of our profile (docs/formats/record.md)."""


class RecordError(ValueError):
    """Not a record (docs/formats/record.md)."""


class ContentError(ValueError):
    """A content that does not open, or does not say what a content says (docs/formats/contents.md)."""


class CommitmentError(ContentError):
    """Content and key are not those that the record committed to."""


class TrustError(ValueError):
    """Not a set of trust anchors (docs/formats/trust.md)."""


class ManifestError(ValueError):
    """Not a manifest (docs/formats/bundle.md)."""


class BundleError(ValueError):
    """Not a canonical container (docs/formats/bundle.md).

    ``file`` is the name inside the bundle where the fault was met, empty when it is the container itself.
    """

    def __init__(self, detail: str, file: str = "") -> None:
        super().__init__(detail)
        self.file = file


class Fault(StrEnum):
    """The name of each way in which a bundle can fail. Names never change: scripts read them."""

    CONTAINER = "container"
    FILE_MISSING = "file_missing"
    FILE_UNEXPECTED = "file_unexpected"
    FILE_CHANGED = "file_changed"
    TRUST_FINGERPRINT = "trust_fingerprint"
    TRUST_MALFORMED = "trust_malformed"
    MANIFEST_MALFORMED = "manifest_malformed"
    MANIFEST_NOT_RECORDED = "manifest_not_recorded"
    CODE = "code"
    CHECKPOINT = "checkpoint"
    NOT_MIRRORED = "not_mirrored"
    NOT_WITNESSED = "not_witnessed"
    PROOF_MALFORMED = "proof_malformed"
    NOT_IN_LOG = "not_in_log"
    RECORD_MALFORMED = "record_malformed"
    RECORD_REPEATED = "record_repeated"
    TOKEN = "token"  # noqa: S105 - the name of a fault, not a credential
    CERTIFICATE = "certificate"
    TIME = "time"
    TIME_ORDER = "time_order"
    COMMITMENT = "commitment"
    CONTENT = "content"
    PRODUCTION = "production"
    APPROVAL = "approval"
    ROSTER = "roster"
    PRESENCE = "presence"
    WINDOW = "window"


class EvidenceError(Exception):
    """The bundle is refused: ``fault`` says what is wrong, ``file`` where, ``detail`` why (technical)."""

    def __init__(self, fault: Fault, file: str, detail: str) -> None:
        super().__init__(f"{fault.value}: {file}: {detail}" if file else f"{fault.value}: {detail}")
        self.fault = fault
        self.file = file
        self.detail = detail
