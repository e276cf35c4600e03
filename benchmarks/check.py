"""How fast a log is derived again from its files, and how much memory that takes.

Run: ``python -m benchmarks.check [--records N] [--folder DIR]``. The log is written by the real writer with a local
stamp. The yardstick of the same run is plain SHA-256 over the same bytes: no check can be faster. The check runs in
processes of their own, on the whole log and on a tenth of it, for the memory of each. Prints, last, one JSON object.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from emarge.proof.vault.checking.check import check_vault
from emarge.proof.vault.log.deposits import Deposit
from emarge.proof.vault.log.tiles import ENTRIES, WIDTH, Tile, decode_bundle
from emarge.proof.vault.service.opened import Vault
from emarge.proof.vault.setup.create import create_vault
from emarge.proof.vault.storage.reader import LogReader

LOG = "benchmark"
PAYLOAD, TOKEN = 600, 800  # bytes
BATCH = 1000  # records under one checkpoint: ten times what a busy vault gathers, so that writing is quick
PUBLISHED = 10_000  # records between two publications


def stamp(digests: Sequence[bytes]) -> list[bytes]:
    """Tokens of the size of real ones, from nowhere."""
    chance = os.urandom(TOKEN * len(digests))
    return [chance[start : start + TOKEN] for start in range(0, len(chance), TOKEN)]


def build(folder: Path, records: int) -> None:
    """Write a log of so many records through the real writer."""
    create_vault(folder, name="benchmark.example")
    vault = Vault(folder, stamp)
    writer = vault.open_log(LOG)
    for start in range(0, records, BATCH):
        payloads = os.urandom(PAYLOAD * min(BATCH, records - start))
        deposits = [
            Deposit(f"00000000-0000-4000-8000-{start + place:012d}", payload, ("label",), b"", b"")
            for place, payload in enumerate(
                payloads[position : position + PAYLOAD] for position in range(0, len(payloads), PAYLOAD)
            )
        ]
        writer.write([deposits])
        if writer.size - writer.published >= PUBLISHED:
            writer.publish()
    writer.publish()
    vault.close()


def yardstick(folder: Path, records: int) -> dict[str, float]:
    """Seconds of plain SHA-256: one hash over each file of entries; one over each entry, and the tree above."""
    reader, whole, each = LogReader(folder / "logs" / LOG), 0.0, 0.0
    for index in range(records // WIDTH):
        data = reader.tile(Tile(ENTRIES, index))
        entries = decode_bundle(data, "")
        began = time.process_time()
        sha256(data).digest()
        hashed = time.process_time()
        for one in entries:
            sha256(b"\x00" + one).digest()
        for _ in range(WIDTH - 1):
            sha256(data[:65]).digest()
        whole, each = whole + hashed - began, each + time.process_time() - hashed
    return {"sha256_of_files_s": round(whole, 2), "sha256_of_entries_and_nodes_s": round(each, 2)}


def check(folder: Path) -> dict[str, float]:
    """One check, in this process: run in a process of its own."""
    began, used = time.perf_counter(), time.process_time()
    [checked] = check_vault(folder)
    seconds = time.perf_counter() - began
    return {
        "records": checked.size,
        "seconds": round(seconds, 2),
        "cpu_seconds": round(time.process_time() - used, 2),
        "records_per_second": round(checked.size / seconds),
        "peak_rss_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
    }


def measure(folder: Path, records: int) -> dict[str, object]:
    """Build both logs, check each, hash the larger one plainly."""
    rows = []
    for name, count in (("tenth", records // 10), ("whole", records)):
        began = time.perf_counter()
        build(folder / name, count)
        print(f"{count} records written in {time.perf_counter() - began:.0f} s", file=sys.stderr)
        command = [sys.executable, "-m", "benchmarks.check", "--only-check", str(folder / name)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        rows.append(json.loads(done.stdout))
    return {
        "benchmark": "check",
        "entry_bytes": PAYLOAD + TOKEN + 2,
        "records_a_checkpoint": BATCH,
        "checks": rows,
        "yardstick": yardstick(folder / "whole", records),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=1_000_000, help="in the larger log (default: %(default)s)")
    parser.add_argument("--folder", type=Path, help="where to make the logs, removed at the end (default: temporary)")
    parser.add_argument("--only-check", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.only_check:
        print(json.dumps(check(arguments.only_check)))
        return
    with tempfile.TemporaryDirectory(prefix="emarge-benchmark-", dir=arguments.folder) as folder:
        result = measure(Path(folder), arguments.records)
    for row in result["checks"]:  # type: ignore[attr-defined]
        print(row)
    print(result["yardstick"])
    print(json.dumps(result))


if __name__ == "__main__":
    main()
