"""The product's settings over a throw-away data folder."""

import atexit
import os
import shutil
import tempfile
from contextlib import ExitStack
from pathlib import Path

_data = Path(tempfile.mkdtemp(prefix="emarge-tests-"))
atexit.register(shutil.rmtree, _data, ignore_errors=True)
(_data / "web").mkdir()
(_data / "web" / "secret-key").write_text("a key for tests only, never used to serve anybody")
os.environ.setdefault("EMARGE_DATA", str(_data))

from emarge.settings import *  # noqa: F403

if os.environ.get("EMARGE_TEST_DATABASE") == "postgresql":
    from emarge.lib.databases import postgresql
    from tests.proof.vault.servers import postgresql as a_server

    _server = ExitStack()
    DATABASES = {"default": postgresql(_server.enter_context(a_server())("emarge"))}
    atexit.register(_server.close)  # now, so that it comes before the server's own
else:
    # A file, not memory: tests with threads need SQLite's real locks.
    DATABASES["default"]["TEST"] = {"NAME": _data / "web" / "test.sqlite3"}

# The cast logs in hundreds of times; what a password costs is tested on the product's own hasher, in tests/accounts.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
