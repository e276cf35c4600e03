"""The words of the sheet: names of events, presences, states, in the language that is active."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

EVENTS = {
    "log.opened": _("History of the institution code begun"),
    "parameters.changed": _("Parameters changed"),
    "course_type.mode_set": _("Course type: mode of the roll call changed"),
    "course.mode_set": _("Course: mode of the roll call changed"),
    "course.flagged": _("Course: subject to sign-in changed"),
    "student.listed": _("Student: first entered on a roll sheet"),
    "student.flagged": _("Student: subject to sign-in changed"),
    "roll_call.opened": _("Roll call opened"),
    "roll_call.started": _("Roll call by QR code started"),
    "roll_call.scanned": _("Code scanned by the student"),
    "roll_call.marked": _("Presence marked"),
    "roll_call.ended": _("Roll call ended"),
    "sign_in.opened": _("Teacher's signature, sign-in opened"),
    "teacher.signed": _("Teacher's signature"),
    "sign_in.signed": _("Student's signature"),
    "sign_in.regularised": _("Presence regularised"),
    "meeting.validated": _("Class meeting validated"),
    "anomaly.reviewed": _("Anomaly of a scan or signature reviewed"),
    "audit_trail.requested": _("Audit trail requested"),
    "audit_trail.approved": _("Audit trail approved"),
    "audit_trail.refused": _("Audit trail refused"),
    "audit_trail.produced": _("Audit trail produced"),
    "audit_trail.downloaded": _("Audit trail handed over"),
    "student.corrected": _("Student: corrected"),
    "student.alias": _("Student: identifier or birth date corrected, old and new linked"),
    "history.consulted": _("History of a student consulted"),
    "retention.changed": _("Retention period changed"),
    "hold.placed": _("Legal hold placed"),
    "hold.lift_requested": _("Lifting of a legal hold requested"),
    "hold.lifted": _("Legal hold lifted"),
    "hold.lift_refused": _("Lifting of a legal hold refused"),
    "destruction.requested": _("Destruction at the end of retention requested"),
    "destruction.approved": _("Destruction at the end of retention approved"),
    "destruction.refused": _("Destruction at the end of retention refused"),
    "retention.destroyed": _("Destroyed at the end of retention"),
    "erasure.requested": _("Erasure of personal data requested"),
    "erasure.approved": _("Erasure of personal data approved"),
    "erasure.refused": _("Erasure of personal data refused"),
    "erasure.done": _("Personal data erased on request"),
    "clock.changed": _("State of the clock changed"),
    "certificate.downloaded": _("Certificate of destruction handed over"),
    "journal.sealed": _("Journal of the vault sealed for a day"),
}
ROLES = {
    "teacher": _("teacher"),
    "student": _("student"),
    "staff": _("staff"),
    "operator": _("operator"),
    "system": _("system"),
}
PRESENCES = {"present": _("Present"), "absent": _("Absent"), "late": _("Late")}
METHODS = {"drawn": _("drawn"), "keyboard": _("with the keyboard")}
MODES = {
    "by_teacher": _("By the teacher"),
    "set_qr": _("Set QR code"),
    "rolling_qr": _("Rolling QR code"),
}
CLOCKS = {
    "in_sync": _("clock in sync"),
    "soon_out_of_sync": _("clock soon out of sync"),
    "out_of_sync": _("clock out of sync"),
    "unknown": _("clock state unknown"),
}


def result(count: int, *, demo: bool) -> list[str]:
    """What the reader is told of the check, for a bundle of ``count`` records."""
    told = ngettext(
        "This bundle holds %(count)d record. "
        "It carries a trusted timestamp and the proof that it stands in the vault's log.",
        "This bundle holds %(count)d records. "
        "Each carries a trusted timestamp and the proof that it stands in the vault's log.",
        count,
    )
    meaning = _(
        "The whole bundle was verified when it was produced; one that does not verify is never handed over. "
        "This sheet only helps to read: the proof is the bundle, and anyone can check it as told at the end."
    )
    warning = _("DEMONSTRATION: the time comes from a system clock declared trusted, not from certified sources.")
    return [told % {"count": count}, str(meaning), *([str(warning)] if demo else [])]


def check() -> dict[str, Any]:
    """How to check the bundle offline."""
    return {
        "heading": str(_("How to check this bundle offline")),
        "paragraphs": [
            str(
                _(
                    "With the free software Émarge (Python 3.11 or later; its base is enough), on any computer, "
                    "without asking the school, its host or the maker of the software. "
                    "FINGERPRINT is the 64 characters that the school gives by another way than this bundle."
                )
            )
        ],
        "commands": ["emarge verify BUNDLE.zip --trust FINGERPRINT"],
        "notes": [
            str(
                _(
                    "The check needs no network. For each record it says who did what and when, or what is wrong and "
                    "in which file. The formats are open: RFC 3161 timestamps, an RFC 6962 log, C2SP checkpoints; "
                    "OpenSSL alone can check a timestamp."
                )
            ),
            str(
                _(
                    "The time on the server is the moment of the act as the school's server read it; the certified "
                    "time is that of the timestamp authority, with its accuracy. A record that was delivered late "
                    "keeps both."
                )
            ),
        ],
    }
