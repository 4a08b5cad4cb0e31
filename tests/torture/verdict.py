"""The ledger of what was acknowledged, against what Redis or the journal holds."""

import json
import subprocess
from dataclasses import dataclass, field, fields
from pathlib import Path

from harness import engine as engine_module
from harness.load import LOAD_BINARY

from .scene import Broken

ROWS_SHOWN_MAX = 10
TIMEOUT_S = 60


@dataclass
class Counts:
    """Of samples; as `sluice-load verify` counts them."""
    acknowledged: int = 0
    found: int = 0
    lost: int = 0
    duplicated: int = 0
    reordered: int = 0

    def add(self, other: "Counts") -> None:
        for one in fields(self):
            setattr(self, one.name, getattr(self, one.name) + getattr(other, one.name))


@dataclass
class Verdict:
    counts: Counts
    rows: list[str] = field(default_factory=list)  # lines of the ledger of which something is lost; the first ones


def rows_of(ledger: Path, lost: set[tuple[str, int]]) -> list[str]:
    rows = []
    for line in ledger.read_text().splitlines():
        device, first, count = line.rsplit(" ", 2)
        if any((device, seq) in lost for seq in range(int(first), int(first) + int(count))):
            rows.append(line)
    return rows[:ROWS_SHOWN_MAX]


def of_redis(ledger: Path, url: str) -> Verdict:
    path = ledger.with_suffix(".verdict.json")
    done = subprocess.run([LOAD_BINARY, "verify", "--ledger", ledger, "--redis", url, "--json", path],
                          capture_output=True, text=True, timeout=TIMEOUT_S)
    if done.returncode not in (0, 1):
        raise Broken(f"sluice-load verify ended with {done.returncode}: {done.stderr[-500:]}")
    verdict = json.loads(path.read_text())
    lost = {(device, seq) for device, one in verdict["devices"].items() for seq in one["lost_first"]}
    return Verdict(Counts(**{one.name: verdict["total"][one.name] for one in fields(Counts)}), rows_of(ledger, lost))


def has_freed_segments(directory: Path) -> bool:
    """Whether the journal has removed what was delivered, as it does when it, or its disk, is full."""
    return min(int(path.stem) for path in directory.glob("*.log")) > 1


def seq_of(sample: dict) -> int:
    """Where it stands depends on the format of the load; as tools/load/ledger/sample_mark.hpp."""
    return next(int(one["seq"]) for one in (sample, sample.get("values", {}), sample.get("metadata", {})) if "seq" in one)


def of_journal(ledger: Path, directory: Path, may_be_damaged: bool) -> Verdict:
    """After a power loss, sectors of what was never synced may have survived behind others that did not: records that nobody was
    promised are then reported as damaged, by an exit code of 1."""
    done = subprocess.run([engine_module.BINARY, "journal", "export", directory], capture_output=True, text=True, timeout=TIMEOUT_S,
                          env=engine_module.CLEAN_ENVIRONMENT)
    is_damaged = done.returncode == 1 and "are damaged and skipped" in done.stderr
    if done.returncode != 0 and not (is_damaged and may_be_damaged):
        raise Broken(f"sluice journal export ended with {done.returncode}: {done.stderr[-500:]}")
    copies: dict[tuple[str, int], int] = {}
    next_seq: dict[str, int] = {}
    counts = Counts()
    for line in done.stdout.splitlines():
        sample = json.loads(line)["sample"]
        device, seq = sample["device_id"], seq_of(sample)
        if (device, seq) not in copies and seq < next_seq.get(device, 0):
            counts.reordered += 1
        next_seq[device] = max(next_seq.get(device, 0), seq + 1)
        copies[device, seq] = copies.get((device, seq), 0) + 1
    counts.duplicated = sum(copies.values()) - len(copies)
    acknowledged = set()
    for line in ledger.read_text().splitlines():
        device, first, count = line.rsplit(" ", 2)
        acknowledged |= {(device, seq) for seq in range(int(first), int(first) + int(count))}
    lost = acknowledged - copies.keys()
    counts.acknowledged, counts.lost = len(acknowledged), len(lost)
    counts.found = counts.acknowledged - counts.lost
    return Verdict(counts, rows_of(ledger, lost))
