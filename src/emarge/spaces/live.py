"""Who may watch: asked of Django when a stream opens, and again while it stays open (docs/formats/live.md)."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from emarge.accounts.models import Right
from emarge.spaces.access import base_of, require_right, watched_meeting_or_404

TOPIC = "X-Emarge-Topic"


@require_GET
def may_watch(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """Whether the person may watch a class meeting: 204, or what any other page would answer.

    The server asks this view before it streams (asgi.py), so that a stream goes through the middleware of
    any page: host name, session, base, rights.
    """
    watched_meeting_or_404(request, uuid)
    return HttpResponse(status=204, headers={TOPIC: str(uuid)})


@require_GET
def may_watch_base(request: HttpRequest) -> HttpResponse:
    """Whether the person may watch all class meetings of the base, in the same way."""
    require_right(request, Right.SUPERVISE)
    return HttpResponse(status=204, headers={TOPIC: str(base_of(request).uuid)})
