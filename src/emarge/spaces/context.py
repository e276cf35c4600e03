from typing import Any

from django.http import HttpRequest


def shell(request: HttpRequest) -> dict[str, Any]:
    """What every page of the spaces shows around its content."""
    return {"base": getattr(request, "base", None)}
