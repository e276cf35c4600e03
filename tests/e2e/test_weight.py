"""What a phone loads on a slow network (400 kbit/s, 400 ms) before it is logged in."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Page

from tests.e2e.school import School

pytestmark = pytest.mark.e2e

MOST = 50_000
"""Bytes that a first visit may transfer, everything included."""
AGAIN = 6_000
"""The same for a second visit, when all files are kept."""
_SLOW = {"offline": False, "latency": 400, "downloadThroughput": 50_000, "uploadThroughput": 50_000}
PATHS = ("/login", "/Q/1/0123456789ABCDEF")


@pytest.fixture(scope="module")
def school(tmp_path_factory: pytest.TempPathFactory) -> Iterator[School]:
    school = School(tmp_path_factory.mktemp("weight") / "data", "en")
    school.make()
    school.start()
    try:
        yield school
    finally:
        school.stop()


@dataclass
class Load:
    transferred: int
    seconds: float


class Scale:
    """Weighs what a page of a browser transfers, headers included, on a slow network."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._bytes = 0
        wire = page.context.new_cdp_session(page)
        wire.on("Network.loadingFinished", self._finished)
        wire.send("Network.enable")
        wire.send("Network.emulateNetworkConditions", _SLOW)

    def _finished(self, told: dict[str, float]) -> None:
        self._bytes += int(told["encodedDataLength"])

    def load(self, path: str) -> Load:
        self._bytes, start = 0, time.perf_counter()
        self._page.goto(path, wait_until="networkidle")
        return Load(self._bytes, time.perf_counter() - start - 0.5)  # networkidle waits half a second


def test_a_first_visit_is_light_and_a_second_one_lighter(school, person):
    someone = person("student1", "en", "phone")
    someone.watch.expected |= {400, 403, 404, 409}  # the page of a code says why it does not count
    scale = Scale(someone.page)
    first = {path: scale.load(path) for path in PATHS}
    second = {path: scale.load(path) for path in PATHS}
    assert 0 < sum(load.transferred for load in first.values()) < MOST
    assert max(load.transferred for load in second.values()) < AGAIN
