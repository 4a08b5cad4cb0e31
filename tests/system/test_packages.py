"""What the packages of tools/package contain: files and modes, dependencies, unit, pages, completions. test_package_life.py
installs them."""
# runs: release.io_uring

import json
import re
import subprocess

import pytest

from harness import packages
from harness.engine import BINARY, CLEAN_ENVIRONMENT, PROJECT
from harness.packages import DEPLOY, PAGES, Debian, run

LOAD = BINARY.with_name("sluice-load")
# What every Linux has beside glibc, and the two libraries that get their security updates from the system.
LIBRARIES = {"libc.so.6", "libm.so.6", "libgcc_s.so.1", "ld-linux-x86-64.so.2", "libssl.so.3", "libcrypto.so.3"}
GLIBC_LEAST = (2, 34)  # as tools/package and docs/deployment.md say
EXPOSURE_MAX = 20  # of 100, as `systemd-analyze security` reckons; what is left is the network, which it serves
PROGRAM, FILE = ("-rwxr-xr-x", "root/root"), ("-rw-r--r--", "root/root")
ENGINE_FILES = {
    "/etc/sluice/redis-password": ("-rw-------", "root/root"), "/etc/sluice/sluice.toml": FILE,
    "/etc/sluice/tenants.toml": ("-rw-r-----", "root/root"), "/usr/bin/sluice": PROGRAM,
    "/usr/lib/systemd/system/sluice.service": FILE, "/usr/lib/sysctl.d/50-sluice.conf": FILE, "/usr/lib/sysusers.d/sluice.conf": FILE,
    "/usr/share/bash-completion/completions/sluice": FILE, "/usr/share/doc/sluice/changelog.gz": FILE, "/usr/share/doc/sluice/copyright": FILE,
    "/usr/share/lintian/overrides/sluice": FILE, "/usr/share/man/man1/sluice.1.gz": FILE, "/usr/share/man/man5/sluice.toml.5.gz": FILE,
    "/usr/share/sluice/telemetry.proto": FILE,
}
LOAD_FILES = {
    "/usr/bin/sluice-load": PROGRAM, "/usr/share/bash-completion/completions/sluice-load": FILE, "/usr/share/doc/sluice-load/changelog.gz": FILE,
    "/usr/share/doc/sluice-load/copyright": FILE, "/usr/share/lintian/overrides/sluice-load": FILE, "/usr/share/man/man1/sluice-load.1.gz": FILE,
}


@pytest.fixture(scope="module")
def debs(tmp_path_factory):
    packages.require_tool("dpkg-shlibdeps")
    made = packages.make("DEB", tmp_path_factory.mktemp("debs"))
    assert [path.name for path in made] == ["sluice-load_1.2.3_amd64.deb", "sluice_1.2.3_amd64.deb"]
    return {Debian(path).field("Package"): Debian(path) for path in made}


@pytest.mark.parametrize("name, expected", [("sluice", ENGINE_FILES), ("sluice-load", LOAD_FILES)])
def test_files_and_modes(debs, name, expected):
    found = debs[name].files()
    assert {path: row for path, row in found.items() if not path.endswith("/")} == expected
    assert {row for path, row in found.items() if path.endswith("/")} == {("drwxr-xr-x", "root/root")}


def test_dependencies_are_few(debs):
    system = {"libc6", "libgcc-s1", "libssl3"}
    assert debs["sluice"].depends() == system | {"systemd | systemd-standalone-sysusers | systemd-sysusers"}
    assert debs["sluice-load"].depends() == system | {"libcurl4"}


def test_what_an_administrator_changes_stays(debs, tmp_path):
    control = debs["sluice"].control(tmp_path / "control")
    assert set(control) == {"control", "md5sums", "conffiles", "postinst", "prerm", "postrm"}
    assert control["conffiles"].split() == sorted(path for path in ENGINE_FILES if path.startswith("/etc/"))
    for script in ("postinst", "prerm", "postrm"):
        run("dash", "-n", tmp_path / "control" / script)
        assert "set -e" in control[script]


def test_lintian_has_no_remark(debs):
    packages.require_tool("lintian")
    run("lintian", "--allow-root", "--no-cfg", "--fail-on", "error,warning", *(each.path for each in debs.values()))


def test_every_override_has_a_reason():
    for file in (DEPLOY / "debian").glob("*/lintian-overrides"):
        lines = file.read_text().splitlines()
        assert lines and all(line.startswith("#") or lines[index - 1].startswith("#") for index, line in enumerate(lines)), file


# --- the unit --------------------------------------------------------------------------------------------------------
def test_systemd_understands_the_unit(tmp_path):
    unit = tmp_path / "sluice.service"
    unit.write_text(packages.UNIT.read_text().replace("/usr/bin/sluice", str(BINARY)))
    verified = subprocess.run(["systemd-analyze", "verify", "--man=no", unit], capture_output=True, text=True)
    assert verified.returncode == 0 and "sluice.service" not in verified.stderr, verified.stderr


def test_the_unit_is_not_exposed(tmp_path):
    assessed = subprocess.run(["systemd-analyze", "security", "--offline=true", f"--threshold={EXPOSURE_MAX}", packages.UNIT],
                              capture_output=True, text=True)
    assert assessed.returncode == 0, assessed.stdout[-500:] + assessed.stderr
    # It can fail: the same unit without what takes rights away.
    bare = tmp_path / "sluice.service"
    bare.write_text(re.sub(r"^(Protect|Restrict|Private|SystemCall|Capability).*\n", "", packages.UNIT.read_text(), flags=re.MULTILINE))
    assert subprocess.run(["systemd-analyze", "security", "--offline=true", f"--threshold={EXPOSURE_MAX}", bare], capture_output=True).returncode == 1


def test_the_unit_waits_for_the_drain():
    """TimeoutStopSec is more than what the shipped configuration lets the end take, with a journal."""
    shipped = (DEPLOY / "etc/sluice.toml").read_text()
    seconds = {name: int(value) for name, value in re.findall(r'^(drain_\w+) = "(\d+)s"', shipped, re.MULTILINE)}
    assert int(packages.unit_value("TimeoutStopSec")) > seconds["drain_lame_duck"] + 2 * seconds["drain_timeout"]


# --- configuration ---------------------------------------------------------------------------------------------------
def keys() -> list[dict]:
    return json.loads(run(BINARY, "print-config", "--format", "json"))


def test_the_shipped_configuration_is_right(tmp_path):
    run(BINARY, "check-config", DEPLOY / "etc/sluice.toml", env=CLEAN_ENVIRONMENT)
    # What is commented out is right, too.
    text = re.sub(r"^# ((?:\[[a-z.]+\]|\w+ = .*))$", r"\1", (DEPLOY / "etc/sluice.toml").read_text(), flags=re.MULTILINE)
    assert text.count("\n#") < (DEPLOY / "etc/sluice.toml").read_text().count("\n#") - 5
    tenants = re.sub(r"^# ?(?=\[\[|\w+ = [\[{\"]|\]$|  \{ id)", "", (DEPLOY / "etc/tenants.toml").read_text(), flags=re.MULTILINE)
    assert '\nname = "acme"\n' in tenants
    (tmp_path / "tenants.toml").write_text(tenants.replace("sha256:…", "sha256:" + "5f" * 32))
    (tmp_path / "admin-token").write_text("0123456789abcdef0123456789abcdef\n")
    (tmp_path / "credentials").mkdir(mode=0o700)
    (tmp_path / "credentials/redis-password").write_text("secret\n")
    for file in ("tenants.toml", "admin-token", "credentials/redis-password"):
        (tmp_path / file).chmod(0o600)
    (tmp_path / "sluice.toml").write_text(text.replace("/etc/sluice", str(tmp_path)).replace("/var/lib/sluice", str(tmp_path)))
    run(BINARY, "check-config", tmp_path / "sluice.toml", env={**CLEAN_ENVIRONMENT, "CREDENTIALS_DIRECTORY": str(tmp_path / "credentials")})


def test_nothing_of_the_shipped_tenants_counts():
    assert not [line for line in (DEPLOY / "etc/tenants.toml").read_text().splitlines() if line and not line.startswith("#")]
    assert (DEPLOY / "etc/redis-password").read_bytes() == b""


def test_every_sysctl_has_its_reason():
    blocks = (DEPLOY / "systemd/sluice.sysctl").read_text().strip().split("\n\n")[1:]
    for block in blocks:
        *reason, setting = block.splitlines()
        assert len(reason) >= 2 and all(line.startswith("#") for line in reason) and re.fullmatch(r"-[a-z0-9_.]+ = \d+", setting), block


# --- pages -----------------------------------------------------------------------------------------------------------
def rendered(name: str) -> str:
    packages.require_pages()
    shown = subprocess.run(["man", "--warnings", "-E", "UTF-8", "-l", PAGES / name], capture_output=True, text=True,
                           env={"PATH": "/usr/bin:/bin", "MANWIDTH": "400", "LC_ALL": "C.UTF-8", "MANPAGER": "cat"})
    remarks = [line for line in shown.stderr.splitlines() if "can't break line" not in line]  # of long examples
    assert shown.returncode == 0 and not remarks, remarks
    return " ".join(shown.stdout.split())


def helps(program, *words) -> list[tuple[list, str]]:
    """(command, help) of a program and everything below it."""
    text = run(program, *words, "--help")
    below = re.search(r"^Subcommands:\n((?:  .*\n)+)", text, re.MULTILINE)
    names = re.findall(r"^  (\S+)", below[1], re.MULTILINE) if below else []
    return [(list(words), text)] + [each for name in names for each in helps(program, *words, name)]


def long_options(text: str) -> set[str]:
    return {option for line in re.findall(r"^  (?:-\w,)?(--[^ ]+)", text, re.MULTILINE) for option in line.split(",")}


@pytest.mark.parametrize("program, page", [(BINARY, "sluice.1.gz"), (LOAD, "sluice-load.1.gz")], ids=["sluice", "sluice-load"])
def test_the_manual_has_every_option(program, page):
    manual = rendered(page)
    missing = [f"{words} {option}" for words, text in helps(program) for option in long_options(text) if option != "--help" and option not in manual]
    assert not missing
    assert "EXIT STATUS" in manual


def test_the_manual_has_every_key():
    manual = rendered("sluice.toml.5.gz")
    assert not [key["key"] for key in keys() if " ".join(key["help"].split()) not in manual or key["environment"] not in manual]


def completed(program: str, *words: str) -> set[str]:
    """What bash offers for the last of the words."""
    script = (f"source {PAGES}/completion/{program}; COMP_WORDS=({' '.join(map(repr, words))}); COMP_CWORD={len(words) - 1}; "
              f"_{program.replace('-', '_')}; printf '%s\\n' \"${{COMPREPLY[@]}}\"")
    return set(run("bash", "--norc", "-c", script).split())


def test_completions_are_those_of_the_help(tmp_path):
    packages.require_pages()
    for program, name in ((BINARY, "sluice"), (LOAD, "sluice-load")):
        for words, text in helps(program):
            assert completed(name, name, *words, "--") == long_options(text), words
    assert completed("sluice", "sluice", "jou") == {"journal"}
    assert completed("sluice", "sluice", "journal", "") == {"ls", "cat", "verify", "export", "replay"}
    assert completed("sluice", "sluice", "serve", "--set", "sink.redis.part") == {"sink.redis.partitions="}
    (tmp_path / "engine.toml").touch()
    assert completed("sluice", "sluice", "serve", "--config", f"{tmp_path}/eng") == {f"{tmp_path}/engine.toml"}
    assert completed("sluice", "sluice", "check-config", f"{tmp_path}/eng") == {f"{tmp_path}/engine.toml"}


# --- for other systems -----------------------------------------------------------------------------------------------
def test_the_programs_need_little():
    for program, more in ((BINARY, set()), (LOAD, {"libcurl.so.4"})):
        assert packages.needed_libraries(program) <= LIBRARIES | more
        assert packages.glibc_needed(program) <= GLIBC_LEAST, "tools/package and docs/deployment.md say otherwise"


def test_the_tarball_runs_from_where_it_is(tmp_path):
    [archive] = packages.make("TGZ", tmp_path / "made")
    assert archive.name == "sluice-1.2.3-linux-x86_64.tar.gz"
    run("tar", "-xf", archive, "-C", tmp_path)
    top = tmp_path / "sluice-1.2.3-linux-x86_64"
    found = {path.relative_to(top).as_posix() for path in top.rglob("*") if path.is_file()}
    shared = {path.removeprefix("/usr/") for path in [*ENGINE_FILES, *LOAD_FILES] if re.match(r"/usr/(bin|share/(man|bash-completion|sluice))/", path)}
    examples = {f"share/sluice/deploy/{path.relative_to(DEPLOY)}" for folder in ("etc", "systemd") for path in (DEPLOY / folder).iterdir()}
    assert found == shared | examples | {"share/sluice/licences/sluice", "share/sluice/licences/sluice-load"}
    for name in ("sluice", "sluice-load"):
        assert run(top / "bin" / name, "--version").startswith(name)
        assert ".debug_info" not in run("readelf", "-S", top / "bin" / name)


def test_the_rpms_have_the_same_files(tmp_path):
    packages.require_tool("rpmbuild")
    assert {path.name for path in packages.make("RPM", tmp_path)} == {"sluice-1.2.3-1.x86_64.rpm", "sluice-load-1.2.3-1.x86_64.rpm"}
    for name, expected in (("sluice", ENGINE_FILES), ("sluice-load", LOAD_FILES)):
        package = tmp_path / f"{name}-1.2.3-1.x86_64.rpm"
        of_debian = ("/usr/share/lintian/", f"/usr/share/doc/{name}/changelog")
        folders = {"/etc/sluice", "/usr/share/sluice", f"/usr/share/doc/{name}"}
        assert set(run("rpm", "-qpl", package).split()) - folders == {path for path in expected if not path.startswith(of_debian)}
        needs = run("rpm", "-qp", "--requires", package)
        assert "libc.so.6(GLIBC_2.34)" in needs and "libssl.so.3" in needs and "libfmt" not in needs and "libstdc++" not in needs
    engine = tmp_path / "sluice-1.2.3-1.x86_64.rpm"
    assert run("rpm", "-qpc", engine).split() == sorted(path for path in ENGINE_FILES if path.startswith("/etc/"))
    assert "-rw-r-----" in next(line for line in run("rpm", "-qplv", engine).splitlines() if "tenants.toml" in line)
    assert "sluice" in next(line for line in run("rpm", "-qplv", engine).splitlines() if "tenants.toml" in line).split()[3]


def test_tools_package_teaches():
    shown = run(PROJECT / "tools/package", "--help")
    assert shown.startswith("tools/package") and "glibc 2.34" in shown
    refused = subprocess.run([PROJECT / "tools/package", "zip"], capture_output=True, text=True)
    assert refused.returncode == 2 and "zip" in refused.stderr and "--help" in refused.stderr
