from django.http import HttpRequest

_KEY = "notices"


def notice(request: HttpRequest, text: object) -> None:
    """Say ``text`` on the next page that this person sees, once. For a POST that succeeded and redirects."""
    request.session[_KEY] = [*request.session.get(_KEY, []), str(text)]


def take(request: HttpRequest) -> list[str]:
    """The notices not shown yet, now forgotten: a GET may call it, as the session is saved after the view."""
    session = getattr(request, "session", None)
    if session is None or _KEY not in session:
        return []
    notices: list[str] = session.pop(_KEY)
    return notices
