"""A bucket with Object Lock as the place of filled tiles: what is put there stays as it is until its date.

Nothing here is trusted for that: a check derives the bytes again (docs/formats/durable-writes.md, "Bucket").
"""

import json
import logging
import re
import secrets
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, FlexibleChecksumError

from emarge.proof.vault.errors import CorruptVault, ServerLostError, StoreUnavailableError, VaultRefused
from emarge.proof.vault.log.tiles import WIDTH, Tile
from emarge.proof.vault.storage.retention import SHORTEST, Retention
from emarge.proof.vault.storage.store import CHECKPOINT, CONFIGURATION, FileStore

MARK = "emarge-vault"
_URL = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])/([A-Za-z0-9._/-]{1,200})", re.ASCII)
_AT_ONCE = 8  # requests
_SETTINGS = Config(
    connect_timeout=5,  # seconds
    read_timeout=20,  # seconds
    retries={"mode": "standard", "total_max_attempts": 4},
    max_pool_connections=_AT_ONCE,
)
_THERE_ALREADY = "PreconditionFailed"
_NOWHERE = {"NoSuchKey", "NoSuchVersion", "404"}

logger = logging.getLogger("emarge.vault")


@dataclass(frozen=True)
class Place:
    """A folder of a bucket. ``endpoint`` is empty for the one of the region that the environment names."""

    bucket: str
    prefix: str
    endpoint: str

    @classmethod
    def parse(cls, url: str, endpoint: str = "") -> "Place":
        """The place of ``s3://bucket/prefix``; VaultRefused when that is not what it is."""
        match = _URL.fullmatch(url)
        if match is None:
            raise VaultRefused("bad_store", "a store is written s3://bucket/prefix")
        return cls(match[1], match[2].strip("/"), endpoint)

    def under(self, name: str) -> "Place":
        return replace(self, prefix=f"{self.prefix}/{name}")

    def dump(self) -> bytes:
        return json.dumps({"s3": asdict(self)}, indent=1).encode() + b"\n"


def load(folder: Path) -> Place:
    """The place that the file of a folder names; CorruptVault when it cannot be read."""
    try:
        values = json.loads((folder / CONFIGURATION).read_bytes())["s3"]
        return Place(str(values["bucket"]), str(values["prefix"]), str(values["endpoint"]))
    except (ValueError, KeyError, TypeError):
        raise CorruptVault(f"{CONFIGURATION} is unreadable") from None


def claim(place: Place) -> None:
    """Take a place for a new vault, and find out whether it locks; VaultRefused when it is taken or does not.

    A place where there is nothing but the mark of a vault is taken again: a crash leaves that.
    """
    bucket = Bucket(place)
    try:
        bucket.require_lock()
        if any(name != MARK for name in bucket.names()):
            raise VaultRefused("exists", "the store holds a vault already: a vault is never made over another")
        bucket.add(MARK, secrets.token_hex(16).encode() + b"\n", SHORTEST)
        bucket.require_locked(MARK)
    except (ServerLostError, StoreUnavailableError) as error:
        raise VaultRefused("store", str(error)) from error


class Bucket:
    """Objects under one prefix of a bucket. Of the versions of a tile the first one counts: it is the locked one."""

    def __init__(self, place: Place) -> None:
        self._bucket = place.bucket
        self._prefix = place.prefix + "/"
        self._client = _client(place.endpoint)

    def put(self, name: str, data: bytes, days: int) -> None:
        """Put an object that stays for so many days, unless it is there with the same bytes.

        Raises CorruptVault when it holds others, ServerLostError when it is not known to be there in the end.
        """
        try:
            self._put(name, data, days, IfNoneMatch="*")
        except ClientError as error:
            if _code(error) != _THERE_ALREADY:
                raise _lost(name, error) from error
            try:
                known = self.first(name)
            except StoreUnavailableError as unread:
                raise ServerLostError(str(unread)) from unread
            if known != data:
                raise CorruptVault(f"{name} is already in the store with other bytes") from None
        except BotoCoreError as error:
            raise _lost(name, error) from error

    def add(self, name: str, data: bytes, days: int) -> None:
        """Put one more version of an object, which stays for so many days; ServerLostError as above."""
        try:
            self._put(name, data, days)
        except (ClientError, BotoCoreError) as error:
            raise _lost(name, error) from error

    def first(self, name: str) -> bytes | None:
        """The first version of an object, None when there is none; StoreUnavailableError when that cannot be known."""
        oldest: str | None = None
        for key, version in self._versions(name):
            if key != name:
                break
            oldest = version
        return None if oldest is None else self._get(name, VersionId=oldest)

    def last(self, name: str) -> bytes | None:
        """The version of an object that stands now, None when there is none."""
        return self._get(name)

    def names(self) -> Iterator[str]:
        """Every object, once, in order; it is said of which one somebody put a later version."""
        before = ""
        for name, _ in self._versions(""):
            if name != before:
                yield name
            elif name not in {CHECKPOINT, MARK}:
                logger.warning("somebody wrote over %s in the store: its first version is kept, and read", name)
            before = name

    def require_lock(self) -> None:
        """VaultRefused when the bucket does not lock objects."""
        try:
            found = self._client.get_object_lock_configuration(Bucket=self._bucket)
            enabled = found["ObjectLockConfiguration"]["ObjectLockEnabled"] == "Enabled"
        except (ClientError, KeyError):
            enabled = False
        except BotoCoreError as error:
            raise StoreUnavailableError(f"the store does not answer: {type(error).__name__}") from error
        if not enabled:
            raise VaultRefused("not_locked", "the bucket is not there, or was not made with Object Lock")

    def require_locked(self, name: str) -> None:
        """VaultRefused when an object is not locked in compliance mode: some servers ignore what they are asked."""
        try:
            found = self._client.get_object_retention(Bucket=self._bucket, Key=self._prefix + name)["Retention"]
        except (ClientError, BotoCoreError, KeyError):
            found = {}
        if found.get("Mode") != "COMPLIANCE":
            raise VaultRefused("not_locked", "the store takes objects without locking them in compliance mode")

    def _put(self, name: str, data: bytes, days: int, **more: Any) -> None:
        self._client.put_object(
            Bucket=self._bucket,
            Key=self._prefix + name,
            Body=data,
            ContentType="application/octet-stream",
            ObjectLockMode="COMPLIANCE",
            ObjectLockRetainUntilDate=datetime.now(UTC) + timedelta(days=days),
            **more,
        )

    def _get(self, name: str, **more: Any) -> bytes | None:
        try:
            answer = self._client.get_object(Bucket=self._bucket, Key=self._prefix + name, **more)
            return bytes(answer["Body"].read())
        except ClientError as error:
            if _code(error) in _NOWHERE:
                return None
            raise StoreUnavailableError(f"{name} cannot be read from the store: {_code(error)}") from error
        except FlexibleChecksumError as error:
            raise CorruptVault(f"{name} in the store has another checksum than the one it was put with") from error
        except BotoCoreError as error:
            raise StoreUnavailableError(f"{name} cannot be read from the store: {type(error).__name__}") from error

    def _versions(self, prefix: str) -> Iterator[tuple[str, str]]:
        """Name and version of the objects whose names begin so; of one name, the newest first."""
        pages = self._client.get_paginator("list_object_versions")
        try:
            for page in pages.paginate(Bucket=self._bucket, Prefix=self._prefix + prefix):
                for one in page.get("Versions", []):
                    yield one["Key"].removeprefix(self._prefix), one["VersionId"]
        except (ClientError, BotoCoreError) as error:
            raise StoreUnavailableError(f"the store cannot be listed: {type(error).__name__}") from error


class LockedStore(FileStore):
    """Filled tiles in a bucket; what is not full yet, and the published checkpoint, in the log's folder.

    Each time that tiles fill, the partial ones of that moment and the checkpoint go to the bucket with them: the bucket
    is then a whole log of its own, and the versions of its ``checkpoint`` are the history of these moments.
    """

    locks = True

    def __init__(self, folder: Path, place: Place) -> None:
        super().__init__(folder)
        self._bucket = Bucket(place)
        self._filled = False

    def read(self, tile: Tile) -> bytes | None:
        found = super().read(tile) if tile.width < WIDTH else None
        return self._bucket.first(tile.path) if found is None else found

    def names(self) -> Iterator[str]:
        yield from super().names()
        yield from (name for name in self._bucket.names() if name != CHECKPOINT)

    def put_all(self, tiles: Mapping[Tile, bytes]) -> None:
        if all(tile.width < WIDTH for tile in tiles):
            super().put_all(tiles)
            return
        days = self._days()
        with ThreadPoolExecutor(_AT_ONCE, "store") as pool:
            # A bundle goes with its tile of hashes; what is above follows from them.
            list(pool.map(lambda one: self._bucket.put(one[0].path, one[1], days), tiles.items()))
        self._filled = True

    def replace_checkpoint(self, note: bytes) -> None:
        if self._filled:
            self._bucket.add(CHECKPOINT, note, self._days())
            self._filled = False
        super().replace_checkpoint(note)

    def kept(self) -> bytes | None:
        return self._bucket.last(CHECKPOINT)

    def _days(self) -> int:
        return Retention(self.folder.parents[1] / "retention" / self.folder.name).days


@cache
def _client(endpoint: str) -> Any:
    return boto3.session.Session().client("s3", endpoint_url=endpoint or None, config=_SETTINGS)


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def _lost(name: str, error: Exception) -> ServerLostError:
    why = _code(error) if isinstance(error, ClientError) else type(error).__name__
    return ServerLostError(f"{name} did not reach the store: {why}")
