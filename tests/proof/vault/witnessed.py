"""A real vault process with real witness processes beside it."""

import httpx
from tests.proof.vault.process import Process

from emarge.proof.vault.setup import witnessing
from emarge.proof.vault.witness.witness import create_witness, vkey_of

WITNESS = """
import sys
from pathlib import Path
from emarge.proof.vault.witness.http import serve

serve(Path(sys.argv[1]), port=int(sys.argv[2]))
"""
VAULT = """
import os, sys
from pathlib import Path
from emarge.proof.vault.service.server import serve
from emarge.proof.vault.witness.client import WitnessClient

stamp = lambda digests: [digest + os.urandom(16) for digest in digests]
clients = {sys.argv[n]: WitnessClient(sys.argv[n + 1], sys.argv[n + 2]) for n in range(3, len(sys.argv), 3)}
serve(Path(sys.argv[1]), port=int(sys.argv[2]), stamp=stamp, witnesses=clients)
"""


class Witnessed:
    """A vault and its witnesses: made, told of each other, not started."""

    def __init__(self, folder, names):
        self.folder = folder
        self.witnesses, self.credentials, self.vkeys, words = {}, {}, [], []
        for name in names:
            place = folder.with_name(name)
            self.credentials[name] = create_witness(place, name=name)
            self.vkeys.append(vkey_of(place))
            witnessing.add(folder, self.vkeys[-1])
            self.witnesses[name] = Process(place, WITNESS)
            words += [self.vkeys[-1], self.witnesses[name].url, self.credentials[name]["vault"]]
        self.vault = Process(folder, VAULT, *words)

    def health(self):
        return httpx.get(f"{self.vault.url}/health", trust_env=False).json()["witnesses"]

    def ask(self, name, path, role="reader", method="GET", **more):
        headers = {"authorization": f"Bearer {self.credentials[name][role]}"}
        return httpx.request(method, self.witnesses[name].url + path, headers=headers, trust_env=False, **more)

    def stop(self):
        for process in (self.vault, *self.witnesses.values()):
            if process.process is not None and process.process.poll() is None:
                process.kill()
