"""Every text of the product is in the French catalogue, and none of them is doubtful."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import polib
import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "src" / "emarge"
CATALOGUE = PACKAGE / "locale" / "fr" / "LC_MESSAGES" / "django.po"


def _texts_of_the_code(folder: Path) -> set[tuple[str | None, str]]:
    """What makemessages finds in a copy of the sources that has no catalogue yet."""
    copy = folder / "emarge"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("built", "__pycache__", "locale"))
    (copy / "locale").mkdir()
    subprocess.run(
        ["django-admin", "makemessages", "-l", "fr", "--no-location"],
        cwd=copy,
        env={"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin"},
        check=True,
        capture_output=True,
    )
    found = polib.pofile(str(copy / "locale" / "fr" / "LC_MESSAGES" / "django.po"))
    return {(entry.msgctxt, entry.msgid) for entry in found}


@pytest.mark.skipif(shutil.which("xgettext") is None, reason="xgettext (package gettext) is not installed")
def test_the_catalogue_holds_the_texts_of_the_code_and_no_others(tmp_path: Path) -> None:
    held = {(entry.msgctxt, entry.msgid) for entry in polib.pofile(str(CATALOGUE)) if not entry.obsolete}
    assert held ^ _texts_of_the_code(tmp_path) == set()


def test_no_text_is_left_in_english_or_doubtful() -> None:
    catalogue = polib.pofile(str(CATALOGUE))
    assert [entry.msgid for entry in catalogue.untranslated_entries() + catalogue.fuzzy_entries()] == []


def test_each_translation_keeps_the_placeholders_of_its_text() -> None:
    placeholder = re.compile(r"%\([a-z_]+\)[sd]|%[sd]|\{[a-z_]*\}")
    wrong = [
        entry.msgid
        for entry in polib.pofile(str(CATALOGUE))
        if entry.msgstr and sorted(placeholder.findall(entry.msgid)) != sorted(placeholder.findall(entry.msgstr))
    ]
    assert wrong == []
