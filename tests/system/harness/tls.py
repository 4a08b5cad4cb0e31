"""Certificates of a test's own, and clients that speak TLS: one on a socket, one whose records the test sees and cuts."""

import os
import socket
import ssl
import subprocess
import time
from pathlib import Path
from typing import Optional, Sequence

from .http_client import HttpConnection
from .process import PATIENCE_S, reserve_port


def openssl(*arguments: object) -> str:
    finished = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True, timeout=60)
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


class Authority:
    """A certificate authority in a directory. Keys are ECDSA P-256."""

    def __init__(self, directory: Path, name: str = "Test CA"):
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        self.certificate = directory / "ca.pem"
        self._key = directory / "ca.key"
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", self._key,
                "-out", self.certificate, "-days", 30, "-subj", f"/CN={name}")

    def issue(self, name: str, names: Sequence[str] = ("DNS:localhost", "IP:127.0.0.1"), days: int = 30,
              usage: str = "serverAuth", algorithm: Sequence[str] = ("ec", "-pkeyopt", "ec_paramgen_curve:P-256")) -> tuple[Path, Path]:
        """A certificate and its key, in files."""
        certificate, key, request, extensions = (self.directory / f"{name}.{end}" for end in ("pem", "key", "csr", "ext"))
        lines = [f"extendedKeyUsage={usage}"] + ([f"subjectAltName={','.join(names)}"] if names else [])
        extensions.write_text("\n".join(lines))
        openssl("req", "-new", "-newkey", *algorithm, "-nodes", "-keyout", key, "-out", request, "-subj", f"/CN={name}")
        openssl("x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self._key, "-CAcreateserial", "-days", days,
                "-extfile", extensions, "-out", certificate)
        key.chmod(0o600)
        return certificate, key

    def _office(self) -> list:
        """Options of `openssl ca`."""
        (self.directory / "index.txt").touch()
        for name in ("serial", "crlnumber"):
            if not (self.directory / name).exists():
                (self.directory / name).write_text("1000\n")
        configuration = self.directory / "ca.cnf"
        configuration.write_text("[ca]\ndefault_ca=own\n[own]\ndatabase={0}/index.txt\nserial={0}/serial\ncrlnumber={0}/crlnumber\n"
                                 "new_certs_dir={0}\ndefault_md=sha256\ndefault_days=30\ndefault_crl_days=30\npolicy=any\nunique_subject=no\n"
                                 "[any]\ncommonName=supplied\n".format(self.directory))
        return ["-batch", "-config", configuration, "-keyfile", self._key, "-cert", self.certificate]

    def renew(self, pair: tuple[Path, Path], lasts_s: int) -> tuple[Path, Path]:
        """The same certificate, from now on for so many seconds."""
        end = time.strftime("%Y%m%d%H%M%SZ", time.gmtime(time.time() + lasts_s))
        request, extensions = (pair[0].with_suffix(suffix) for suffix in (".csr", ".ext"))
        openssl("ca", *self._office(), "-in", request, "-out", pair[0], "-extfile", extensions, "-enddate", end, "-notext")
        return pair

    def revoke(self, *pairs: tuple[Path, Path], lasts_s: int = 30 * 86400) -> Path:
        """A list of all that were ever revoked, these too, in a file."""
        options, path = self._office(), self.directory / "list.crl"
        for certificate, _ in pairs:
            openssl("ca", *options, "-revoke", certificate)
        openssl("ca", *options, "-gencrl", "-crlsec", lasts_s, "-out", path.with_suffix(".new"))
        os.replace(path.with_suffix(".new"), path)
        return path

    def client(self, version: Optional[ssl.TLSVersion] = None, **options) -> ssl.SSLContext:
        """A client that trusts this authority; of one version, if it is given."""
        context = ssl.create_default_context(cafile=str(self.certificate))
        if version:
            context.minimum_version = context.maximum_version = version
        for name, value in options.items():
            setattr(context, name, value)
        return context


def tls_settings(pair: tuple[Path, Path], **more) -> tuple[tuple[str, int], dict]:
    """An address for TLS, and the settings of an engine that listens there."""
    address = ("127.0.0.1", reserve_port())
    settings = {"tls.listen": "{}:{}".format(*address), "tls.certificate": pair[0], "tls.key": pair[1]}
    return address, {**settings, **{f"tls.{name}": value for name, value in more.items()}}


class TlsConnection(HttpConnection):
    """An HTTP client over TLS."""

    def __init__(self, address, context: ssl.SSLContext, timeout_s: float = PATIENCE_S, session=None,
                 server_hostname: str = "localhost", receive_buffer_bytes: Optional[int] = None):
        super().__init__(address, timeout_s, receive_buffer_bytes)
        try:
            self.socket = context.wrap_socket(self.socket, server_hostname=server_hostname, session=session)
        except BaseException:
            self.socket.close()
            raise

    @property
    def session(self):
        return self.socket.session


class RecordClient:
    """TLS in memory: the test moves the records itself."""

    def __init__(self, address, context: ssl.SSLContext, timeout_s: float = PATIENCE_S):
        self.socket = socket.create_connection(address, timeout=timeout_s)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname="localhost")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def records(self) -> bytes:
        """What is to be sent."""
        return self._outgoing.read()

    def receive(self) -> None:
        received = self.socket.recv(65536)
        if not received:
            self._incoming.write_eof()
            raise EOFError("the server ended the connection")
        self._incoming.write(received)

    def handshake(self, send=None) -> None:
        send = send or self.socket.sendall
        while True:
            try:
                self.tls.do_handshake()
                return send(self.records())
            except ssl.SSLWantReadError:
                send(self.records())
                self.receive()

    def sealed(self, data: bytes) -> bytes:
        self.tls.write(data)
        return self.records()

    def read(self, size: int = 65536) -> bytes:
        while True:
            try:
                return self.tls.read(size)
            except ssl.SSLWantReadError:
                self.receive()
