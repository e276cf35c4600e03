import os
import subprocess
import sys

import pytest
from django.core.exceptions import MiddlewareNotUsed
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from emarge.hosting.middleware import ReverseProxyMiddleware


def _address(request: HttpRequest) -> str:
    return ReverseProxyMiddleware(lambda each: HttpResponse(each.META["REMOTE_ADDR"]))(request).content.decode()


def test_no_header_is_believed_without_a_proxy(settings) -> None:
    settings.BEHIND_PROXY = False
    with pytest.raises(MiddlewareNotUsed):
        ReverseProxyMiddleware(lambda _: HttpResponse())


@pytest.mark.parametrize(
    ("forwarded", "address"),
    [
        ({"X-Forwarded-For": "203.0.113.9"}, "203.0.113.9"),
        ({"X-Forwarded-For": "forged, 198.51.100.1, 203.0.113.9"}, "203.0.113.9"),
        ({"X-Forwarded-For": ""}, "127.0.0.1"),
        ({}, "127.0.0.1"),
    ],
)
def test_behind_a_proxy_its_own_entry_is_the_persons_address(settings, forwarded, address) -> None:
    settings.BEHIND_PROXY = True
    assert _address(RequestFactory().get("/", headers=forwarded)) == address


def test_a_form_sent_over_https_through_the_proxy_passes_the_origin_check(tmp_path) -> None:
    """In a process of its own, since settings are read once."""
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "secret-key").write_text("a key for this test only, never used to serve anybody")
    code = (
        "from django.test import RequestFactory as F; from django.conf import settings;"
        "import django; django.setup();"
        "r = F().post('/', headers={'X-Forwarded-Proto': 'https', 'Host': 'localhost', 'Origin': 'https://localhost'});"
        "from django.middleware.csrf import CsrfViewMiddleware as C;"
        "print(C(lambda _: None)._origin_verified(r), settings.SESSION_COOKIE_SECURE)"
    )
    environment = {
        **os.environ,
        "EMARGE_DATA": str(tmp_path),
        "EMARGE_HTTPS": "1",
        "DJANGO_SETTINGS_MODULE": "emarge.settings",
    }
    answer = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert answer.stdout.split() == ["True", "True"]
