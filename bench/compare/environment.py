"""Where a comparison ran, and what was compared, as name → text."""

import datetime
import os
import platform
import re
import subprocess
from pathlib import Path

from .contenders import NGINX, WEBDIS

PROJECT = Path(__file__).resolve().parents[2]
IDLE_LOAD_MAX = 0.5  # runnable threads over the last minute


def output_of(*command: object) -> str:
    """What it prints; empty if it cannot run."""
    try:
        done = subprocess.run([str(word) for word in command], cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        return done.stdout.strip()
    except OSError:
        return ""


def first(pattern: str, text: str) -> str:
    found = re.search(pattern, text, re.MULTILINE)
    return found[1] if found else "unknown"


def environment() -> dict[str, str]:
    cpu = first(r"^model name\s*:\s*(.*)$", Path("/proc/cpuinfo").read_text())
    versions = ["redis-server " + first(r"v=(\S+)", output_of("redis-server", "--version"))]
    if NGINX:
        versions.append("nginx " + first(r"nginx/(\S+)", output_of(NGINX, "-v")))
    if WEBDIS:
        versions.append("Webdis " + first(r"([\d.]{3,})", output_of("apt-cache", "policy", "webdis")))
    return {
        "Date": datetime.datetime.now(datetime.timezone.utc).isoformat(" ", "minutes"),
        "Commit": output_of("git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"),
        "Machine": f"{cpu}, {os.cpu_count()} cores, Linux {platform.release()}, loopback",
        "Beside it": ", ".join(versions),
    }


def complaints() -> list[str]:
    """What of the machine spoils what is measured on it."""
    busy = os.getloadavg()[0]
    return [f"The machine was not idle: a load of {busy:.1f} before the first run."] if busy > IDLE_LOAD_MAX else []
