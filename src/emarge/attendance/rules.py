"""Decisions on values: who may do what and when. Standard library only."""

from enum import Enum

MAX_EXTENSION_MINUTES = 10 * 24 * 60
DEFAULT_EXTENSION_MINUTES = 15


class Mode(Enum):
    """How the roll is called."""

    BY_TEACHER = "by_teacher"
    SET_QR = "set_qr"
    ROLLING_QR = "rolling_qr"


class Presence(Enum):
    """The roll-call status of a student (row M4.2). A late student is present and signs."""

    PRESENT = "present"
    ABSENT = "absent"
    LATE = "late"


class Method(Enum):
    """How a signature was made. The keyboard is the assistive alternative (row M5.3)."""

    DRAWN = "drawn"
    KEYBOARD = "keyboard"
