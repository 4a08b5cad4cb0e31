"""sluice-load, as the comparison runs it: one load thread on the clients' core, everything it says taken over."""

import json
import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Optional, Sequence

from servers import CLIENT_CORE, directory, pinned
from .contenders import Server
from .scenarios import SLO

BINARY = Path(os.environ.get("SLUICE_LOAD_BIN", Path(__file__).parents[2] / "build/release/sluice-load")).resolve()
RAN = (0, 1, 3)  # exit codes after which there is a result: good, a threshold was missed, INVALID

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
        is_servers = re.compile("Only .* (requests could be sent|planned rate was achieved|connections could be opened)|Not one response")
        return [reason for reason in self.result["invalid_reasons"] if of_generator != bool(is_servers.match(reason))]

    def percentiles_ms(self) -> dict[str, float]:
        return {name: ns / 1e6 for name, ns in self.result["latency"]["corrected"]["percentiles_ns"].items()}

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


def run(server: Server, options: Sequence[object], seconds: float, timeout_s: float,
        meanwhile: Callable[[], None] = lambda: None, after_s: Optional[float] = None) -> Report:
    """One run without warm-up, so that what is counted is all that was sent.

    `meanwhile` is called `after_s` from the start of sluice-load (default: half of `seconds`), which first opens its connections.
    """
    with directory() as path:
        words = command(server, [*options, "--duration", f"{seconds}s", "--warmup", "0", "--quiet",
                                 "--json", path / "run.json", "--hgrm", path / "run.hgrm"], timeout_s)
        for _ in range(2):  # a short listen backlog can make the very first connection wait too long
            with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                                  start_new_session=True) as process:
                try:
                    try:
                        process.wait(seconds / 2 if after_s is None else after_s)
                    except subprocess.TimeoutExpired:
                        meanwhile()
                    errors = process.communicate(timeout=seconds + 5 * timeout_s + 20)[1]
                except subprocess.TimeoutExpired as expired:
                    raise LoadFailed(f"sluice-load did not end: {' '.join(words)}") from expired
                finally:
                    process.kill()
            if process.returncode in RAN:
                table = path / "run.hgrm"
                return Report(json.loads((path / "run.json").read_text()), read_hgrm(table.read_text()) if table.exists() else [])
        raise LoadFailed(f"sluice-load ended with {process.returncode}: {errors.strip()}")


@dataclass(frozen=True)
class Found:
    """What a search found."""
    rate: float  # the highest within the SLO; 0: none
    is_generators_limit: bool  # the next rate that was tried broke only because the generator could not offer it
    printed: str


def search(server: Server, options_at: Callable[[float], list[object]], first_rate: float, seconds: float,
           timeout_s: float, give_up_s: float) -> Found:
    """sluice-load's search for the highest rate within the SLO. Connections that open late count by what they delay."""
    words = command(server, [*options_at(first_rate), "--slo", SLO, "--duration", f"{seconds}s", "--warmup", "100ms",
                             "--min-open", "0%"], timeout_s)
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=give_up_s, start_new_session=True)
    except subprocess.TimeoutExpired as expired:
        printed = (expired.stdout or b"").decode()
        return read_search(printed + f"ended after {give_up_s:.0f} s, unfinished\n")
    if done.returncode not in RAN:
        raise LoadFailed(f"sluice-load ended with {done.returncode}: {done.stderr.strip()}")
    return read_search(done.stdout)


def read_search(printed: str) -> Found:
    """From what sluice-load printed: a line for each run, and the answer, which a search that did not end lacks."""
    runs = [(float(rate), verdict) for rate, verdict in re.findall(r"^ *([\d.]+)/s .*? %( .*)?$", printed, re.MULTILINE)]
    answer = re.search(r"^highest rate that holds: ([\d.]+)/s", printed, re.MULTILINE)
    if answer:
        rate = float(answer[1])
    elif "no rate was found" in printed:
        rate = 0.0
    else:
        rate = max((rate for rate, verdict in runs if verdict.strip() == "holds"), default=0.0)
    broke = [(tried, verdict) for tried, verdict in runs if tried > rate and verdict.strip() != "holds"]
    next_rate = min((tried for tried, _ in broke), default=0.0)
    verdicts = [verdict for tried, verdict in broke if tried == next_rate]
    return Found(rate, bool(verdicts) and rate > 0 and all("INVALID: The generator" in verdict for verdict in verdicts), printed)
