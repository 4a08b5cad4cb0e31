"""Programs of an ordinary user: what root never sees, since limits do not bind it."""

import os
import shutil
import subprocess

import pytest

from .engine import BINARY

NOBODY = "65534"
AS_NOBODY = ["setpriv", "--reuid", NOBODY, "--regid", NOBODY, "--clear-groups", "--inh-caps=-all", "--bounding-set=-all"]


def as_user(limits: str = ":") -> list[str]:
    """A prefix of a command: runs it without any right of root, after the shell commands `limits` (`ulimit -l 64`).

    Skips the test where there is no such user to be had. An ordinary user stays who they are.
    """
    shell = ["bash", "-c", f'{limits} && exec "$@"', "bash"]
    if os.geteuid() != 0:
        return shell
    if shutil.which("setpriv") is None:
        pytest.skip("setpriv (util-linux) is not installed")
    if subprocess.run([*AS_NOBODY, "test", "-x", BINARY]).returncode != 0:
        pytest.skip(f"an ordinary user may not run {BINARY}")
    return [*AS_NOBODY, *shell]
