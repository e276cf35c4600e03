"""A vault whose filled tiles are in a bucket with Object Lock, on a real storage server."""

import hashlib
import json
import logging
import random
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from botocore.exceptions import ClientError
from tests.cli.commands import emarge
from tests.proof.vault import servers
from tests.proof.vault.aged import Authority, open_vault, retention
from tests.proof.vault.process import Process
from tests.proof.vault.test_crash import Load

from emarge.proof.vault.checking.check import check_vault
from emarge.proof.vault.errors import CorruptVault, DurabilityLost, VaultRefused, VaultUnavailable
from emarge.proof.vault.log.checkpoint import open_checkpoint
from emarge.proof.vault.log.deposits import Deposit
from emarge.proof.vault.log.merkle import leaf_hash
from emarge.proof.vault.log.tiles import ENTRIES, Tile, decode_bundle, tiles_of
from emarge.proof.vault.service.client import VaultClient
from emarge.proof.vault.setup.create import create_vault
from emarge.proof.vault.storage.reader import LogReader
from emarge.proof.vault.storage.retention import SHORTEST, Retention
from emarge.proof.vault.storage.s3 import Bucket, LockedStore, Place
from emarge.proof.vault.storage.store import FileStore


@pytest.fixture
def credentials(tmp_path, place):
    return create_vault(tmp_path / "vault", name="vault.example", place=place)


@pytest.fixture
def log(writer, deposit):
    """600 entries in tiles, and 5 that wait in the staging file."""
    for count, publish in ((300, True), (300, True), (5, False)):
        writer.write([[deposit(b"record %d" % (writer.size + number)) for number in range(count)]])
        if publish:
            writer.publish()
    return writer.log


@pytest.fixture
def somebody(s3, place):
    """S3 as somebody reaches it who has the vault's own right to the bucket."""
    return s3.client(), lambda name: {"Bucket": servers.LOCKED, "Key": key(place, name)}


@pytest.fixture
def held(s3, place, log):
    """What the bucket holds of the log: each version of each object, by name."""

    def held():
        found = {}
        prefix = f"{place.prefix}/logs/school/"
        for one in s3.client().list_object_versions(Bucket=servers.LOCKED, Prefix=prefix).get("Versions", []):
            found.setdefault(one["Key"].removeprefix(prefix), []).append(one["VersionId"])
        return found

    return held


def key(place, name):
    return f"{place.prefix}/logs/school/{name}"


def fault(folder):
    with pytest.raises(CorruptVault) as caught:
        check_vault(folder)
    return str(caught.value)


def refusal(call, *values, **named):
    with pytest.raises(VaultRefused) as caught:
        call(*values, **named)
    return caught.value.code


class TestEitherStore:
    """What the port promises, whatever is behind it."""

    @pytest.fixture(params=["files", "bucket"])
    def store(self, request, tmp_path):
        folder = tmp_path / "logs" / "school"
        folder.mkdir(parents=True)
        if request.param == "files":
            return FileStore(folder)
        return LockedStore(folder, request.getfixturevalue("place").under("logs/school"))

    def test_tiles_are_put_once_and_read(self, store):
        tiles = {Tile(0, 0): b"x" * 8192, Tile(ENTRIES, 0): b"entries", Tile(0, 1, 3): b"y" * 96}
        for _ in range(2):
            store.put_all(tiles)
        assert {tile: store.read(tile) for tile in tiles} == tiles
        assert store.read(Tile(0, 2)) is None
        assert sorted(set(store.names())) == sorted(tile.path for tile in tiles)

    @pytest.mark.parametrize("tile", [Tile(0, 0), Tile(0, 0, 7)])
    def test_other_bytes_are_never_put_over_the_first(self, store, tile):
        store.put_all({tile: b"first"})
        with pytest.raises(CorruptVault, match=r"already (in the store|there) with other bytes"):
            store.put_all({tile: b"other"})
        assert store.read(tile) == b"first"

    def test_partial_tiles_come_and_go(self, store):
        small, large = Tile(0, 0, 3), Tile(0, 0, 9)
        store.put_all({small: b"3"})
        store.put_all({large: b"9"})
        assert store.wider(small) == [large]
        store.remove(small)
        assert (store.read(small), store.wider(Tile(0, 0, 1))) == (None, [large])

    def test_the_checkpoint_is_replaced(self, store):
        store.put_all({Tile(0, 0): b"full"})
        for note in (b"one", b"two"):
            store.replace_checkpoint(note)
            assert store.checkpoint() == note


def test_a_vault_writes_starts_again_and_is_found_whole(opened, log, folder, deposit, held):
    assert [(one.size, one.staged) for one in check_vault(folder)] == [(605, 5)]
    again = opened().writers["school"]
    assert (again.size, again.published) == (605, 605)
    assert [(one.size, one.staged) for one in check_vault(folder)] == [(605, 0)]
    again.write([[deposit(b"more %d" % number) for number in range(500)]])
    again.publish()
    assert [one.size for one in check_vault(folder)] == [1105]
    assert {name for name in held() if "/" in name} > {tile.path for tile in tiles_of(1105)}


def test_the_bucket_is_a_whole_log_of_its_own_and_holds_no_secret(s3, place, log, held, folder):
    client = s3.client()
    note = client.get_object(Bucket=servers.LOCKED, Key=key(place, "checkpoint"))["Body"].read()
    published = open_checkpoint(note, log.vkey)
    assert published.size == 600
    leaves = b""
    for tile in tiles_of(600):
        data = client.get_object(Bucket=servers.LOCKED, Key=key(place, tile.path))["Body"].read()
        if tile.level == ENTRIES:
            leaves += b"".join(leaf_hash(entry) for entry in decode_bundle(data, ""))
    assert (
        hashlib.sha256(leaves[: 32 * 256]).digest() == hashlib.sha256(LogReader(log.folder).tile(Tile(0, 0))).digest()
    )
    assert {name.partition("/")[0] for name in held()} == {"checkpoint", "tile"}
    assert [path.name for path in (folder / "logs" / "school").rglob("*") if path.is_file()].count("000") == 0


def test_what_is_put_is_locked_for_the_period_of_its_log(s3, place, log, held):
    client = s3.client()
    for name, versions in held().items():
        where = {"Bucket": servers.LOCKED, "Key": key(place, name), "VersionId": versions[-1]}
        lock = client.get_object_retention(**where)["Retention"]
        assert lock["Mode"] == "COMPLIANCE"
        assert timedelta(days=SHORTEST - 1) < lock["RetainUntilDate"] - datetime.now(UTC) <= timedelta(days=SHORTEST)
        for refused in (
            lambda where=where: client.delete_object(**where, BypassGovernanceRetention=True),
            lambda where=where: client.put_object_retention(
                **where, Retention={"Mode": "COMPLIANCE", "RetainUntilDate": datetime.now(UTC) + timedelta(hours=1)}
            ),
        ):
            with pytest.raises(ClientError, match="AccessDenied"):
                refused()


def test_a_longer_period_locks_what_comes_for_longer(s3, place, writer, deposit, folder):
    Retention(folder / "retention" / "school").raise_to(4000, datetime.now(UTC))
    writer.write([[deposit(b"%d" % number) for number in range(256)]])
    writer.publish()
    found = s3.client().get_object_retention(Bucket=servers.LOCKED, Key=key(place, "tile/entries/000"))["Retention"]
    assert found["RetainUntilDate"] - datetime.now(UTC) > timedelta(days=3999)


def test_what_somebody_writes_over_or_hides_is_still_read(somebody, log, opened, caplog):
    client, at = somebody
    client.put_object(**at("tile/0/000"), Body=b"x" * 8192)
    client.delete_object(**at("tile/entries/001"))
    with pytest.raises(ClientError, match="NoSuchKey"):
        client.get_object(**at("tile/entries/001"))
    with caplog.at_level(logging.WARNING, "emarge.vault"):
        assert [one.size for one in check_vault(log.folder.parents[1])] == [605]
    assert caplog.messages == ["somebody wrote over tile/0/000 in the store: its first version is kept, and read"]
    assert opened().writers["school"].size == 605


class TestBehindTheLock:
    """The storage server's own inner door knows no lock: only the check does."""

    @pytest.fixture
    def version(self, held):
        """The version that counts: of a tile the first, of the checkpoint the last."""
        return lambda name: held()[name][0 if name == "checkpoint" else -1]

    @pytest.fixture
    def path(self, place, version):
        return lambda name: f"/buckets/{servers.LOCKED}/{key(place, name)}.versions/v_{version(name)}"

    @pytest.fixture
    def replace(self, s3, path, version, held):
        """Put other bytes in the place of a locked object, with the marks by which the server knows its version."""

        def replace(name, change):
            before = s3.behind("GET", path(name)).content
            marks = {"Seaweed-X-Amz-Version-Id": version(name), "Seaweed-X-Amz-ETag": "forged"}
            versions = held()
            assert s3.behind("PUT", path(name), content=change(before), marks=marks).status_code == 201
            assert held() == versions

        return replace

    @pytest.mark.parametrize(
        ("name", "text"),
        [
            ("tile/entries/001", "the entry 511 in tile/entries/001 is not its tile's"),
            ("tile/0/000", "the entry 255 in tile/entries/000 is not its tile's"),
            ("tile/0/001.p/44", "tile/0/001.p/44 does not follow from the entries"),
            ("tile/1/000.p/2", "tile/1/000.p/2 does not follow from the entries"),
        ],
    )
    def test_a_replaced_object_is_named(self, folder, replace, name, text):
        replace(name, lambda data: data[:-1] + bytes([data[-1] ^ 1]))
        assert fault(folder) == f"school: {text}"

    def test_a_replaced_checkpoint_is_named(self, folder, replace):
        replace("checkpoint", lambda note: note.replace(b"\n600\n", b"\n601\n"))
        text = "the checkpoint in the store is false: the signature of the checkpoint is false"
        assert fault(folder) == f"school: {text}"

    @pytest.mark.parametrize("name", ["tile/entries/001", "tile/0/000", "tile/1/000.p/2"])
    def test_a_deleted_object_is_named(self, s3, folder, path, name):
        assert s3.behind("DELETE", path(name)).status_code == 204
        assert fault(folder) == f"school: {name} is missing"


def test_a_store_that_is_away_stops_the_vault_and_loses_nothing(opened, log, folder, deposit, place):
    where = log.folder / "store.json"
    right = where.read_bytes()
    where.write_bytes(Place(place.bucket, place.prefix, "http://127.0.0.1:1").dump())
    with pytest.raises(VaultUnavailable, match="the store cannot be listed"):
        opened()
    text = "checkpoint cannot be read from the store: EndpointConnectionError"
    with pytest.raises(VaultUnavailable, match=rf"^{text}$"):
        check_vault(folder)
    code, out, err = emarge("vault", "check", "--data", folder.parent)
    assert (code, out, err) == (1, "", f"emarge: The vault could not be checked now: {text}\n")
    where.write_bytes(right)
    writer = opened().writers["school"]
    writer._stored._store._bucket = Bucket(Place(place.bucket, place.prefix, "http://127.0.0.1:1"))
    batch = [deposit(b"more %d" % number) for number in range(200)]
    [receipts] = writer.write([batch])
    with pytest.raises(DurabilityLost, match="did not reach the store"):
        writer.publish()
    assert writer.in_doubt
    assert opened().writers["school"].write([batch]) == [receipts]
    assert [one.size for one in check_vault(folder)] == [805]


def test_entries_that_the_store_locks_are_not_destroyed(tmp_path, place):
    folder, authority = tmp_path / "vault", Authority()
    create_vault(folder, name="vault.example", place=place)
    vault = open_vault(folder, authority)
    writer = vault.open_log("school")
    first = [Deposit(str(uuid.uuid4()), b"%d" % number, (), b"", b"") for number in range(300)]
    writer.write([first])
    authority.pass_days(SHORTEST + 1)
    order = Deposit(str(uuid.uuid4()), b"order", (), b"", b"")
    writer.write([[order]])
    writer.publish()
    destroyer = vault.destroyers["school"]
    assert refusal(destroyer.destroy, retention(order.uuid, 256), writer.size) == "store_locked"
    assert list(destroyer.destructions) == []
    vault.close()


def test_places_that_will_not_do_are_refused(s3, place, tmp_path, folder, log):
    def create(place):
        return create_vault(tmp_path / "other", name="other.example", place=place)

    assert refusal(create, Place(servers.PLAIN, "prefix", s3.endpoint)) == "not_locked"
    assert refusal(create, Place("nowhere", "prefix", s3.endpoint)) == "not_locked"
    assert refusal(create, place) == "exists"
    assert refusal(create, Place(servers.LOCKED, "prefix", "http://127.0.0.1:1")) == "store"
    for url in ("s3://b", "https://locked/prefix", "s3://locked/", "s3://locked/a b"):
        assert refusal(Place.parse, url) == "bad_store"


def test_a_place_is_taken_again_after_a_crash_of_its_making(place, tmp_path):
    for name in ("first", "second"):
        create_vault(tmp_path / name, name="vault.example", place=place)


def test_a_log_in_the_store_that_the_sequencer_does_not_know_is_not_begun_again(opened, place, tmp_path, log):
    (log.folder.parents[1] / "sequencer.sqlite3").unlink()
    create_vault(tmp_path / "new", name="vault.example")
    (tmp_path / "new" / "store.json").write_bytes(place.dump())
    from tests.proof.vault.conftest import stamp

    from emarge.proof.vault.service.opened import Vault

    vault = Vault(tmp_path / "new", stamp)
    assert refusal(vault.open_log, "school") == "tiles_without_sequencer"
    vault.close()


@pytest.mark.processes
def test_the_journey_on_both_servers_with_kills_on_the_way(tmp_path, s3, place, database, deposit):
    url = f"s3://{place.bucket}/{place.prefix}"
    code, _, err = emarge(
        *("vault", "create", "--data", tmp_path, "--store", url, "--endpoint", place.endpoint, "--sequencer", database)
    )
    assert (code, err) == (0, "")
    folder = tmp_path / "vault"
    credentials = {
        role: (tmp_path / f"credentials/vault-{role}").read_text() for role in ("opener", "writer", "reader")
    }
    process, chance = Process(folder).start(), random.Random(20261123)
    with VaultClient(process.url, credentials["opener"]) as opener:
        opener.open_log("school")
    load = Load(process, credentials["writer"], deposit)
    for _ in range(2):
        load.run(chance.uniform(0.3, 0.6))
        assert load.unexpected == []
        process.start()
    with VaultClient(process.url, credentials["writer"]) as writer:
        again = writer.deposit("school", [load.sent[name] for name in load.acknowledged])
        assert again == list(load.acknowledged.values())
        writer.deposit("school", [deposit(b"%d" % number) for number in range(300)])
    with VaultClient(process.url, credentials["reader"]) as reader:
        count = reader.count("school")
        assert len(reader.entries("school", range(300))) == 300
    assert process.terminate() == 0
    code, out, err = emarge("vault", "check", "--json", "--data", tmp_path)
    assert (code, err) == (0, "")
    [log] = [log for log in json.loads(out)["logs"] if log["origin"].endswith("/school")]
    assert (log["size"], log["staged"]) == (count, 0)
