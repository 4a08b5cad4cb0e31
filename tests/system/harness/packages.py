"""Packages of the programs under test, made by cpack as tools/package does, and what is in them."""

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from .engine import BINARY, CLEAN_ENVIRONMENT, PROJECT

BUILD = BINARY.parent
DEPLOY = PROJECT / "tools/deploy"
UNIT = DEPLOY / "systemd/sluice.service"
PAGES = BUILD / "package_files"
RELEASED_S = "1796000000"  # any time: of the files of test packages


def run(*command, **options) -> str:
    """The output; a failure shows it."""
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, **options)
    assert done.returncode == 0, f"{command}:\n{done.stdout}{done.stderr}"
    return done.stdout


def require_tool(name: str) -> None:
    if not shutil.which(name):
        pytest.skip(f"{name} is not installed: tools/setup test")


def require_pages() -> None:
    """The build makes them beside the programs; a build of the programs alone has none."""
    run("cmake", "--build", BUILD, "--target", "package_files")
    assert (PAGES / "engine/copyright").exists(), "the notices of the libraries are not on this machine"


def make(generator: str, to: Path, version: str = "1.2.3") -> list[Path]:
    """Packages of what is built."""
    require_pages()
    # tools/package compresses better, and takes longer.
    run("cpack", "-G", generator, "--config", BUILD / "CPackConfig.cmake", "-B", to, "-D", f"CPACK_PACKAGE_VERSION={version}",
        "-D", f"CPACK_PACKAGE_FILE_NAME=sluice-{version}-linux-x86_64", "-D", "CPACK_DEBIAN_COMPRESSION_TYPE=gzip", env={**CLEAN_ENVIRONMENT, "SOURCE_DATE_EPOCH": RELEASED_S})
    return sorted(path for path in to.iterdir() if path.is_file())


@dataclass
class Debian:
    """A binary package."""

    path: Path

    def field(self, name: str) -> str:
        return run("dpkg-deb", "-f", self.path, name).strip()

    def depends(self) -> set[str]:
        """Names, alternatives as they stand, without versions."""
        return {re.sub(r" \([^)]*\)", "", each) for each in self.field("Depends").split(", ")}

    def files(self) -> dict[str, tuple[str, str]]:
        """Path: mode as ls(1) shows it, and owner; folders end with a slash."""
        rows = [line.split(None, 5) for line in run("dpkg-deb", "-c", self.path).splitlines()]
        return {path.removeprefix(".").removesuffix("\n"): (mode, owner) for mode, owner, _, _, _, path in rows}

    def control(self, to: Path) -> dict[str, str]:
        """Name and text of each control file."""
        run("dpkg-deb", "-e", self.path, to)
        return {path.name: path.read_text() for path in to.iterdir()}


def needed_libraries(program: Path) -> set[str]:
    return set(re.findall(r"\(NEEDED\).*\[([^]]*)\]", run("readelf", "-d", program)))


def glibc_needed(program: Path) -> tuple[int, ...]:
    """The newest version of glibc of which the program asks for a symbol."""
    versions = re.findall(r"\*UND\*.*\(?GLIBC_([0-9.]+)\)?|GLIBC_([0-9.]+)\)", run("objdump", "-T", program))
    return max(tuple(map(int, (first or second).split("."))) for first, second in versions)


def unit_commands(name: str) -> list[list[str]]:
    """The words of each line of the unit, e.g. of ExecStart."""
    return [line.split() for line in re.findall(rf"^{name}=(.*)$", UNIT.read_text(), re.MULTILINE)]


def unit_value(name: str) -> str:
    return re.findall(rf"^{name}=(.*)$", UNIT.read_text(), re.MULTILINE)[0]
