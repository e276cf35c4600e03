"""The house rules that no other tool checks."""

import importlib
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parent.parent


def _tracked() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [path for name in listed.stdout.split("\0") if name and (path := ROOT / name).is_file()]


def test_each_package_says_in_its_docstring_what_its_row_of_the_map_says() -> None:
    rows = dict(re.findall(r"^\| `([a-z._]+)` \| (.+) \|$", (ROOT / "ARCHITECTURE.md").read_text(), re.MULTILINE))
    packages = {
        ".".join(path.parent.relative_to(ROOT / "src/emarge").parts)
        for path in (ROOT / "src/emarge").rglob("__init__.py")
        if "migrations" not in path.parts
    } - {""}
    mapped = {name for name in packages if name in rows}
    assert {name: importlib.import_module(f"emarge.{name}").__doc__ for name in mapped} == {
        name: rows[name] for name in mapped
    }
    top = {name for name in packages if "." not in name or name.startswith("proof.")}
    assert top - mapped == set()


def test_no_lock_names_a_package_server() -> None:
    locks = [*ROOT.glob("requirements*.txt"), ROOT / "package-lock.json"]
    assert len(locks) == 4
    found = [
        (lock.name, line)
        for lock in locks
        for line in lock.read_text().splitlines()
        if "--index-url" in line or '"resolved"' in line or "--find-links" in line
    ]
    assert found == []


def test_no_file_names_a_place_of_the_machine_it_was_written_on() -> None:
    # Built from parts, so that this file does not find itself.
    places = ["/" + "root/", "/" + "home/", f"{ROOT.parent}/"]
    found = [
        (str(path.relative_to(ROOT)), place)
        for path in _tracked()
        if path.suffix in {".py", ".md", ".ts", ".css", ".html", ".toml", ".json", ".txt", ".po", ""}
        for place in places
        if place in path.read_text(encoding="utf-8", errors="ignore")
    ]
    assert found == []
