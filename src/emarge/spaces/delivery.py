"""How bytes reach a phone on a slow network: files that never come twice, pages compressed."""

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware
from whitenoise.middleware import WhiteNoiseMiddleware

from emarge.spaces.context import asset_version

FOR_EVER = "max-age=31536000, public, immutable"


class StaticFilesMiddleware(WhiteNoiseMiddleware):
    """Our files. Asked for under the version that is built now, one is kept for ever; under another, for an hour."""

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = super().__call__(request)
        if request.path_info in self.files and request.META.get("QUERY_STRING") == f"v={asset_version()}":
            response["Cache-Control"] = FOR_EVER
        return response


class PageCompressionMiddleware(GZipMiddleware):
    """Compresses pages and fragments, and nothing else.

    What a page repeats of a secret differs each time (the CSRF token is masked, a ticket is signed anew), and Django
    adds random bytes to the length: compressed lengths tell nothing (BREACH).
    """

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if not response.headers.get("Content-Type", "").startswith("text/html"):
            return response
        return super().process_response(request, response)
