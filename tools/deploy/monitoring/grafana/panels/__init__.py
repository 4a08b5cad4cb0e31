"""The dashboards, from which `write_dashboards` makes the JSON that Grafana reads."""

from . import delivery, engine, hosts, load, redis
from .model import as_json

DASHBOARDS = tuple(module.DASHBOARD for module in (engine, delivery, redis, hosts, load))

__all__ = ["DASHBOARDS", "as_json"]
