"""A dashboard as a PNG: its panels in Grafana's grid, folded rows opened, drawn by matplotlib from what its queries returned."""

import re
from pathlib import Path
from typing import Callable

import matplotlib

matplotlib.use("agg")

from matplotlib import pyplot  # noqa: E402
from PIL import Image, PngImagePlugin  # noqa: E402

COLUMN_PX, LINE_PX, DPI = 52, 21, 100
COLUMNS = 24
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#777777", "#B2A000")  # Okabe and Ito's
STATUS_COLOURS = {"green": "#178a3a", "orange": "#d97706", "red": "#c2182b"}
LEGENDS_MAX = 4
LEGEND_CHARACTERS_MAX = 22  # of a name; longer ones stand below each other
PALETTE_COUNT = 48
SETTINGS = {"font.size": 7, "axes.spines.top": False, "axes.spines.right": False, "axes.linewidth": 0.5, "xtick.major.width": 0.5, "ytick.major.width": 0.5,
            "axes.titlesize": 8, "axes.titlelocation": "left", "axes.titleweight": "bold", "lines.linewidth": 1.0, "legend.fontsize": 6.5}

# Of each series its labels, and times (s) with values.
Series = list[tuple[dict, list[tuple[float, float]]]]


def short(number: float) -> str:
    return next((f"{number / size:.3g} {letter}" for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")) if abs(number) >= size), f"{number:.3g}")


def duration(seconds: float) -> str:
    return next((f"{seconds / size:.3g} {name}" for size, name in ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"), (1e-3, "ms"), (1e-6, "µs")) if abs(seconds) >= size),
                f"{seconds * 1e9:.3g} ns" if seconds else "0 s")


def bytes_of(number: float) -> str:
    return next((f"{number / size:.3g} {name}" for size, name in ((2**40, "TiB"), (2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB")) if abs(number) >= size), f"{number:.4g} B")


FORMATS: dict[str, Callable[[float], str]] = {
    "s": duration, "ns": lambda value: duration(value / 1e9), "bytes": bytes_of, "Bps": lambda value: bytes_of(value) + "/s", "percentunit": lambda value: f"{value * 100:.3g} %",
    **{unit: (lambda value: short(value) + "/s") for unit in ("reqps", "cps", "ops", "pps")}}


def formatted(value: float, unit: str) -> str:
    return FORMATS.get(unit, short)(value)


def legend(target: dict, labels: dict) -> str:
    """As Grafana makes it of a query's legend."""
    pattern = target.get("legendFormat", target.get("alias"))
    if pattern in ("__auto", ""):
        return ", ".join(value for name, value in labels.items() if name not in ("__name__", "job", "col")) or labels.get("col", "")
    text = re.sub(r"\{\{(\w+)\}\}", lambda match: labels.get(match[1], ""), pattern)
    text = re.sub(r"\$(?:tag_)?(\w+)", lambda match: labels.get(match[1], ""), text)
    return re.sub(r"/(?:[^/ ]+/){2,}", "…/", text)  # paths, cut


def newest(series: Series) -> Series:
    """Without series that had ended before the others did."""
    end_s = max(points[-1][0] for _, points in series)
    return [(labels, points) for labels, points in series if points[-1][0] > end_s - 2]


def opened(dashboard: dict) -> list[tuple[dict, float]]:
    """Rows and panels with the line that each begins at when all rows are open."""
    placed, line, begin = [], 0, 0
    for one in dashboard["panels"]:
        if one["type"] != "row":
            placed.append((one, begin + 1 + one["gridPos"]["y"] - row_line))
            continue
        begin, row_line = max([line, *(at + panel["gridPos"]["h"] for panel, at in placed)]), one["gridPos"]["y"] + 1
        line = begin + 1
        placed.append((one, begin))
        placed += [(panel, begin + 1 + panel["gridPos"]["y"] - row_line) for panel in one["panels"]]
    return placed


def titles(dashboard: dict) -> list[str]:
    """What a picture shows, in its order; it is kept in the file, so that a test sees whether the picture is old."""
    return [panel["title"] for panel, _ in opened(dashboard)]


class Picture:
    def __init__(self, dashboard: dict, series_of: Callable[[dict], Series]):
        """`series_of`: what a target's query returns."""
        self._dashboard, self._series_of = dashboard, series_of
        self._placed = opened(dashboard)
        self._lines = max(line + panel["gridPos"]["h"] for panel, line in self._placed) + 2  # the title takes two

    def save(self, path: Path) -> None:
        with pyplot.rc_context(SETTINGS):
            self._figure = pyplot.figure(figsize=(COLUMNS * COLUMN_PX / DPI, self._lines * LINE_PX / DPI), dpi=DPI, facecolor="white")
            self._figure.text(0.008, 1 - 1.2 / self._lines, self._dashboard["title"], fontsize=13, weight="bold", va="center")
            for panel, line in self._placed:
                self._draw(panel, line + 2)
            self._figure.savefig(path, dpi=DPI)
            pyplot.close(self._figure)
        self._reduce(path)

    def _reduce(self, path: Path) -> None:
        notes = PngImagePlugin.PngInfo()
        notes.add_text("Panels", "\n".join(titles(self._dashboard)))
        with Image.open(path) as image:
            small = image.convert("RGB").quantize(PALETTE_COUNT, dither=Image.Dither.NONE)
        small.save(path, optimize=True, pnginfo=notes)

    def _draw(self, panel: dict, line: float) -> None:
        place = panel["gridPos"]
        x, width = place["x"] / COLUMNS, place["w"] / COLUMNS
        if panel["type"] == "row":
            self._figure.text(0.008, 1 - (line + 0.6) / self._lines, panel["title"], fontsize=10, color="#555555", va="center")
            return
        left, right = 62 / (COLUMNS * COLUMN_PX), 14 / (COLUMNS * COLUMN_PX)
        bottom, top = line + place["h"] - 1.2, line + 1.4
        axes = self._figure.add_axes((x + left, 1 - bottom / self._lines, width - left - right, (bottom - top) / self._lines))
        axes.set_title(panel["title"], x=-left / (width - left - right) + 0.008 / width, pad=4)
        results = [(target, self._series_of(target)) for target in panel["targets"]]
        getattr(self, "_" + panel["type"])(axes, panel, results)

    def _stat(self, axes, panel: dict, results) -> None:
        axes.axis("off")
        [(target, returned)] = results
        series = newest(returned)
        defaults, value = panel["fieldConfig"]["defaults"], series[0][1][-1][1]
        colour = [step["color"] for step in defaults["thresholds"]["steps"] if step["value"] is None or value >= step["value"]][-1]
        text = formatted(value, defaults["unit"])
        for mapping in defaults["mappings"]:
            option = mapping["options"].get(f"{value:g}", {"text": text, "color": colour})
            text, colour = option["text"], option["color"]
        if panel["options"]["textMode"] == "name":
            text = legend(target, series[0][0])
        axes.text(0.4, 0.5, text, fontsize=15 if len(text) < 12 else 9, ha="center", va="center", color=STATUS_COLOURS[colour], transform=axes.transAxes)

    def _table(self, axes, panel: dict, results) -> None:
        axes.axis("off")
        [(_, series)] = results
        rows: dict[tuple, dict] = {}
        for labels, points in newest(series):
            key = tuple((name, value) for name, value in labels.items() if name not in ("__name__", "col"))
            rows.setdefault(key, {**dict(key)})[labels.get("col", "value")] = short(points[-1][1])
        columns = list(dict.fromkeys(name for row in rows.values() for name in row))
        cells = [[row.get(name, "") for name in columns] for row in list(rows.values())[:5]]
        table = axes.table(cells, colLabels=columns, cellLoc="left", loc="upper left", edges="horizontal")
        table.auto_set_font_size(False)
        table.set_fontsize(7)

    def _heatmap(self, axes, panel: dict, results) -> None:
        [(_, series)] = results
        buckets = sorted((float(labels["le"]), dict(points)) for labels, points in series)
        times = sorted({time for _, points in buckets for time in points})
        begin = times[0]
        counts = [[max(0.0, points.get(time, 0) - below.get(time, 0)) for time in times] for (_, below), (_, points) in zip([(0, {}), *buckets], buckets)]
        axes.pcolormesh([time - begin for time in times], range(len(buckets)), counts, cmap="YlOrRd", shading="nearest")
        ticks = range(0, len(buckets), max(1, len(buckets) // 5))
        axes.set_yticks(list(ticks), [formatted(buckets[index][0], "s") if buckets[index][0] != float("inf") else "more" for index in ticks])
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g} s")

    def _timeseries(self, axes, panel: dict, results) -> None:
        defaults = panel["fieldConfig"]["defaults"]
        lines = [(legend(target, labels), points) for target, series in results for labels, points in series]
        times = sorted({time for _, points in lines for time, _ in points})
        lines.sort(key=lambda line: -max(value for _, value in line[1]))
        if defaults["custom"]["stacking"]["mode"] == "normal":
            self._stack(axes, lines, times)
        else:
            for index, (name, points) in enumerate(lines):
                axes.plot([time - times[0] for time, _ in points], [value for _, value in points], color=COLOURS[index % len(COLOURS)],
                          label=name, marker="." if len(points) < 3 else None, markersize=3)
        self._finish_axes(axes, defaults, [name for name, _ in lines])

    @staticmethod
    def _stack(axes, lines, times: list[float]) -> None:
        heights = [[dict(points).get(time, 0.0) for time in times] for _, points in lines]
        axes.stackplot([time - times[0] for time in times], heights, labels=[name for name, _ in lines], colors=[COLOURS[index % len(COLOURS)] for index in range(len(lines))], alpha=0.8)

    @staticmethod
    def _finish_axes(axes, defaults: dict, names: list[str]) -> None:
        low, high = min(0, axes.dataLim.y0), axes.dataLim.y1
        top = defaults["max"] * 1.4 if "max" in defaults else high * 1.5 or 1
        axes.set_ylim(low * 1.1 - 0.03 * top, top)  # a line of zeros is seen above the axis
        axes.locator_params(nbins=4)
        axes.yaxis.set_major_formatter(lambda value, _: formatted(value, defaults["unit"]))
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g} s")
        axes.grid(axis="y", linewidth=0.4, color="#dddddd")
        axes.set_axisbelow(True)
        handles, labels = axes.get_legend_handles_labels()
        columns = 2 if all(len(name) < LEGEND_CHARACTERS_MAX for name in names[:LEGENDS_MAX]) else 1
        count = LEGENDS_MAX if columns == 2 else LEGENDS_MAX - 1
        if len(names) > count:
            labels[count - 1] += f"  (and {len(names) - count} more)"
        axes.legend(handles[:count], labels[:count], ncol=columns, loc="upper left", frameon=False, borderaxespad=0.1, handlelength=1, columnspacing=1, labelspacing=0.2)
