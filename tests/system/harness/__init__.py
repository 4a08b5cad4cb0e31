"""What the system tests share: the real binary, a real Redis, and clients that see every byte."""

from .engine import Engine, assert_conserved
from .http_client import HttpConnection, Response, render_request
from .process import Child, cpu_seconds, reserve_port, rss_bytes, wait_until
from .redis_cluster import RedisCluster
from .redis_server import RedisServer
from .sentinels import Sentinels
from .tls import Authority, RecordClient, TlsConnection, tls_settings
from .traffic import Load, device_ids, ndjson, sample, stream_entries
from .users import as_user

__all__ = [
    "Authority", "Child", "Engine", "HttpConnection", "Load", "RecordClient", "RedisCluster", "RedisServer", "Response", "Sentinels", "TlsConnection", "as_user", "assert_conserved",
    "cpu_seconds", "device_ids", "ndjson", "render_request", "reserve_port", "rss_bytes", "sample", "stream_entries", "tls_settings", "wait_until",
]
