"""What a dashboard is made of: rows, panels and queries, and how they become Grafana's JSON (schema 39, Grafana 11).

In PromQL `@name{labels}` stands for the series of the engines that are chosen above the dashboard, and `#name{labels}` for
those of the hosts, `&name{labels}` for those of Redis. A panel is placed behind the one before it; a row of the grid is 24 wide.
"""

import re
from dataclasses import dataclass, field

PROMETHEUS = {"type": "prometheus", "uid": "sluice-prometheus"}
LOAD = {"type": "influxdb", "uid": "sluice-influxdb-load"}
ENGINE_IN_INFLUXDB = {"type": "influxdb", "uid": "sluice-influxdb-engine"}

GRID_COLUMNS = 24
RATE = "[$__rate_interval]"


@dataclass(frozen=True)
class Query:
    text: str
    legend: str = ""
    source: dict = field(default_factory=lambda: PROMETHEUS)


@dataclass(frozen=True)
class Panel:
    title: str
    description: str
    unit: str
    queries: tuple[Query, ...]
    kind: str = "timeseries"
    width: int = 8
    height: int = 8
    thresholds: tuple[tuple[str, float | None], ...] = ()  # (colour, from which value on), ascending; green below unless the first says otherwise (None)
    words: tuple[tuple[str, str, str], ...] = ()  # (value, word, colour)
    stacks: bool = False
    max: float | None = None


@dataclass(frozen=True)
class Row:
    title: str
    panels: tuple[Panel, ...]
    collapses: bool = False


@dataclass(frozen=True)
class Dashboard:
    uid: str
    title: str
    description: str
    variables: tuple[dict, ...]
    rows: tuple[Row, ...]
    span: str = "now-1h"


def q(text: str, legend: str = "") -> Query:
    """PromQL."""
    selected = re.sub(r"([@#&])(\w+)(?:\{([^}]*)\})?", _selected, " ".join(text.split()))
    return Query(selected, legend)


SELECTORS = {"@": 'job="sluice",instance=~"$instance"', "#": 'job="node",instance=~"$node"', "&": 'job="redis",instance=~"$redis"'}


def _selected(match: re.Match) -> str:
    return f"{match[2]}{{{SELECTORS[match[1]]}{',' + match[3] if match[3] else ''}}}"


def quantile(share: float, histogram: str, by: str = "") -> str:
    labels = ", ".join(word for word in ("le", by) if word)
    name, brace, labels_of_series = histogram.partition("{")
    return f"histogram_quantile({share}, sum by ({labels}) (rate({name}_bucket{brace}{labels_of_series}{RATE})))"


def per_second(counter: str, by: str = "") -> str:
    return f"sum{f' by ({by})' if by else ''} (rate({counter}{RATE}))"


def stat(title: str, description: str, unit: str, query: Query, width: int = 3, **more) -> Panel:
    return Panel(title, description, unit, (query,), kind="stat", width=width, height=4, **more)


def graph(title: str, description: str, unit: str, *queries: Query, **more) -> Panel:
    return Panel(title, description, unit, queries, **more)


def query_variable(name: str, label: str, query: str, source: dict) -> dict:
    """One whose values the data source tells; the first choice is all of them."""
    target = {"query": query, "refId": "variable"} if source["type"] == "prometheus" else query
    return {"name": name, "label": label, "type": "query", "datasource": source, "query": target, "refresh": 2, "sort": 1,
            "multi": True, "includeAll": True, "allValue": ".*", "hide": 0, "regex": "", "skipUrlSync": False, "options": [],
            "current": {"selected": True, "text": ["All"], "value": ["$__all"]}}


INSTANCE = query_variable("instance", "engine", 'label_values(sluice_build_info{job="sluice"}, instance)', PROMETHEUS)


def _steps(thresholds) -> list:
    has_lowest = thresholds and thresholds[0][1] is None
    return [{"color": colour, "value": value} for colour, value in (*(() if has_lowest else (("green", None),)), *thresholds)]


def _mappings(words) -> list:
    options = {value: {"text": word, "color": colour, "index": index} for index, (value, word, colour) in enumerate(words)}
    return [{"type": "value", "options": options}] if words else []


def _custom(panel: Panel) -> dict:
    if panel.kind != "timeseries":
        return {}
    return {"drawStyle": "line", "lineWidth": 1, "fillOpacity": 20 if panel.stacks else 5, "showPoints": "never", "spanNulls": False,
            "stacking": {"mode": "normal" if panel.stacks else "none", "group": "A"}, "axisSoftMin": 0}


OPTIONS = {
    "timeseries": {"legend": {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []}, "tooltip": {"mode": "multi", "sort": "desc"}},
    "stat": {"colorMode": "value", "graphMode": "none", "justifyMode": "auto", "textMode": "auto", "orientation": "auto",
             "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False}},
    "table": {"showHeader": True, "cellHeight": "sm", "footer": {"show": False, "reducer": ["sum"], "countRows": False}},
    "heatmap": {"calculate": False, "color": {"mode": "scheme", "scheme": "Spectral", "steps": 64, "reverse": True, "exponent": 0.5, "fill": "dark-orange"},
                "cellGap": 1, "yAxis": {"unit": "s", "axisPlacement": "left"}, "tooltip": {"mode": "single", "showColorScale": False, "yHistogram": False},
                "legend": {"show": True}, "rowsFrame": {"layout": "auto"}, "exemplars": {"color": "red"}, "filterValues": {"le": 1e-9}},
}


def _target(panel: Panel, query: Query, ref: str) -> dict:
    target = {"refId": ref, "datasource": query.source}
    if query.source["type"] == "prometheus":
        is_instant = panel.kind in ("stat", "table")
        form = {"table": "table", "heatmap": "heatmap"}.get(panel.kind, "time_series")
        return {**target, "editorMode": "code", "expr": query.text, "legendFormat": query.legend or "__auto", "range": not is_instant, "instant": is_instant, "format": form}
    return {**target, "rawQuery": True, "query": query.text, "alias": query.legend, "resultFormat": "table" if panel.kind == "table" else "time_series"}


def _panel(panel: Panel, number: int, x: int, y: int) -> dict:
    defaults = {"unit": panel.unit, "thresholds": {"mode": "absolute", "steps": _steps(panel.thresholds)}, "mappings": _mappings(panel.words),
                "color": {"mode": "thresholds" if panel.kind == "stat" else "palette-classic"}, "custom": _custom(panel)}
    if panel.max is not None:
        defaults |= {"min": 0, "max": panel.max}
    options = dict(OPTIONS[panel.kind])
    if panel.kind == "stat" and panel.queries[0].legend:
        options["textMode"] = "name"  # what is of interest stands in the labels
    return {"id": number, "type": panel.kind, "title": panel.title, "description": panel.description, "datasource": panel.queries[0].source,
            "gridPos": {"x": x, "y": y, "w": panel.width, "h": panel.height}, "fieldConfig": {"defaults": defaults, "overrides": []}, "options": options,
            "targets": [_target(panel, query, chr(ord("A") + index)) for index, query in enumerate(panel.queries)]}


class _Grid:
    """Places panels from left to right; ids count up, rows included."""

    def __init__(self):
        self._x = self._y = self._line_height = self._id = 0

    def next_id(self) -> int:
        self._id += 1
        return self._id

    def _end_line(self) -> None:
        self._y += self._line_height
        self._x = self._line_height = 0

    def row(self, row: Row) -> list[dict]:
        self._end_line()
        head = {"id": self.next_id(), "type": "row", "title": row.title, "collapsed": row.collapses,
                "gridPos": {"x": 0, "y": self._y, "w": GRID_COLUMNS, "h": 1}, "panels": []}
        self._y += 1
        begin = self._y
        panels = [self._place(panel) for panel in row.panels]
        if not row.collapses:
            return [head, *panels]
        self._end_line()
        self._y = begin  # a row that is folded up takes no room
        return [{**head, "panels": panels}]

    def _place(self, panel: Panel) -> dict:
        if self._x + panel.width > GRID_COLUMNS:
            self._end_line()
        placed = _panel(panel, self.next_id(), self._x, self._y)
        self._x += panel.width
        self._line_height = max(self._line_height, panel.height)
        return placed


def as_json(dashboard: Dashboard) -> dict:
    grid = _Grid()
    links = [{"type": "dashboards", "title": "Sluice", "tags": ["sluice"], "asDropdown": True, "includeVars": True, "keepTime": True, "icon": "external link",
              "targetBlank": False, "tooltip": "", "url": ""}]
    return {"uid": dashboard.uid, "title": dashboard.title, "description": dashboard.description, "tags": ["sluice"], "schemaVersion": 39, "version": 1,
            "editable": True, "graphTooltip": 1, "fiscalYearStartMonth": 0, "timezone": "browser", "refresh": "5s", "time": {"from": dashboard.span, "to": "now"},
            "timepicker": {}, "annotations": {"list": []}, "links": links, "templating": {"list": list(dashboard.variables)},
            "panels": [panel for row in dashboard.rows for panel in grid.row(row)]}
