"""Technical metadata of records: what can be said of each without saying anything that it holds."""

import hashlib
from collections.abc import Sequence
from typing import Any

from emarge.proof.vault.log import entry
from emarge.proof.vault.log.merkle import leaf_hash
from emarge.proof.vault.service import wire
from emarge.proof.vault.service.opened import Vault
from emarge.proof.vault.storage.reader import LogReader


def of_records(vault: Vault, reader: LogReader, log: str, indexes: Sequence[int], size: int) -> list[dict[str, Any]]:
    """The metadata of the records at ascending indexes of a log, as docs/formats/vault-http.md lists them."""
    placed = vault.sequencer.placed(log, indexes)
    destroyed = vault.destroyers[log].destructions
    kept = [index for index in indexes if destroyed.covering(index) is None]
    entries = dict(zip(kept, reader.entries(kept, size), strict=True))
    described = []
    for index in indexes:
        uuid, deposited = placed[index]
        about = {"index": index, "uuid": uuid, "size": deposited}
        if (one := destroyed.covering(index)) is not None:
            described.append(about | {"leaf": reader.leaf(index, size).hex(), "destroyed": one.uuid})
        else:
            described.append(about | {"content": _of_content(vault, log, uuid)} | _of_entry(entries[index]))
    return described


def _of_entry(data: bytes) -> dict[str, Any]:
    logged = entry.decode(data)
    return {
        "leaf": leaf_hash(data).hex(),
        "entry_bytes": len(data),
        "payload": _digested(logged.payload),
        "stamp": {"token": wire.encode(logged.stamp)} | _digested(logged.stamp),
    }


def _of_content(vault: Vault, log: str, uuid: str) -> dict[str, Any] | None:
    ciphertext, has_key = vault.contents.about(log, uuid)
    return None if ciphertext is None else _digested(ciphertext) | {"key": has_key}


def _digested(data: bytes) -> dict[str, Any]:
    return {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
