"""What a refusal says to whoever is refused: what happened, and what to do."""

from typing import Any

from django.utils.translation import gettext_lazy as _

from emarge.attendance.rules import Mode, Refusal
from emarge.lib.refusal import Refused

MODES = {
    Mode.BY_TEACHER: _("By teacher"),
    Mode.SET_QR: _("By set QR code"),
    Mode.ROLLING_QR: _("By rolling QR code"),
}
"""How a roll is called, as screens say it."""

TEXTS: dict[Refusal, Any] = {
    Refusal.NO_RIGHT: _("Your profile does not include the right that this needs. Ask an administrator of the base."),
    Refusal.NOT_ACTIVE: _(
        "Digital sign-in is not active in this base. The secretariat activates it in the parameters."
    ),
    Refusal.CODE_OF_ANOTHER_ACCOUNT: _(
        "This institution code belongs to another customer. Choose one from the list, or make a new one."
    ),
    Refusal.EXTENSION_OUT_OF_RANGE: _("The extension must be between 1 minute and 10 days."),
    Refusal.ROSTER_TOO_LARGE: _(
        "More than 5,000 students are in the groups of this class meeting, which must be a mistake. "
        "Ask the secretariat to correct its groups."
    ),
    Refusal.MEETING_CANCELLED: _(
        "This class meeting is cancelled, so its roll cannot be called. "
        "If it takes place, ask the secretariat to restore it."
    ),
    Refusal.NOT_YOUR_MEETING: _(
        "You do not teach this class meeting. If the timetable is wrong, tell the secretariat."
    ),
    Refusal.TOO_EARLY_TO_CALL: _("The roll can be called from 15 minutes before the class meeting starts."),
    Refusal.TOO_LATE_TO_CALL: _(
        "This class meeting ended more than 7 days ago, so its roll sheet can no longer be filled. "
        "Tell the secretariat."
    ),
    Refusal.ROLL_CALL_ENDED: _(
        "The roll call has ended, so this mark can no longer change here. Tell the secretariat."
    ),
    Refusal.ROLL_CALL_NOT_ENDED: _("The roll call has not ended yet. End it first."),
    Refusal.MINUTES_OUT_OF_RANGE: _("The minutes of lateness must be between 0 and 1,440."),
    Refusal.REASON_TOO_LONG: _("The reason is too long. Shorten it."),
    Refusal.REASON_MISSING: _("A reason is needed. Write why this student is present without a signature."),
    Refusal.NOTE_MISSING: _("A note is needed. Write what you found out about this anomaly."),
    Refusal.ANOMALY_CHANGED: _("This anomaly is no longer as you saw it. Read it again, then mark it as reviewed."),
    Refusal.MEETING_SEALED: _("This class meeting has been validated and is sealed: nothing in it can change."),
    Refusal.SIGN_IN_TOO_EARLY: _("The sign-in can be opened from 15 minutes before the class meeting starts."),
    Refusal.SIGN_IN_NOT_OPEN: _(
        "The sign-in is not open yet. It opens when your teacher has called the roll and signed."
    ),
    Refusal.WINDOW_CLOSED: _("The time to sign is over. The secretariat can regularise your presence."),
    Refusal.WINDOW_STILL_OPEN: _(
        "Students may still sign. Wait until the sign-in closes, or until everyone has signed."
    ),
    Refusal.SOMEONE_ELSE: _("This signature is asked of somebody else. You can only sign for yourself."),
    Refusal.NOT_EXPECTED: _("No signature is expected here: the course or the student is not subject to sign-in."),
    Refusal.ABSENT: _(
        "You were marked absent, so you cannot sign. If you are in the class, tell your teacher or the secretariat."
    ),
    Refusal.NOT_LISTED: _(
        "You are not on the roll sheet of this class meeting. If you attend it, tell your teacher: "
        "the secretariat can correct your groups."
    ),
    Refusal.NOT_BY_CODE: _("The roll of this class meeting is called by the teacher, not by QR code."),
    Refusal.PERIOD_OUT_OF_RANGE: _("The period of a rolling code must be between 5 and 120 seconds."),
    Refusal.GRACE_OUT_OF_RANGE: _("The grace of a rolling code must be between 0 and 300 seconds."),
    Refusal.NOT_STARTED: _("The roll call by QR code has not started. Scan again when your teacher has started it."),
    Refusal.CODE_WRONG: _("This is not the code of a class meeting that you attend now. Check it, and try again."),
    Refusal.CODE_TOO_OLD: _("This code is no longer the one on the screen. Scan the one that is shown now."),
    Refusal.TOO_MANY_TRIES: _("Too many wrong codes. Wait half a minute, then type the one that is shown."),
    Refusal.SCAN_EXPIRED: _("Too much time has passed since this scan. Scan the code on the screen again."),
    Refusal.NOT_SCANNED: _(
        "You have not scanned the code of this class meeting. Scan the one on the screen, then sign."
    ),
    Refusal.OTHER_DEVICE: _("The code was scanned with another device. Sign with that one, or scan the code again."),
    Refusal.GRANT_EXPIRED: _(
        "The time to sign after your scan is over. Scan the code on the screen again; "
        "if the roll call has ended, the secretariat can regularise your presence."
    ),
    Refusal.TEACHER_UNSIGNED: _(
        "The roll call was opened in the teacher's place and no teacher has signed yet. Ask the teacher to sign."
    ),
    Refusal.CONSENT_MISSING: _("To sign with the keyboard, tick the sentence of consent and type your name."),
    Refusal.METHOD_UNKNOWN: _("The signature did not arrive in a form that we know. Load the page again and sign."),
    Refusal.DRAWING_EMPTY: _("The signature is empty. Draw it in the frame, then validate."),
    Refusal.DRAWING_TOO_LARGE: _("The signature is too large. Start over with a simpler one."),
    Refusal.DRAWING_MALFORMED: _("The signature did not arrive whole. Start over, or load the page again."),
    Refusal.ALREADY_SIGNED: _("This student has signed, so there is nothing to settle."),
    Refusal.ALREADY_SETTLED: _("The secretariat has already settled this presence."),
    Refusal.LINES_UNSETTLED: _(
        "Some students are present but have not signed. Settle each of them first, with a reason."
    ),
    Refusal.CORRECTION_UNEXPLAINED: _("A reason is needed. Write why this student is corrected."),
    Refusal.NAME_MISSING: _("Write both the last name and the first name."),
    Refusal.IDENTITY_NEEDED: _(
        "This student is subject to sign-in, so the identifier and the date of birth cannot be left empty."
    ),
    Refusal.IDENTITY_TAKEN: _(
        "Another student of this base has this identifier and this date of birth. Check them with both students."
    ),
}


def refused(refusal: Refusal) -> Refused:
    """A refusal with its text, to be raised."""
    return Refused(refusal.value, TEXTS[refusal])


def refuse(refusal: Refusal | None) -> None:
    """Raise the refusal that a rule gave, with its text; do nothing when it gave none."""
    if refusal is not None:
        raise refused(refusal)
