import gzip

import pytest
from django.test import Client

from emarge.spaces.context import _BUILT, asset_version
from tests.cast import make_school

pytestmark = pytest.mark.django_db


def browser() -> Client:
    return Client(headers={"host": "a.localhost", "accept-encoding": "gzip, br"})


def file_headers(path: str, query: dict[str, str]) -> tuple[str, str]:
    answer = browser().get(f"/static/built/{path}", query)
    assert b"".join(answer.streaming_content)
    answer.close()
    return answer["Cache-Control"], answer.get("Content-Encoding", "")


@pytest.mark.skipif(not (_BUILT / "app.css").exists(), reason="the front end is not built here")
def test_a_file_is_kept_for_ever_under_the_version_of_today_alone():
    assert file_headers("app.css", {"v": asset_version()}) == ("max-age=31536000, public, immutable", "br")
    assert file_headers("app.css", {"v": "old"}) == ("max-age=3600, public", "br")
    assert file_headers("app.css", {}) == ("max-age=3600, public", "br")


@pytest.mark.skipif(not (_BUILT / "app.css").exists(), reason="the front end is not built here")
def test_a_font_is_kept_for_ever_by_its_name():
    kept = {file_headers(font.name, {}) for font in _BUILT.glob("*.woff2")}
    assert kept == {("max-age=315360000, public, immutable", "")}


def test_a_page_is_compressed_with_a_length_that_varies_and_is_never_kept():
    make_school()
    answers = [browser().get("/login") for _ in range(20)]
    assert {answer["Content-Encoding"] for answer in answers} == {"gzip"}
    assert {answer["Cache-Control"].count("no-store") for answer in answers} == {1}
    assert len({len(answer.content) for answer in answers}) > 5
    assert "<h1>Log in</h1>" in gzip.decompress(answers[0].content).decode()


def test_a_page_stays_plain_for_who_cannot_read_it_otherwise():
    make_school()
    answer = Client(headers={"host": "a.localhost"}).get("/login")
    assert "Content-Encoding" not in answer.headers
    assert "Accept-Encoding" in answer["Vary"]


def test_the_login_page_asks_for_one_style_sheet_and_no_script():
    make_school()
    page = Client(headers={"host": "a.localhost"}).get("/login").content.decode()
    assert (page.count("<script"), page.count('rel="stylesheet"')) == (0, 1)
