"""sluice-load, as the comparison runs it: one load thread on the clients' core, everything it says taken over."""

import contextlib
import json
import os
import re
import subprocess
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Callable, Iterator, Optional, Sequence

from servers import CLIENT_CORE, directory, pinned
from . import slo
from .contenders import Server

BINARY = Path(os.environ.get("SLUICE_LOAD_BIN", Path(__file__).parents[2] / "build/release/sluice-load")).resolve()
INVALID = 3  # its exit code
RAN = (0, 1, INVALID)  # exit codes after which there is a result: good, a threshold was missed

# Percentiles of the plotted curve: three to a halving of what is above, which looks smooth on a logarithmic axis.
CURVE = [100 * (1 - 2 ** (-step / 3)) for step in range(31)]


class LoadFailed(Exception):
    """sluice-load did not measure; the text is what it said."""


@dataclass(frozen=True)
class Report:
    """One run: sluice-load's JSON, and its percentile table as (percentile, ms)."""
    result: dict
    table: list[tuple[float, float]]

    @property
    def faults(self) -> dict[str, int]:
        """How often each fault occurred; answers that are none of success by their status."""
        totals = self.result["totals"]
        faults = {name: count for name, count in totals["faults"].items() if count and name != "bad_status"}
        return {**faults, **{status: count for status, count in totals["statuses"].items() if not status.startswith("2")}}

    def reasons(self, of_generator: bool) -> list[str]:
        """Why the run is INVALID: its own sentences about the generator, or those about what the server let it do."""
        is_servers = re.compile("Only .* (requests could be sent|planned rate was achieved|connections could be opened|users who came ever had)|Not one response")
        return [reason for reason in self.result["invalid_reasons"] if of_generator != bool(is_servers.match(reason))]

    @property
    def achieved_rate(self) -> float:
        """2xx a second within the run; what is answered after its end is not counted, as sluice-load's --threshold rate does it."""
        totals = self.result["totals"]
        return self.result["achieved_rate"] * totals["succeeded"] / totals["responses"] if totals["responses"] else 0.0

    @property
    def slo_missed(self) -> str:
        """What of the SLO the run did not hold; empty if it held all."""
        totals = self.result["totals"]
        return slo.missed(self.percentiles_ms()["99"], totals["failed"] / totals["planned"] if totals["planned"] else 0)

    def percentiles_ms(self) -> dict[str, float]:
        """Of a server that answered nothing: infinite."""
        return {name: inf if ns is None else ns / 1e6 for name, ns in self.result["latency"]["corrected"]["percentiles_ns"].items()}

    def curve(self) -> list[tuple[float, float]]:
        """The table at the percentiles of CURVE, as far as at least one request is above."""
        count = self.result["latency"]["corrected"]["count"]
        points = []
        for percentile in CURVE:
            if (1 - percentile / 100) * count < 1:
                break
            above = next((ms for at, ms in self.table if at >= percentile - 1e-9), None)
            if above is not None:
                points.append((round(percentile, 6), above))
        return points


def read_hgrm(text: str) -> list[tuple[float, float]]:
    """The rows of HdrHistogram's percentile table: value, percentile as a share, count, 1/(1-percentile)."""
    rows = (line.split() for line in text.splitlines())
    return [(float(row[1]) * 100, float(row[0])) for row in rows if len(row) == 4 and re.match(r"\d+\.\d+$", row[0])]


def command(server: Server, options: Sequence[object], timeout_s: float) -> list[str]:
    words = [*pinned(CLIENT_CORE), BINARY, server.url, "--sample", "--method", server.method, "--cores", CLIENT_CORE,
             "--timeout", f"{timeout_s}s", *options]
    return [str(word) for word in words]


@contextlib.contextmanager
def started(words: Sequence[str], stdout: int = subprocess.DEVNULL) -> Iterator[subprocess.Popen]:
    """A process that a terminal's Ctrl-C does not reach, and that ends with the `with`."""
    with subprocess.Popen(words, stdout=stdout, stderr=subprocess.PIPE, text=True, start_new_session=True) as process:
        try:
            yield process
        finally:
            process.kill()


def output_of(process: subprocess.Popen, patience_s: float) -> tuple[str, str]:
    """What it printed on stdout and stderr, once it has ended."""
    try:
        return process.communicate(timeout=patience_s)
    except subprocess.TimeoutExpired as expired:
        raise LoadFailed(f"sluice-load did not end: {' '.join(process.args)}") from expired


def run(server: Server, options: Sequence[object], seconds: float, timeout_s: float,
        meanwhile: Callable[[], None] = lambda: None, after_s: Optional[float] = None) -> Report:
    """One run without warm-up, so that what is counted is all that was sent.

    `meanwhile` is called `after_s` from the start of sluice-load (default: half of `seconds`), which first opens its connections.
    """
    with directory() as path:
        words = command(server, [*options, "--duration", f"{seconds}s", "--warmup", "0", "--quiet",
                                 "--json", path / "run.json", "--hgrm", path / "run.hgrm"], timeout_s)
        for _ in range(2):  # a short listen backlog can make the very first connection wait too long
            with started(words) as process:
                try:
                    process.wait(seconds / 2 if after_s is None else after_s)
                except subprocess.TimeoutExpired:
                    meanwhile()
                errors = output_of(process, seconds + 5 * timeout_s + 20)[1]
            if process.returncode in RAN:
                table = path / "run.hgrm"
                return Report(json.loads((path / "run.json").read_text()), read_hgrm(table.read_text()) if table.exists() else [])
        raise LoadFailed(f"sluice-load ended with {process.returncode}: {errors.strip()}")
