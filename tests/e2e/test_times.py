"""How can I be sure of the recorded times? A secretary asks: a receiver lies, then nobody answers."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.school import School
from tests.e2e.screen import look
from tests.proof.timestamping.receivers import Chronyd, Gpsd, NtpServer

pytestmark = pytest.mark.e2e

SEALED_MS, WITHIN_MS = 60_000, 60_000
EXCLUDED = {"en": "Excluded now: GPS receiver.", "fr": "Source exclue en ce moment : Récepteur GPS."}
GOOD = {"en": "Checked now: good", "fr": "Vérifié maintenant : bon"}
NO_AUTHORITY = {"en": "The timestamp authority does not answer now.", "fr": "Le serveur d’horodatage ne répond pas"}
NO_VAULT = {"en": "The vault does not answer now", "fr": "Le coffre ne répond pas en ce moment"}
SIZES = (("en", "desktop"), ("fr", "phone"))


@dataclass
class Timed(School):
    """A school whose time is compared from sources."""

    sources: dict[str, str] = field(default_factory=dict)

    def _environment(self) -> dict[str, str]:
        return super()._environment() | self.sources


@pytest.fixture(scope="module")
def receiver() -> Iterator[Gpsd]:
    gpsd = Gpsd().start()
    yield gpsd
    gpsd.stop()


@pytest.fixture(scope="module")
def school(tmp_path_factory: pytest.TempPathFactory, receiver: Gpsd) -> Iterator[School]:
    folder = tmp_path_factory.mktemp("times")
    ntp = NtpServer()
    chronyd = Chronyd(folder / "chronyd", ntp).start()
    sources = {
        "EMARGE_GPSD": f"127.0.0.1:{receiver.port}",
        "EMARGE_CHRONYD": chronyd.address,
        "EMARGE_GPS_LAG_MS": "300",
        "EMARGE_ACCURACY_MS": "250",
    }
    school = Timed(folder / "data", "en", sources=sources)
    try:
        school.make()
        school.start()
        yield school
        school.stop()
    finally:
        if school.process is not None:
            school.process.terminate()
        chronyd.kill()
        ntp.stop()


def test_a_liar_is_named_and_a_record_is_proved(school, receiver, person, tmp_path):
    receiver.lie = 3.0
    meeting = school.plan("open").meeting
    for language, size in SIZES:
        secretary = person("secretary", language, size)
        page = secretary.page
        page.goto("/secretariat/times")
        secretary.log_in()
        _until_said(page, EXCLUDED[language])
        expect(page.locator("#changes + table tbody tr").first).to_be_visible()
        page.locator("details summary").click()
        _drawn(page)
        look(secretary, "times", narrow=True)
        page.goto(f"/secretariat/supervision?meeting={meeting}")
        expect(page.locator("#signatures .state-sealed").first).to_be_visible(timeout=SEALED_MS)
        expect(page.locator("[hx-get$='/times/standing'] .state").first).to_be_visible()
        look(secretary, "supervision-standing", narrow=True)
        page.locator("#signatures a[href*='/records/']").first.click()
        expect(page.get_by_text(GOOD[language])).to_have_count(2)
        look(secretary, "time-proof", narrow=True)
    _checks_alone(page, tmp_path)
    receiver.lie = 0.0


def _until_said(page: Page, words: str) -> None:
    """Load the page again until it says something: it does not refresh by itself."""
    for _ in range(WITHIN_MS // 500):
        if page.get_by_text(words).count():
            return
        page.wait_for_timeout(500)
        page.reload()
    raise AssertionError(page.locator("main").inner_text())


def _drawn(page: Page) -> None:
    width = page.locator("picture img").evaluate("image => image.complete && image.naturalWidth")
    assert width in {360, 960}


def _checks_alone(page: Page, folder: Path) -> None:
    """The four files and the command of the page, by OpenSSL."""
    for link in page.locator("#oneself ~ ul a").all():
        with page.expect_download() as download:
            link.click()
        download.value.save_as(folder / download.value.suggested_filename)
    command = page.locator("#oneself ~ pre").inner_text().split()
    openssl = shutil.which(command[0])
    assert openssl is not None

    def run() -> subprocess.CompletedProcess[str]:
        environment = {"PATH": os.environ["PATH"]}
        return subprocess.run(
            [openssl, *command[1:]], cwd=folder, env=environment, capture_output=True, text=True, check=False
        )

    done = run()
    assert (done.returncode, "Verification: OK" in done.stdout) == (0, True), done.stderr
    record = folder / "record.json"
    record.write_bytes(record.read_bytes().replace(b'"at":"2', b'"at":"1'))
    assert run().returncode != 0


def test_whoever_does_not_answer_is_named(school, person):
    meeting = school.plan("open").meeting
    for language, size in SIZES:
        secretary = person("secretary", language, size)
        page = secretary.page
        page.goto(f"/secretariat/supervision?meeting={meeting}")
        secretary.log_in()
        expect(page.locator("#signatures .state-sealed").first).to_be_visible(timeout=SEALED_MS)
        proof = page.locator("#signatures a[href*='/records/']").first.get_attribute("href")
        assert proof is not None
        with school.without("timestamping"):
            page.goto("/secretariat/times")
            expect(page.get_by_text(NO_AUTHORITY[language])).to_be_visible()
            expect(page.locator("#changes + table tbody tr").first).to_be_visible()
            look(secretary, "times-no-authority", narrow=True)
        with school.without("vault"):
            page.goto(proof)
            expect(page.get_by_text(NO_VAULT[language])).to_be_visible()
            look(secretary, "time-proof-no-vault", narrow=True)


def test_another_base_or_a_person_without_the_right_sees_no_proof(school, person):
    secretary = person("secretary", "en", "desktop")
    secretary.watch.expected.add(404)
    secretary.page.goto("/secretariat/records/00000000-0000-4000-8000-000000000000")
    secretary.log_in()
    expect(secretary.page.locator("main")).to_contain_text("Nothing is kept at this address")
