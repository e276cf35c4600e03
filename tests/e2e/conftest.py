"""One browser for the run, people at it, and the running school that each module brings as its ``school``."""

import shutil
import subprocess
from collections.abc import Callable, Iterator

import hatch_build
import pytest
from playwright.sync_api import Browser, expect, sync_playwright

pytest.register_assert_rewrite("tests.e2e.school", "tests.e2e.people", "tests.e2e.screen")

from tests.e2e.people import SIZES, Person
from tests.e2e.school import ROOT, School

expect.set_options(timeout=15_000)  # milliseconds: what a busy machine may need

_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


@pytest.fixture(scope="package", autouse=True)
def built() -> None:
    """The front end and the catalogues, as a user gets them."""
    if not (ROOT / "src/emarge/static/built/app.js").exists():
        subprocess.run(["npm", "run", "build"], cwd=ROOT, check=True)
    hatch_build.compile_catalogues(ROOT)


# Not for the whole session: while it lives, the main thread has a running loop, which Django's tests refuse.
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=_ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def person(browser: Browser, school: School) -> Iterator[Callable[..., Person]]:
    """Somebody at a browser: ``person(role, language, size)``. English is shown light, French dark, to see both.

    A console error, an error of a page, a breach of the content security policy, a failed request or a status
    that the test did not expect fails the test, whatever else it found.
    """
    people: list[Person] = []

    def arrive(role: str, language: str, size: str, *, sharpness: int = 1) -> Person:
        width, height = SIZES[size]
        context = browser.new_context(
            base_url=school.url,
            locale={"en": "en-GB", "fr": "fr-FR"}[language],
            viewport={"width": width, "height": height},
            device_scale_factor=sharpness,
            has_touch=size == "phone",
            is_mobile=size == "phone",
            color_scheme="light" if language == "en" else "dark",
            reduced_motion="reduce",
        )
        people.append(Person(school, role, language, size, context))
        return people[-1]

    yield arrive
    faults = [(each.role, fault) for each in people for fault in each.watch.faults]
    for each in people:
        each.context.close()
    assert faults == []
