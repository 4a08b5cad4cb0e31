"""Tokens made by the real command, and files of tenants."""

import subprocess
from pathlib import Path
from typing import NamedTuple

from .engine import BINARY, CLEAN_ENVIRONMENT


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
