"""A vault that is configured for neither needs neither boto3 nor psycopg; one that is says what is missing."""

import subprocess
import sys

import pytest
from tests.proof.vault.process import SOURCES

SCRIPT = """
import sys
from importlib.util import find_spec
sys.modules |= {"boto3": None, "botocore": None, "psycopg": None}
from pathlib import Path
from emarge.cli import arguments, vault
from emarge.proof.vault.service import http
from emarge.proof.vault.service import server
from emarge.proof.vault.checking.check import check_vault
from emarge.proof.vault.setup.create import create_vault
from emarge.proof.vault.service.opened import Vault
folder = Path(sys.argv[1])
create_vault(folder, name="vault.example")
opened = Vault(folder, lambda digests: [b"token"] * len(digests))
opened.open_log("school")
opened.close()
print(len(check_vault(folder)))
try:
    vault.create_vault(folder.parent / "data", name="vault.example", **{sys.argv[2]: sys.argv[3]})
except Exception as error:
    print(error)
"""


@pytest.mark.parametrize(
    ("option", "value", "extra"),
    [("postgresql", "postgresql://localhost/x", "postgresql"), ("store", "s3://bucket/prefix", "s3")],
)
def test_neither_is_needed_unless_it_is_asked_for(tmp_path, option, value, extra):
    command = [sys.executable, "-c", SCRIPT, str(tmp_path / "vault"), option, value]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env={"PYTHONPATH": str(SOURCES)})
    assert done.stdout == f"1\nThis needs more packages: pip install 'emarge[server,{extra}]'.\n"
    assert not (tmp_path / "data" / "vault").exists()
