"""What a process of the product costs: its memory and its processor time."""

import os
from pathlib import Path


def resident(pid: int) -> float:
    """Memory of a process in MiB (RSS)."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise SystemExit(f"the process {pid} is gone")


def processor(pid: int) -> float:
    """Processor seconds that a process used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
