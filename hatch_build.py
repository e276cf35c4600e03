"""Build hook: a wheel carries the built front end and the compiled catalogues, so that installing it needs no Node."""

from pathlib import Path
from typing import Any

import polib
from hatchling.builders.hooks.plugin.interface import BuildHookInterface


def compile_catalogues(root: Path) -> None:
    """Write each ``.mo`` beside its ``.po``."""
    for catalogue in (root / "src/emarge/locale").rglob("*.po"):
        polib.pofile(str(catalogue)).save_as_mofile(str(catalogue.with_suffix(".mo")))


class BuildHook(BuildHookInterface):  # type: ignore[type-arg]
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002
        root = Path(self.root)
        compile_catalogues(root)
        built = root / "src/emarge/static/built"
        if version != "editable" and not (built / "app.js").exists():
            raise FileNotFoundError("The front end is not built: run `make build` first.")
