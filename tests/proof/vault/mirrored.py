"""A real vault process with a real mirror process beside it."""

import time

import httpx
from tests.proof.vault.process import Process

from emarge.proof.vault.mirror.mirror import create_mirror, vkey_of
from emarge.proof.vault.setup import mirroring

MIRROR = """
import sys
from pathlib import Path
from emarge.proof.vault.mirror.http import serve

serve(Path(sys.argv[1]), port=int(sys.argv[2]))
"""
VAULT = """
import os, sys
from pathlib import Path
from emarge.proof.vault.mirror.client import MirrorClient
from emarge.proof.vault.service.server import serve

stamp = lambda digests: [digest + os.urandom(16) for digest in digests]
mirror = MirrorClient(sys.argv[3], sys.argv[4])
serve(Path(sys.argv[1]), port=int(sys.argv[2]), stamp=stamp, mirror=mirror)
"""


class Site:
    """The two processes; the mirror is made, and the vault told, with a policy."""

    def __init__(self, folder, policy):
        self.folder = folder
        self.mirror_folder = folder.with_name("mirror")
        self.credentials = create_mirror(self.mirror_folder, name="mirror.example")
        self.vkey = vkey_of(self.mirror_folder)
        mirroring.configure(folder, mirroring.Mirroring(self.vkey, policy))
        self.mirror = Process(self.mirror_folder, MIRROR)
        self.vault = Process(folder, VAULT, self.mirror.url, self.credentials["vault"])

    def health(self):
        return httpx.get(f"{self.vault.url}/health", trust_env=False).json()["mirror"]

    def await_health(self, state):
        """Wait until the vault says this of its mirror."""
        for _ in range(2000):
            if self.health() == state:
                return
            time.sleep(0.01)
        raise RuntimeError(f"the mirror is {self.health()}, never {state}")

    def ask_mirror(self, path, role="reader", method="GET", **more):
        headers = {"authorization": f"Bearer {self.credentials[role]}"} | more.pop("headers", {})
        return httpx.request(method, self.mirror.url + path, headers=headers, trust_env=False, **more)

    def stop(self):
        for process in (self.vault, self.mirror):
            if process.process is not None and process.process.poll() is None:
                process.kill()
