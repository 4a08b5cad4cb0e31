"""Tokens made by the real command, and files of tenants."""

import signal
import subprocess
import time
from pathlib import Path
from typing import NamedTuple

from .engine import BINARY, CLEAN_ENVIRONMENT, Engine


class Token(NamedTuple):
    text: str
    line: str  # for the file of tenants

    @property
    def id(self) -> str:
        return self.text.split("_")[1]

    @property
    def hash(self) -> str:
        return self.line.split('"')[3]


def new_token(tenant: str, *options: str) -> Token:
    done = subprocess.run([BINARY, "token", "new", "--tenant", tenant, *options], env=CLEAN_ENVIRONMENT, text=True,
                          capture_output=True, timeout=30, check=True)
    text, line, rest = done.stdout.split("\n")
    assert not rest and not done.stderr
    return Token(text, line.partition("  #")[0])


def tenant_table(name: str, *tokens: str, more: str = "") -> str:
    """A [[tenant]] with the lines of its tokens and more members."""
    return f'[[tenant]]\nname = "{name}"\ntokens = [{", ".join(tokens)}]\n{more}\n'


def write_tenants(path: Path, *tables: str) -> str:
    path.write_text("\n".join(tables))
    path.chmod(0o600)
    return str(path)


class MeteredTenant:
    """A tenant whose quota a test lowers for a while, with a reload of the running engine."""

    def __init__(self, path: Path):
        self._path = path
        self._token = new_token("metered")
        self._write("")

    @property
    def token(self) -> str:
        return self._token.text

    @property
    def settings(self) -> dict:
        return {"tenants.file": self._path}

    def lower_quota_for(self, engine: Engine, seconds: float) -> None:
        """One request a second is let in then. At least one was refused."""
        refused_before = self._over_quota(engine)
        self._reload(engine, "quota = { requests_per_s = 1, burst_s = 0.1 }")
        time.sleep(seconds)
        self._reload(engine, "")
        assert self._over_quota(engine) > refused_before

    def _write(self, more: str) -> None:
        write_tenants(self._path, tenant_table("metered", self._token.line, more=more))

    def _reload(self, engine: Engine, more: str) -> None:
        self._write(more)
        generation = engine.status()["settings_generation"]
        engine.signal(signal.SIGHUP)
        engine.wait_settings_used(generation + 1)

    @staticmethod
    def _over_quota(engine: Engine) -> int:
        line = 'sluice_tenant_over_quota_total{tenant="metered"} '
        return sum(int(text.removeprefix(line)) for text in engine.metrics().splitlines() if text.startswith(line))
