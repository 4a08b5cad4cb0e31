"""The journal's disk: one that forgets at a power loss what was not synced (disk.c), or a small one that fills up."""

import contextlib
import os
import random
import shutil
import subprocess
from pathlib import Path
from typing import Optional

SECTOR_BYTES = 512  # what disks write in one piece, at the least


def build_library(directory: Path) -> Optional[str]:
    """Compiles disk.c to `directory`/disk.so; what hinders it, else None."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        return "there is no C compiler (cc) for the disk that loses power"
    command = [compiler, "-shared", "-fPIC", "-O2", "-o", directory / "disk.so", Path(__file__).with_name("disk.c")]
    done = subprocess.run(command, capture_output=True, text=True)
    return None if done.returncode == 0 else f"disk.c does not compile: {done.stderr.strip()[-300:]}"


class ForgetfulDisk:
    """`directory` as a disk that a power loss empties of what was not synced."""

    def __init__(self, directory: Path, shadow: Path, library: Path, sync_us: int):
        self._directory = directory
        self._shadow = shadow
        shadow.mkdir()
        self.environment = {"LD_PRELOAD": str(library), "TORTURE_DISK": str(directory), "TORTURE_SHADOW": str(shadow),
                            "TORTURE_SYNC_US": str(sync_us)}

    def lose_power(self, random_: random.Random) -> None:
        """To be called when the engine was killed. Of what was not synced, no sector survives, or all do, or some."""
        share = random_.choice((0, 0, 0.5, 1))
        live, durable = self._names("live"), self._names("durable")
        contents = {name: self._content(number, live, share, random_) for name, number in durable.items()}
        for path in self._shadow.iterdir():
            if path.name != "fail":
                path.unlink()
        for path in self._directory.iterdir():
            path.unlink()
        listed = []
        for number, (name, content) in enumerate(contents.items(), start=1):
            (self._directory / name).write_bytes(content)
            (self._shadow / f"i{number}").write_bytes(content)
            listed.append(f"{number} {name}\n")
        for names in ("durable", "live"):
            (self._shadow / names).write_text("".join(listed) + f"{len(listed)} .\n")

    def fail(self) -> None:
        """Every fdatasync answers EIO until `work()`, and what it should have synced is lost at the next power loss."""
        (self._shadow / "fail").touch()

    def work(self) -> None:
        (self._shadow / "fail").unlink(missing_ok=True)

    @property
    def is_failing(self) -> bool:
        return (self._shadow / "fail").exists()

    def _names(self, file: str) -> dict[str, int]:
        path = self._shadow / file
        lines = path.read_text().splitlines() if path.exists() else []
        numbers = {name: int(number) for number, name in (line.split(" ") for line in lines)}
        numbers.pop(".", None)
        return numbers

    def _content(self, number: int, live: dict[str, int], share: float, random_: random.Random) -> bytes:
        path = self._shadow / f"i{number}"
        synced = path.read_bytes() if path.exists() else b""
        [now] = [self._directory / name for name, live_number in live.items() if live_number == number] or [None]
        if share == 0 or now is None:
            return synced
        unsynced = now.read_bytes()
        if share == 1:
            return unsynced
        size = random_.choice((len(synced), len(unsynced)))
        synced, unsynced = synced.ljust(size, b"\0")[:size], unsynced.ljust(size, b"\0")[:size]
        content = bytearray(synced)
        for begin in range(0, size, SECTOR_BYTES):
            sector = slice(begin, begin + SECTOR_BYTES)
            if synced[sector] != unsynced[sector] and random_.random() < share:
                content[sector] = unsynced[sector]
        return bytes(content)


class SmallDisk:
    """A file system of its own at `directory`, of `bytes_max` bytes."""

    def __init__(self, directory: Path, bytes_max: int):
        self._directory = directory
        command = ["mount", "-t", "tmpfs", "-o", f"size={bytes_max}", "tmpfs", directory]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            raise OSError(f"mounting a tmpfs is not permitted here: {done.stderr.strip()}")

    def fill(self) -> None:
        with open(self._directory / "filler", "wb") as filler:
            for _ in range(100):
                room_bytes = self._room_bytes(filler.fileno())
                if room_bytes == 0:
                    return
                with contextlib.suppress(OSError):  # the engine may take some of it meanwhile
                    os.posix_fallocate(filler.fileno(), os.fstat(filler.fileno()).st_size, room_bytes)

    @staticmethod
    def _room_bytes(descriptor: int) -> int:
        room = os.fstatvfs(descriptor)
        return room.f_bavail * room.f_frsize

    def empty(self) -> None:
        (self._directory / "filler").unlink(missing_ok=True)

    def close(self) -> None:
        subprocess.run(["umount", "--lazy", self._directory], check=True)
