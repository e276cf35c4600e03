"""Shared by the tests of the log: a naive tree, a key that never changes, vaults, real server processes."""

import hashlib
import itertools
import uuid

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.proof.vault import servers
from tests.proof.vault.process import Process

from emarge.proof.vault.log.deposits import Deposit
from emarge.proof.vault.service.client import VaultClient
from emarge.proof.vault.service.opened import Vault
from emarge.proof.vault.setup.create import create_vault


@pytest.fixture
def key():
    return Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


@pytest.fixture
def naive_root():
    """RFC 6962 section 2.1 word for word, over entries: slow and obvious."""

    def mth(entries):
        if not entries:
            return hashlib.sha256(b"").digest()
        if len(entries) == 1:
            return hashlib.sha256(b"\x00" + entries[0]).digest()
        k = 1
        while k * 2 < len(entries):
            k *= 2
        return hashlib.sha256(b"\x01" + mth(entries[:k]) + mth(entries[k:])).digest()

    return mth


@pytest.fixture
def deposit():
    """Makes a deposit; every uuid is new unless given."""

    def make(payload=b"{}", *labels, name=None, content=b""):
        key = b"k" * 32 if content else b""
        return Deposit(name or str(uuid.uuid4()), payload, labels, content, key)

    return make


def stamp(digests):
    return [b"token of " + digest for digest in digests]


@pytest.fixture(scope="session")
def postgresql_server():
    with servers.postgresql() as address:
        yield address


@pytest.fixture
def database(postgresql_server):
    """The address of a new, empty PostgreSQL database."""
    import psycopg

    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(postgresql_server("postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return postgresql_server(name)


@pytest.fixture(scope="session")
def seaweed_server():
    with servers.seaweed() as server:
        yield server


@pytest.fixture
def s3(seaweed_server, monkeypatch):
    """The server, and the right to use it, for this process and those that it starts."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", servers.ACCESS)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", servers.SECRET)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    return seaweed_server


@pytest.fixture
def place(s3):
    """A new folder of the bucket that locks."""
    from emarge.proof.vault.storage.s3 import Place

    return Place.parse(f"s3://{servers.LOCKED}/{uuid.uuid4().hex}", s3.endpoint)


@pytest.fixture
def credentials(tmp_path):
    return create_vault(tmp_path / "vault", name="vault.example")


@pytest.fixture
def folder(tmp_path, credentials):
    return tmp_path / "vault"


@pytest.fixture
def opened(folder):
    """Opens the vault, as often as a test wants, with the stamp it wants."""
    vaults = []

    def open_vault(stamp=stamp):
        for vault in vaults:
            vault.close()
        vaults[:] = [Vault(folder, stamp)]
        return vaults[0]

    yield open_vault
    for vault in vaults:
        vault.close()


@pytest.fixture
def writer(opened):
    return opened().open_log("school")


@pytest.fixture
def process(folder):
    process = Process(folder)
    yield process
    if process.process is not None and process.process.poll() is None:
        process.kill()


@pytest.fixture(scope="module")
def standing(tmp_path_factory):
    """One process for all the requests that it must refuse, with an empty log ``school``, and its credentials."""
    folder = tmp_path_factory.mktemp("standing") / "vault"
    credentials = create_vault(folder, name="vault.example")
    process = Process(folder).start()
    with VaultClient(process.url, credentials["opener"]) as opener:
        opener.open_log("school")
    yield process, credentials
    process.kill()


STRANGERS = itertools.count()


def stranger():
    """A client from an address of its own: wrong credentials are counted by peer."""
    number = next(STRANGERS)
    address = f"127.0.{1 + number // 200}.{1 + number % 200}"
    return httpx.Client(transport=httpx.HTTPTransport(local_address=address, trust_env=False), trust_env=False)


@pytest.fixture
def ask(standing):
    """One bare request under a role; the answer's status and refusal code."""
    process, credentials = standing

    def ask(method, path, role="writer", **more):
        headers = {"authorization": f"Bearer {credentials[role]}"} if role else {}
        with stranger() if role is None else httpx.Client(trust_env=False) as client:
            answer = client.request(method, process.url + path, headers=headers, **more)
        return answer.status_code, None if answer.is_success else answer.json()["code"]

    return ask
