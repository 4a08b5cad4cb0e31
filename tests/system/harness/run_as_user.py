"""Runs a program as an ordinary user, as a strict container would: run_as_user.py COMMAND...

No right of root is left, 64 KiB of memory may be locked, 1,024 descriptors may be open, threads may not be pinned, and
io_uring is forbidden. TMPDIR is a directory of that user's. Its exit code is the command's. Where there is no such user
to be had, it says so in the words of pytest, and exits with 0.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

USER_ID = 65534
BECOME_USER = ["setpriv", "--reuid", str(USER_ID), "--regid", str(USER_ID), "--clear-groups", "--inh-caps=-all",
               "--bounding-set=-all", "--no-new-privs"]
LIMITS = "ulimit -l 64 && ulimit -n 1024 && umask 022 && exec \"$@\""
FORBID = Path(__file__).parent / "forbid_io_uring.py"


def obstacle(command: list) -> str:
    """Why it cannot be done here; empty if it can."""
    if os.geteuid() != 0:
        return "not root, so no other user can be had: the suite itself runs as an ordinary user"
    if shutil.which("setpriv") is None:
        return "setpriv (util-linux) is not installed"
    needed = [os.path.abspath(__file__), *(value for name, value in os.environ.items() if name.endswith("_BIN") and os.path.exists(value))]
    for path in needed:
        if subprocess.run([*BECOME_USER, "test", "-r", path]).returncode != 0:
            return f"an ordinary user may not read {path}"
    return ""


def main() -> int:
    command = sys.argv[1:]
    if why := obstacle(command):
        print(f"SKIPPED [1] {__file__}: {why}\n1 skipped in 0.0s")
        return 0
    directory = tempfile.mkdtemp(prefix="sluice-user-")
    try:
        os.chown(directory, USER_ID, USER_ID)
        environment = {**os.environ, "TMPDIR": directory, "HOME": directory}
        without = [word for call in ("setup", "pin") for word in (sys.executable, str(FORBID), "EPERM", call)]
        return subprocess.run([*BECOME_USER, "bash", "-c", LIMITS, "bash", *without, *command], env=environment).returncode
    finally:
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
