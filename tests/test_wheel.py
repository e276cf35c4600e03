"""A wheel carries everything that its installation needs: no Node, no catalogue compiler."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
BUILT = ROOT / "src" / "emarge" / "static" / "built"


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)], cwd=ROOT, check=True)
    (wheel,) = folder.glob("emarge-*.whl")
    return set(zipfile.ZipFile(wheel).namelist())


def test_the_wheel_carries_the_built_front_end(names: set[str]) -> None:
    built = {path.relative_to(ROOT / "src").as_posix() for path in BUILT.rglob("*") if path.is_file()}
    assert {Path(name).name for name in built} >= {"app.js", "app.css"}
    assert built - names == set()


def test_the_wheel_carries_templates_formats_of_documents_and_the_demo_school(names: set[str]) -> None:
    package = ROOT / "src" / "emarge"
    wanted = {
        path.relative_to(ROOT / "src").as_posix()
        for suffix in ("*.html", "*.typ", "*.csv", "*.ics", "*.svg", "*.po", "*.py")
        for path in package.rglob(suffix)
    }
    assert wanted - names == set()


def test_the_wheel_carries_the_compiled_catalogue(names: set[str]) -> None:
    assert "emarge/locale/fr/LC_MESSAGES/django.mo" in names


def test_the_wheel_carries_nothing_of_the_tests(names: set[str]) -> None:
    assert {name.split("/")[0] for name in names if ".dist-info" not in name} == {"emarge"}
