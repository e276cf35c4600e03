"""Every write of attendance: one function per thing a person does.

Each one locks, asks the rules, writes, and records its event, in one transaction; a refusal
(``lib.refusal.Refused``) leaves nothing written.
"""

from emarge.attendance.actions.anomalies import review_anomaly
from emarge.attendance.actions.corrections import correct_student, record_corrections
from emarge.attendance.actions.parameters import (
    activate,
    deactivate,
    flag_courses,
    flag_students,
    grace_of,
    set_extension,
    set_mode_of_courses,
    set_mode_of_type,
    set_rolling,
)
from emarge.attendance.actions.roll_call import end_roll_call, mark, open_roll_call
from emarge.attendance.actions.scan import arrive, scan
from emarge.attendance.actions.sign_in import open_for_teacher, open_sign_in, sign_in
from emarge.attendance.actions.supervision import settle, validate_meeting

__all__ = [
    "activate",
    "arrive",
    "correct_student",
    "deactivate",
    "end_roll_call",
    "flag_courses",
    "flag_students",
    "grace_of",
    "mark",
    "open_for_teacher",
    "open_roll_call",
    "open_sign_in",
    "record_corrections",
    "review_anomaly",
    "scan",
    "set_extension",
    "set_mode_of_courses",
    "set_mode_of_type",
    "set_rolling",
    "settle",
    "sign_in",
    "validate_meeting",
]
