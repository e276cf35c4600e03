from uuid import UUID

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()


@register.simple_tag
def live_count(meeting: UUID, name: str, value: int) -> SafeString:
    """A number of a class meeting which the live stream of the page keeps up to date (docs/formats/live.md)."""
    return format_html('<span data-counts="{}" data-count="{}">{}</span>', meeting, name, value)
