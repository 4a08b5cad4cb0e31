"""`sluice journal` as a test runs it."""

import subprocess
from pathlib import Path

from .engine import BINARY, CLEAN_ENVIRONMENT


def journal(action: str, directory: Path, *arguments, timeout_s: float = 60) -> subprocess.CompletedProcess:
    return subprocess.run([BINARY, "journal", action, directory, *arguments], capture_output=True, text=True,
                          timeout=timeout_s, env=CLEAN_ENVIRONMENT)
