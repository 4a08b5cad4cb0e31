"""The Debian package in a root of its own, made by debootstrap: installed, started by the lines of its unit, upgraded and
downgraded while loaded, removed, purged. systemd does not run there; where its answer counts, a script answers."""
# runs: release

import os
import re
import shutil
import signal
import subprocess
import threading
import time

import pytest

from harness import HttpConnection, packages, reserve_port, sample, wait_until
from harness.engine import PROJECT
from harness.packages import run
from harness.process import Child

pytestmark = [pytest.mark.skipif(os.environ.get("SLUICE_LONG") != "1", reason="debootstrap takes a minute; tools/test --long runs it"),
              pytest.mark.skipif(os.geteuid() != 0, reason="debootstrap and chroot need root")]
CACHED = PROJECT / ".deps/debian-root"
OLD, NEW = "1.2.3", "1.2.4"
FAKE_SYSTEMCTL = """#!/bin/sh
# Answers for a systemd, and remembers what it was asked.
echo "$*" >> /systemctl.log
case "$*" in *is-active*) exec cat /is-active >/dev/null ;; *is-enabled*) echo enabled ;; esac
"""


def make_root() -> None:
    """Debian 12 with what the package depends on, from the mirror that this machine uses."""
    mirrors = run("apt-get", "indextargets", "--format", "$(REPO_URI) $(ORIGIN) $(LABEL)", "Created-By: Packages")
    mirror = next(line.split()[0] for line in mirrors.splitlines() if line.endswith(" Debian Debian"))
    unfinished = CACHED.with_suffix(".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    run("debootstrap", "--variant=minbase", "--include=systemd-standalone-sysusers,libssl3,libcurl4", "bookworm", unfinished, mirror)
    unfinished.rename(CACHED)


class Root:
    """One Debian. Mounts belong to the commands in it, and end with them."""

    def __init__(self, path, versions: dict):
        self.path = path
        run("cp", "-a", CACHED, path)
        shutil.copytree(versions["directory"], path / "packages")
        self.ports = {"listen": reserve_port(), "admin": reserve_port()}

    def command(self, *words) -> list[str]:
        mounts = f"mount -t proc proc {self.path}/proc && mount --bind /dev {self.path}/dev && exec chroot {self.path} \"$@\""
        return ["unshare", "--mount", "--propagation", "private", "sh", "-c", mounts, "sh", *map(str, words)]

    def run(self, *words) -> str:
        """What it prints on both streams."""
        done = subprocess.run(self.command(*words), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"})
        assert done.returncode == 0, f"{words}:\n{done.stdout}"
        return done.stdout

    def install(self, version: str) -> str:
        return self.run("dpkg", "-i", f"/packages/{version}/sluice_{version}_amd64.deb")

    def fake_systemd(self, is_active: bool) -> None:
        (self.path / "run/systemd/system").mkdir(parents=True, exist_ok=True)
        (self.path / "usr/bin/systemctl").write_text(FAKE_SYSTEMCTL)
        (self.path / "usr/bin/systemctl").chmod(0o755)
        (self.path / "systemctl.log").write_text("")
        (self.path / "is-active").unlink(missing_ok=True)
        if is_active:
            (self.path / "is-active").touch()

    def asked(self) -> str:
        return (self.path / "systemctl.log").read_text()

    def configure(self, redis_url: str, more: str = "") -> None:
        """As an administrator does it: ports and Redis, in the file of the package."""
        file = self.path / "etc/sluice/sluice.toml"
        text = file.read_text().replace("127.0.0.1:8080", f"127.0.0.1:{self.ports['listen']}").replace("127.0.0.1:8081", f"127.0.0.1:{self.ports['admin']}")
        file.write_text(text.replace("redis://127.0.0.1:6379", redis_url).replace('drain_lame_duck = "5s"', 'drain_lame_duck = "0s"') + more)

    def start(self, tmp_path) -> Child:
        """The unit's user, folders, umask, its limit of descriptors where it may be raised, and its lines."""
        for folder, mode in ((f"run/{packages.unit_value('RuntimeDirectory')}", 0o755), (f"var/lib/{packages.unit_value('StateDirectory')}", 0o750)):
            (self.path / folder).mkdir(exist_ok=True)
            (self.path / folder).chmod(mode)
            self.run("chown", f"{packages.unit_value('User')}:{packages.unit_value('Group')}", f"/{folder}")
        limits = f"umask {packages.unit_value('UMask')} && {{ ulimit -n {packages.unit_value('LimitNOFILE')} 2>/dev/null || :; }} && exec \"$@\""
        as_user = ["sh", "-c", limits, "sh", "setpriv", "--reuid", packages.unit_value("User"), "--regid", packages.unit_value("Group"),
                   "--init-groups", "--inh-caps=-all", "--bounding-set=-all", "--no-new-privs"]
        for line in packages.unit_commands("ExecStartPre"):
            self.run(*as_user, *line)
        [serve] = packages.unit_commands("ExecStart")
        child = Child(self.command(*as_user, *serve), tmp_path, "engine", {"PATH": "/usr/bin:/bin:/usr/sbin:/sbin"})

        def ready():
            assert child.exit_code is None, child.output()
            try:
                return HttpConnection(("127.0.0.1", self.ports["admin"])).request("GET", "/ready").status == 200
            except OSError:
                return False

        wait_until(ready, "the engine is ready")
        return child

    def stop(self, child: Child) -> None:
        child.signal(signal.SIGTERM)
        assert child.wait(float(packages.unit_value("TimeoutStopSec"))) == 0, child.output()


@pytest.fixture(scope="module")
def versions(tmp_path_factory):
    packages.require_tool("debootstrap")
    if not CACHED.exists():
        make_root()
    directory = tmp_path_factory.mktemp("packages")
    for version in (OLD, NEW):
        packages.make("DEB", directory / version, version)
    return {"directory": directory}


@pytest.fixture
def root(versions, tmp_path):
    made = Root(tmp_path / "root", versions)
    yield made
    shutil.rmtree(made.path)


def mode_of(root: Root, path: str) -> str:
    return root.run("stat", "-c", "%a %U:%G", path).strip()


def test_installed(root):
    root.install(OLD)
    assert mode_of(root, "/etc/sluice/tenants.toml") == "640 root:sluice"
    assert mode_of(root, "/etc/sluice/redis-password") == "600 root:root"
    assert mode_of(root, "/etc/sluice/sluice.toml") == "644 root:root"
    assert re.search(r"sluice:x:\d+:\d+:Sluice:/var/lib/sluice:/usr/sbin/nologin", (root.path / "etc/passwd").read_text())
    assert (root.path / "etc/systemd/system/multi-user.target.wants/sluice.service").is_symlink()
    assert "sluice 0." in root.run("sluice", "--version")
    root.run("dpkg", "-i", f"/packages/{OLD}/sluice-load_{OLD}_amd64.deb")
    assert root.run("sluice-load", "--version").startswith("sluice-load")
    assert root.run("dpkg", "--audit") == ""


def test_the_first_start_and_each_upgrade_ask_systemd(root):
    root.fake_systemd(is_active=False)
    root.install(OLD)
    assert re.search(r"\bstart\b.*sluice.service", root.asked())
    root.fake_systemd(is_active=False)
    root.install(NEW)
    assert "restart" not in root.asked() and not re.search(r"\bstart\b", root.asked()), "a stopped engine stays stopped"
    root.fake_systemd(is_active=True)
    root.install(NEW)
    assert "restart sluice.service" in root.asked()
    # A configuration that the new version refuses: the old engine goes on.
    root.fake_systemd(is_active=True)
    (root.path / "etc/sluice/sluice.toml").write_text("no_such_key = 1\n")
    said = root.install(NEW)
    assert "restart" not in root.asked() and "goes on running" in said and "no_such_key" in said
    root.fake_systemd(is_active=True)
    root.run("dpkg", "-r", "sluice")
    assert re.search(r"\bstop\b.*sluice.service", root.asked())


class Sender(threading.Thread):
    """One request after another, each on a connection of its own."""

    def __init__(self, port: int):
        super().__init__()
        self._port, self._stops = port, threading.Event()
        self.acknowledged, self.failures = [], []

    def run(self) -> None:
        while not self._stops.is_set():
            device = f"device-{len(self.acknowledged)}"
            try:
                status = HttpConnection(("127.0.0.1", self._port)).post(sample(device)).status
                (self.acknowledged if status == 200 else self.failures).append(device)
            except OSError as error:
                self.failures.append(str(error))
            time.sleep(0.005)

    def stop(self) -> None:
        self._stops.set()
        self.join()


@pytest.mark.parametrize("first, second", [(OLD, NEW), (NEW, OLD)], ids=["upgrade", "downgrade"])
def test_another_version_while_loaded(root, starter, tmp_path, first, second):
    redis = starter.redis()
    root.install(first)
    root.configure(redis.url, '\n[journal]\ndirectory = "/var/lib/sluice/journal"\n')
    engine = root.start(tmp_path)
    sender = Sender(root.ports["listen"])
    sender.start()
    wait_until(lambda: len(sender.acknowledged) > 20, "samples are taken")
    said = root.install(second)
    assert ("downgrading" in said) == (second == OLD)
    before = len(sender.acknowledged)
    wait_until(lambda: len(sender.acknowledged) > before + 20, "the engine goes on while its package is replaced")
    sender.stop()
    assert not sender.failures
    assert f"127.0.0.1:{root.ports['listen']}" in (root.path / "etc/sluice/sluice.toml").read_text()
    assert mode_of(root, "/etc/sluice/tenants.toml") == "640 root:sluice"
    assert mode_of(root, "/var/lib/sluice/journal") == "700 sluice:sluice"
    root.stop(engine)
    engine = root.start(tmp_path)
    later = Sender(root.ports["listen"])
    later.start()
    wait_until(lambda: later.acknowledged, "the other version takes samples")
    later.stop()
    root.stop(engine)
    stored = {entry[b"device_id"].decode() for _, entry in redis.client().xrange("telemetry")}
    assert set(sender.acknowledged + later.acknowledged) <= stored


def test_removed_and_purged(root, starter, tmp_path):
    root.install(OLD)
    root.configure(starter.redis().url, '\n[journal]\ndirectory = "/var/lib/sluice/journal"\n')
    root.stop(root.start(tmp_path))
    said = root.run("dpkg", "-r", "sluice")
    assert "/var/lib/sluice/journal is left" in said
    assert (root.path / "var/lib/sluice/journal").is_dir() and (root.path / "etc/sluice/sluice.toml").exists()
    assert not (root.path / "usr/bin/sluice").exists()
    said = root.run("dpkg", "-P", "sluice")
    assert "purge deletes /var/lib/sluice" in said
    assert not (root.path / "var/lib/sluice").exists() and not (root.path / "etc/sluice").exists()
    assert not (root.path / "etc/systemd/system/multi-user.target.wants/sluice.service").is_symlink()
    assert "sluice:" in (root.path / "etc/passwd").read_text(), "files elsewhere may belong to it"
    # It can be installed again.
    root.install(OLD)
    assert mode_of(root, "/etc/sluice/tenants.toml") == "640 root:sluice"
