"""Load balancers in front of engines: the real programs, where tools/setup has put them."""

import os
import shutil
from pathlib import Path
from typing import Optional, Sequence

from .http_client import HttpConnection
from .process import Child, reserve_port, wait_until

PREFIX = Path(__file__).resolve().parents[3] / ".deps/prefix/usr"
PROGRAM_PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", str(PREFIX / "sbin"), str(PREFIX / "bin")])

HAPROXY = shutil.which("haproxy", path=PROGRAM_PATH)
NGINX = shutil.which("nginx", path=PROGRAM_PATH)

Address = tuple[str, int]


class Proxy:
    """One load balancer on a loopback port of its own. It chooses among the engines in turn."""

    def __init__(self, directory: Path):
        self.address: Address = ("127.0.0.1", reserve_port())
        self._directory = directory
        self._child: Optional[Child] = None

    def _start(self, command: Sequence[object], name: str):
        self._child = Child(command, self._directory, name)

        def answers() -> bool:
            assert self._child.exit_code is None, f"{name} ended:\n{self.log()}"
            try:
                with HttpConnection(self.address) as connection:
                    return connection.request("GET", "/health").status == 200
            except OSError:
                return False

        try:
            wait_until(answers, f"{name} passes requests on")
        except AssertionError:
            self.kill()
            raise
        return self

    def log(self) -> str:
        return self._child.output()

    def kill(self) -> None:
        if self._child is not None:
            self._child.kill()


class HaProxy(Proxy):
    """It asks /ready every 100 ms, and leaves an engine at the first answer that is not 200."""

    def start(self, engines: Sequence[Address], server_options: str = "", frontend: str = "") -> "HaProxy":
        """`server_options`: of each server; `frontend`: a line more for the frontend."""
        servers = "\n".join(f"  server engine{index} {host}:{port} {server_options}"
                            for index, (host, port) in enumerate(engines))
        config = self._directory / "haproxy.cfg"
        config.write_text(f"""
defaults
  mode http
  timeout connect 10s
  timeout check 10s
  timeout client 60s
  timeout server 60s
  retries 3
  option redispatch 1
frontend clients
  bind {self.address[0]}:{self.address[1]}
  {frontend}
  default_backend engines
backend engines
  balance roundrobin
  option httpchk GET /ready
  http-check expect status 200
  default-server check inter 100ms fall 1 rise 1
{servers}
""")
        return self._start([HAPROXY, "-db", "-f", config], "haproxy")


class Nginx(Proxy):
    """It has no health checks: it learns of an engine's end by what becomes of its requests. As by default it sends no
    POST twice that an engine may have read.
    """

    def start(self, engines: Sequence[Address], keeps_connections: bool, location: str = "") -> "Nginx":
        """`location`: directives more for all paths."""
        servers = " ".join(f"server {host}:{port} max_fails=0;" for host, port in engines)
        keeping = 'proxy_http_version 1.1; proxy_set_header Connection "";' if keeps_connections else ""
        temporary = " ".join(f"{kind}_temp_path {self._directory}/{kind};"
                             for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        config = self._directory / "nginx.conf"
        config.write_text(f"""
daemon off; master_process off; pid {self._directory}/pid; error_log stderr;
events {{ worker_connections 1024; }}
http {{
  access_log off; keepalive_requests 1000000000; {temporary}
  upstream engines {{ {servers} {"keepalive 16;" if keeps_connections else ""} }}
  server {{
    listen {self.address[0]}:{self.address[1]};
    location / {{ proxy_pass http://engines; {keeping} {location} }}
  }}
}}
""")
        return self._start([NGINX, "-p", self._directory, "-c", config, "-e", "stderr"], "nginx")
