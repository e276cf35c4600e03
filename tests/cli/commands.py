"""The real command, in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def emarge(*words, language="C.UTF-8"):
    """Run ``emarge`` with these words; its exit code, what it printed, and what it complained of."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("EMARGE", "DJANGO", "LC_"))
    }
    environment |= {"PYTHONPATH": str(ROOT / "src"), "LANG": language}
    done = subprocess.run(
        [sys.executable, "-m", "emarge", *map(str, words)],
        capture_output=True,
        encoding="utf-8",
        check=False,
        env=environment,
    )
    return done.returncode, done.stdout, done.stderr
