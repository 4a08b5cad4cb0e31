"""The report's plots as SVG, on white whatever the reader's colours are."""

import io
from dataclasses import dataclass
from typing import Callable, Optional, Sequence

import matplotlib

matplotlib.use("svg")

from matplotlib import pyplot  # noqa: E402
from matplotlib.patches import Patch  # noqa: E402
from matplotlib.ticker import FixedFormatter, FixedLocator, FuncFormatter, NullLocator  # noqa: E402

from . import slo  # noqa: E402
from .contenders import Contender  # noqa: E402
from .results import Cell, Comparison, Run, Spread, median_curve, spread  # noqa: E402
from .scenarios import Scenario  # noqa: E402
from .tables import highest_rate, number, only_median  # noqa: E402

# Okabe and Ito's colours, which colour-blind readers tell apart; dashes are those who wait for Redis.
STYLES = {
    "sluice-io_uring-queued": ("#0072B2", "-"), "sluice-io_uring-stored": ("#0072B2", "--"),
    "sluice-epoll-queued": ("#009E73", "-"), "sluice-epoll-stored": ("#009E73", "--"),
    "baseline-8": ("#D55E00", "-"), "baseline-128": ("#E69F00", "-"), "webdis": ("#AA4499", "--"), "nginx": ("#777777", ":"),
}
HATCHES = ("", "////")  # of the bars in a group
PERCENTILES = (50, 90, 99, 99.9, 99.99, 99.999)
SETTINGS = {"svg.hashsalt": "sluice", "font.size": 11, "axes.spines.top": False, "axes.spines.right": False,
            "figure.facecolor": "white", "axes.facecolor": "white", "axes.titlelocation": "left", "axes.titlesize": 12}


def plain(title: str) -> str:
    return title.replace("`", "")


def name_of(contender: Contender, runs: Sequence[Run], separator: str = " ") -> str:
    """With what a reader must not overlook."""
    marks = ([] if contender.stores else ["stores nothing"]) + (["INVALID"] if any(run.generator_faults for run in runs) else [])
    return plain(contender.title) + (f"{separator}({', '.join(marks)})" if marks else "")


def svg_of(figure) -> str:
    text = io.StringIO()
    figure.savefig(text, format="svg", bbox_inches="tight", metadata={"Date": None}, facecolor="white")
    pyplot.close(figure)
    return text.getvalue()


def milliseconds(value: float, _=None) -> str:
    if value >= 1000:
        return f"{value / 1000:g} s"
    return f"{value:g} ms" if value >= 1 else f"{value * 1000:g} µs"


def latency(comparison: Comparison, scenario: Scenario, contenders: Sequence[Contender]) -> Optional[str]:
    """Latency by percentile at the offered rate; as far right as there are requests. None if nobody ran."""
    with pyplot.rc_context(SETTINGS):
        figure, axes = pyplot.subplots(figsize=(8.6, 4.6))
        rightmost = 90.0
        for contender in contenders:
            cell = comparison.cell(contender.name, scenario.name)
            curve = median_curve(cell.offered) if cell else []
            if not curve:
                continue
            color, dashes = STYLES[contender.name]
            axes.plot([1 / (1 - at / 100) for at, _ in curve], [ms for _, ms in curve], dashes, color=color, linewidth=1.9,
                      label=name_of(contender, cell.offered))
            rightmost = max(rightmost, curve[-1][0])
        if not axes.lines:
            pyplot.close(figure)
            return None
        shown = [at for at in PERCENTILES if at <= rightmost]
        axes.set(xscale="log", yscale="log", xlabel="percentile", ylabel="latency, corrected for coordinated omission")
        axes.xaxis.set(major_locator=FixedLocator([1 / (1 - at / 100) for at in shown]), minor_locator=NullLocator(),
                       major_formatter=FixedFormatter([f"{at:g} %" for at in shown]))
        axes.yaxis.set_major_formatter(FuncFormatter(milliseconds))
        axes.set_xlim(left=1)
        axes.grid(True, which="major", color="#dddddd", linewidth=0.7)
        offered = f"{scenario.rate:,} requests/s offered" if scenario.is_paced else f"a request every {scenario.think_ms} ms each"
        axes.set_title(f"Latency by percentile: {scenario.title}; {offered}", pad=12)
        axes.legend(frameon=False, fontsize=10, loc="upper left", bbox_to_anchor=(1.0, 1.0))
        return svg_of(figure)


@dataclass(frozen=True)
class Series:
    """One kind of bar."""
    label: str
    runs: Callable[[Cell], Sequence[Run]]  # that it is taken from
    value: Callable[[Cell], Optional[Spread]]
    told: Callable[[Cell], str] = lambda cell: ""  # beside the bar, instead of the median


def bars(title: str, label: str, comparison: Comparison, scenario: Scenario, contenders: Sequence[Contender],
         series: Sequence[Series]) -> Optional[str]:
    """A group of bars for each contender: medians, with the spread as a line. None if nobody has a value above 0."""
    found = [(contender, comparison.cell(contender.name, scenario.name)) for contender in contenders]
    measured = [(contender, cell) for contender, cell in found if cell and any(one.value(cell) for one in series)]
    greatest = max((one.value(cell).greatest for _, cell in measured for one in series if one.value(cell)), default=0.0)
    if not greatest:
        return None
    with pyplot.rc_context(SETTINGS):
        figure, axes = pyplot.subplots(figsize=(8.6, 0.8 + (0.3 + 0.17 * len(series)) * len(measured)))
        height = 0.72 / len(series)
        for row, (contender, cell) in enumerate(measured):
            color, dashes = STYLES[contender.name]
            for number_of, (one, hatch) in enumerate(zip(series, HATCHES)):
                value = one.value(cell)
                if not value:
                    continue
                at = row + (number_of - (len(series) - 1) / 2) * height
                axes.barh(at, value.median, color=color, alpha=1 if dashes == "-" else 0.6, height=height, hatch=hatch, edgecolor="white",
                          linewidth=0)
                axes.plot([value.least, value.greatest], [at, at], color="#222222", linewidth=1, marker="|", markersize=5)
                axes.text(value.greatest + greatest * 0.012, at, one.told(cell) or number(value.median), va="center", fontsize=9)
        axes.set_yticks(range(len(measured)), [name_of(contender, [run for one in series for run in one.runs(cell)], "\n")
                                               for contender, cell in measured])
        axes.invert_yaxis()
        axes.set_xlim(0, greatest * 1.12)
        axes.xaxis.set_major_formatter(FuncFormatter(lambda at, _: f"{at / 1000:,.0f}k" if greatest >= 10_000 and at else f"{at:,.0f}"))
        axes.grid(True, axis="x", color="#dddddd", linewidth=0.7)
        axes.set_axisbelow(True)
        axes.set_xlabel(label)
        axes.set_title(title, pad=10)
        if len(series) > 1:
            axes.legend(handles=[Patch(facecolor="#777777", edgecolor="white", hatch=hatch, label=one.label)
                                 for one, hatch in zip(series, HATCHES)], frameon=False, fontsize=9, loc="upper left",
                        bbox_to_anchor=(1.0, 1.0))
        return svg_of(figure)


def cpu(comparison: Comparison, scenario: Scenario, contenders: Sequence[Contender]) -> Optional[str]:
    offered = f"{scenario.rate:,} requests/s offered" if scenario.is_paced else f"a request every {scenario.think_ms} ms each"
    series = [Series(label, runs, lambda cell, runs=runs: spread([run for run in runs(cell) if run.succeeded], lambda run: run.cpu_us))
              for label, runs in ((offered, lambda cell: cell.offered), ("flat out", lambda cell: cell.flat_out))]
    return bars(f"CPU time of a request: {scenario.title}", "µs of the server's CPU for each 2xx; median, least – greatest",
                comparison, scenario, contenders, series if scenario.is_paced else series[:1])


def rate(comparison: Comparison, scenario: Scenario, contenders: Sequence[Contender]) -> Optional[str]:
    return bars(f"Highest rate within {slo.TEXT}: {scenario.title}", "requests/s; median, least – greatest",
                comparison, scenario, contenders,
                [Series("", lambda cell: [search.run for search in cell.searches if search.run],
                        lambda cell: spread(cell.searches, lambda search: search.rate), lambda cell: highest_rate(cell, only_median))])


def flat_out(comparison: Comparison, scenario: Scenario, contenders: Sequence[Contender]) -> Optional[str]:
    return bars(f"Flat out: {scenario.title}", "2xx a second, closed loop; median, least – greatest", comparison, scenario, contenders,
                [Series("", lambda cell: cell.flat_out, lambda cell: spread(cell.flat_out, lambda run: run.achieved_rate))])


PLOTS = {"latency": latency, "cpu": cpu, "rate": rate, "flat-out": flat_out}


def plots_of(comparison: Comparison, scenario: Scenario, contenders: Sequence[Contender]) -> dict[str, str]:
    """Name → SVG, of those that have something to show."""
    drawn = {name: draw(comparison, scenario, contenders) for name, draw in PLOTS.items()}
    return {name: svg for name, svg in drawn.items() if svg}
