from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from emarge.accounts.models import Right
from emarge.attendance import actions
from emarge.attendance.queries import closes_at, tally
from emarge.attendance.rules import Mode
from emarge.lib.refusal import Refused
from emarge.spaces.access import require_right, teacher_meeting_or_404, teacher_or_404, user_of
from emarge.spaces.clock import said
from emarge.spaces.signing import posted_signature, status_of
from emarge.spaces.teachers.states import facts_of, roll_call_of


@require_http_methods(["GET", "HEAD", "POST"])
def signature(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """The teacher signs; the first signature opens the sign-in and needs the right to enter absences."""
    meeting = teacher_meeting_or_404(request, uuid)
    roll_call = roll_call_of(meeting)
    if roll_call is None or (roll_call.ended_at is None and not Mode(roll_call.mode).by_code):
        return redirect("teachers:roll_call", meeting.uuid)
    after = "teachers:validation" if roll_call.ended_at else "teachers:roll_call"
    opens = roll_call.sign_in_opened_at is None
    if opens:
        require_right(request, Right.ENTER_ABSENCES)
    teacher = teacher_or_404(request)
    if any(each.teacher_id == teacher.pk for each in roll_call.teacher_signatures.all()):
        return redirect(after, meeting.uuid)
    now = timezone.now()
    refusal = None
    if request.method == "POST":
        try:
            actions.open_sign_in(
                roll_call,
                teacher=teacher,
                by=user_of(request),
                at=now,
                **posted_signature(request.POST),
            )
            return redirect(after, meeting.uuid)
        except Refused as refused:
            refusal = refused
    context = {
        "meeting": meeting,
        "facts": facts_of(meeting),
        "roll_call": roll_call,
        "count": tally(roll_call),
        "opens": opens,
        "by_code": Mode(roll_call.mode).by_code,
        "closes": said(closes_at(roll_call), now),
        "refusal": refusal,
    }
    return render(request, "teachers/signature.html", context, status=status_of(refusal))
