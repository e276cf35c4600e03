from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from emarge.spaces.access import watched_meeting_or_404


@require_GET
def may_watch(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """Whether the person may watch a class meeting: 204, or what any other page would answer.

    The server asks this view before it streams (asgi.py), so that a stream goes through the middleware of
    any page: host name, session, base, rights.
    """
    watched_meeting_or_404(request, uuid)
    return HttpResponse(status=204)
