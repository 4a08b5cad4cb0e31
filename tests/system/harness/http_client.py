"""An HTTP/1.1 client that hides nothing: raw bytes out, exact responses in.

http.client and the like mend, merge or refuse what these tests have to send and see.
"""

import json
import socket
from dataclasses import dataclass
from typing import Iterable, Optional, Union

from .process import PATIENCE_S

HeaderLines = Iterable[tuple[str, str]]


@dataclass(frozen=True)
class Response:
    version: str
    status: int
    reason: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> Optional[str]:
        """The value of a header that may occur once, None if absent."""
        values = [value for key, value in self.headers if key.lower() == name.lower()]
        assert len(values) <= 1, f"{name} occurs {len(values)} times"
        return values[0] if values else None

    def json(self):
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """The stable error code of a refusal."""
        return self.json()["code"]

    @property
    def closes(self) -> bool:
        return (self.header("Connection") or "").lower() == "close"


def render_request(method: str, target: str, body: Optional[bytes] = None, headers: HeaderLines = (),
                   version: str = "HTTP/1.1") -> bytes:
    """A well-formed request; `headers` come after Host and Content-Length."""
    lines = [f"{method} {target} {version}", "Host: sluice.test"]
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    lines += [f"{name}: {value}" for name, value in headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + (body or b"")


def as_body(content: Union[bytes, str, dict, list]) -> bytes:
    if isinstance(content, bytes):
        return content
    return (content if isinstance(content, str) else json.dumps(content)).encode()


class HttpConnection:
    """One connection, by TCP or to the path of a Unix socket. Reading fails loudly on a reset; a clean end of stream is
    `EOFError`."""

    def __init__(self, address: Union[tuple[str, int], str], timeout_s: float = PATIENCE_S,
                 receive_buffer_bytes: Optional[int] = None, source: Optional[str] = None):
        if isinstance(address, str):
            self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self.socket.settimeout(timeout_s)
            self.socket.connect(address)
        else:
            self.socket = socket.socket(socket.AF_INET6 if ":" in address[0] else socket.AF_INET, socket.SOCK_STREAM)
            self.socket.settimeout(timeout_s)
            if receive_buffer_bytes:  # set before it connects: the window that it offers first depends on it
                self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer_bytes)
            if source:  # the address that it comes from: any of 127.0.0.0/8
                self.socket.bind((source, 0))
            self.socket.connect(address)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._unread = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def _receive_more(self) -> None:
        received = self.socket.recv(65536)
        if not received:
            raise EOFError(f"the connection ended after {self._unread[:200]!r}")
        self._unread += received

    def _take(self, size: int) -> bytes:
        while len(self._unread) < size:
            self._receive_more()
        taken, self._unread = self._unread[:size], self._unread[size:]
        return taken

    def _take_through(self, mark: bytes) -> bytes:
        while mark not in self._unread:
            self._receive_more()
        return self._take(self._unread.index(mark) + len(mark))

    def read_response(self, to_head: bool = False) -> Response:
        """The next response, interim (1xx) ones included; a body is delimited by Content-Length only."""
        status_line, *lines = self._take_through(b"\r\n\r\n")[:-4].decode("ascii").split("\r\n")
        version, status, reason = status_line.split(" ", 2)
        headers = tuple((name, value.strip()) for name, _, value in (line.partition(":") for line in lines))
        response = Response(version, int(status), reason, headers, b"")
        if to_head or response.status < 200 or response.status in (204, 304):
            return response
        length = response.header("Content-Length")
        assert length is not None, f"a final response without Content-Length: {status_line}"
        return Response(version, int(status), reason, headers, self._take(int(length)))

    def read_to_end(self) -> bytes:
        """Everything up to the server's half-close. A reset instead of an end raises ConnectionResetError."""
        while True:
            try:
                self._receive_more()
            except EOFError:
                rest, self._unread = self._unread, b""
                return rest

    def request(self, method: str, target: str, body: Optional[bytes] = None, headers: HeaderLines = ()) -> Response:
        self.send(render_request(method, target, body, headers))
        return self.read_response(to_head=method == "HEAD")

    def post(self, content: Union[bytes, str, dict, list], query: str = "",
             content_type: str = "application/json", headers: HeaderLines = ()) -> Response:
        """POST /telemetry; dicts and lists are rendered as JSON, bytes are sent as they are."""
        return self.request("POST", f"/telemetry{query}", as_body(content), [("Content-Type", content_type), *headers])
