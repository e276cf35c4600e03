"""How the golden bundle was made: ``python -m tests.proof.golden.make FOLDER`` writes another one like it.

Keys are drawn at random and thrown away, so the bytes differ each time: the golden bundle is never made again. It must
verify for ever with the fingerprint beside it. A change of format makes a new bundle beside it, under another name.
"""

import sys
import tempfile
from pathlib import Path

from tests.proof.evidence.school import School

from emarge.proof.evidence.verify import verify_bundle


def make(folder: Path) -> None:
    """Play one class meeting of the school of the tests and write its bundle with its fingerprint."""
    with tempfile.TemporaryDirectory() as keys:
        school = School(Path(keys) / "authority").play()
        data = school.bundle()
    verify_bundle(data, school.anchors.fingerprint)
    folder.mkdir(parents=True)
    (folder / "bundle.zip").write_bytes(data)
    (folder / "fingerprint").write_text(school.anchors.fingerprint + "\n", encoding="ascii")


if __name__ == "__main__":
    make(Path(sys.argv[1]))
