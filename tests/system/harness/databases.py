"""InfluxDB 1.6 and VictoriaMetrics of one test, on loopback ports and in directories of their own."""

import json
import os
import shutil
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

from .engine import PROJECT
from .process import PATIENCE_S, Child, reserve_port, wait_until


def find_program(name: str):
    """From the system, or unpacked by tools/setup; None if it is in neither."""
    unpacked = [PROJECT / ".deps/prefix/usr" / folder / name for folder in ("bin", "sbin")]
    return shutil.which(name) or next((str(path) for path in unpacked if path.exists()), None)


INFLUXD = find_program("influxd")
VICTORIA_METRICS = find_program("victoria-metrics")


def fetch(url: str, body: bytes = None) -> bytes:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url, body, timeout=PATIENCE_S) as response:
        return response.read()


class _Database:
    def _start(self, command, directory: Path, name: str, health: str, environment=None) -> None:
        self._child = Child(command, directory, name, environment)

        def answers():
            assert self._child.exit_code is None, f"{name} ended:\n{self._child.output()[-2000:]}"
            try:
                fetch(self.url + health)
                return True
            except OSError:
                return False

        try:
            wait_until(answers, f"{name} answers")
        except AssertionError:
            self._child.kill()
            raise

    def kill(self) -> None:
        self._child.kill()


class InfluxDb(_Database):
    def __init__(self, directory: Path, user: str = "", password: str = ""):
        """With a user it takes nothing without the password."""
        port = reserve_port()
        self.url = f"http://127.0.0.1:{port}"
        settings = {"REPORTING_DISABLED": "true", "BIND_ADDRESS": f"127.0.0.1:{reserve_port()}", "META_DIR": directory / "meta",
                    "DATA_DIR": directory / "data", "DATA_WAL_DIR": directory / "wal", "HTTP_BIND_ADDRESS": f"127.0.0.1:{port}",
                    "MONITOR_STORE_ENABLED": "false", "HTTP_AUTH_ENABLED": "true" if user else "false"}
        self._credentials = {}
        environment = {**os.environ, **{f"INFLUXDB_{name}": str(value) for name, value in settings.items()}}
        self._start([INFLUXD, "run", "-config", "/dev/null"], directory, "influxd", "/ping", environment)
        if user:
            self.query(f"CREATE USER \"{user}\" WITH PASSWORD '{password}' WITH ALL PRIVILEGES")
            self._credentials = {"u": user, "p": password}

    def series(self, statement: str, database: str = "", epoch: str = "") -> list[dict]:
        """The series of a statement's first result: {"name", "tags", "columns", "values"}; times in `epoch`, else as text."""
        form = urllib.parse.urlencode({"db": database, "q": statement, **({"epoch": epoch} if epoch else {})}).encode()
        credentials = urllib.parse.urlencode(self._credentials)  # are not read in the form
        answer = json.loads(fetch(f"{self.url}/query?{credentials}", form))["results"][0]
        assert "error" not in answer, answer
        return answer.get("series", [])

    def query(self, statement: str, database: str = "") -> list[dict]:
        """The rows of a statement's first result, each with its tags."""
        return [{**series.get("tags", {}), **dict(zip(series["columns"], row))}
                for series in self.series(statement, database) for row in series["values"]]


class VictoriaMetrics(_Database):
    def __init__(self, directory: Path):
        port = reserve_port()
        self.url = f"http://127.0.0.1:{port}"
        self._start([VICTORIA_METRICS, f"-httpListenAddr=127.0.0.1:{port}", f"-storageDataPath={directory / 'victoria'}",
                     "-memory.allowedBytes=64MB", "-loggerLevel=WARN"], directory, "victoria-metrics", "/health")

    def export(self, selector: str) -> list[dict]:
        """Each series that matches: {"metric": labels, "values": […], "timestamps": […]}."""
        fetch(self.url + "/internal/force_flush")  # what was just written is otherwise seen a second later
        lines = fetch(self.url + "/api/v1/export?" + urllib.parse.urlencode({"match[]": selector}))
        return [json.loads(line) for line in lines.splitlines()]
