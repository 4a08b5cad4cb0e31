"""What `cmake --install` lays down, and that it works from there."""
# runs: release.io_uring

import shutil
import subprocess

from harness import packages
from harness.engine import BINARY, PROJECT


def test_the_installed_programs_and_messages(tmp_path):
    packages.require_pages()
    subprocess.run(["cmake", "--install", BINARY.parent, "--prefix", tmp_path / "usr"], check=True, capture_output=True)
    installed = {path.relative_to(tmp_path / "usr").as_posix() for path in (tmp_path / "usr").rglob("*") if path.is_file()}
    deployed = {f"share/sluice/deploy/{path.relative_to(packages.DEPLOY)}" for folder in ("etc", "systemd")
                for path in (packages.DEPLOY / folder).iterdir()}
    assert installed == deployed | {
        "bin/sluice", "bin/sluice-load", "share/sluice/telemetry.proto", "share/man/man1/sluice.1.gz", "share/man/man1/sluice-load.1.gz",
        "share/man/man5/sluice.toml.5.gz", "share/bash-completion/completions/sluice", "share/bash-completion/completions/sluice-load",
        "share/sluice/licences/sluice", "share/sluice/licences/sluice-load"}
    for program in ("sluice", "sluice-load"):
        version = subprocess.run([tmp_path / "usr/bin" / program, "--version"], check=True, capture_output=True, text=True)
        assert version.stdout.startswith(program)
    messages = tmp_path / "usr/share/sluice/telemetry.proto"
    assert messages.read_bytes() == (PROJECT / "parsers/telemetry/telemetry.proto").read_bytes()
    assert shutil.which("protoc"), "tools/setup installs it"
    subprocess.run(["protoc", "-I", messages.parent, "--python_out", tmp_path, messages], check=True)
    assert (tmp_path / "telemetry_pb2.py").exists()
