"""The web base on a full disk: an act is refused as a whole with a page that says so, and signing goes on later."""

import re
import sqlite3
from contextlib import closing

import pytest

from tests.faults.disk import small_disk
from tests.test_asgi import Web, press, token

pytestmark = pytest.mark.processes


@pytest.fixture
def disk(tmp_path):
    with small_disk(tmp_path / "disk", megabytes=48) as disk:
        if disk is None:
            pytest.skip("no disk can be mounted here")
        yield disk


def marked(data):
    with closing(sqlite3.connect(f"file:{data / 'web/base.sqlite3'}?mode=ro", uri=True)) as base:
        return base.execute("SELECT count(*) FROM audit_outboxevent WHERE event = 'roll_call.marked'").fetchone()[0]


def test_what_cannot_be_written_is_refused_as_a_whole(disk):
    web = Web(disk.folder)
    web.server.start()
    with web.clients:
        teacher = web.browser("thomas")
        sheet = f"/teacher/meetings/{web.meeting}"
        assert press(teacher, sheet, f"{sheet}/start").status_code == 302
        page = teacher.get(sheet)
        line = re.search(r'id="line-([0-9a-f-]{36})"', page.text)[1]

        def mark(number):
            data = {"presence": ("absent", "present")[number % 2], "csrfmiddlewaretoken": token(page)}
            return teacher.post(f"/teacher/lines/{line}/mark", data=data, headers={"accept-language": "fr"})

        disk.fill()
        acknowledged, answer = 0, mark(0)
        while answer.is_redirect and acknowledged < 3000:
            acknowledged += 1
            answer = mark(acknowledged)
        assert (answer.status_code, "Rien ne peut être enregistré pour le moment" in answer.text) == (503, True)
        assert teacher.get("/login").status_code in {200, 302}
        assert marked(web.data) == acknowledged
        disk.make_room()
        assert mark(acknowledged).is_redirect
        assert marked(web.data) == acknowledged + 1
    assert web.server.stop() == 0
