"""The report's plots as SVG, on white whatever the reader's colours are."""

import io
from typing import Callable, Optional, Sequence

import matplotlib

matplotlib.use("svg")

from matplotlib import pyplot  # noqa: E402
from matplotlib.ticker import FixedFormatter, FixedLocator, FuncFormatter, NullLocator  # noqa: E402

from .contenders import Contender  # noqa: E402
from .results import Cell, Comparison, Run, Spread, median_curve, spread  # noqa: E402
from .scenarios import Scenario  # noqa: E402
from .tables import SLO_TEXT, highest_rate, number, only_median  # noqa: E402

# Okabe and Ito's colours, which colour-blind readers tell apart; dashes are those who wait for Redis.
STYLES = {
    "sluice-io_uring-queued": ("#0072B2", "-"), "sluice-io_uring-stored": ("#0072B2", "--"),
    "sluice-epoll-queued": ("#009E73", "-"), "sluice-epoll-stored": ("#009E73", "--"),
    "baseline-8": ("#D55E00", "-"), "baseline-128": ("#E69F00", "-"), "webdis": ("#AA4499", "--"), "nginx": ("#777777", ":"),
}
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


def bars(title: str, label: str, comparison: Comparison, scenario: Scenario, contenders: Sequence[Contender],
         runs_of: Callable[[Cell], Sequence[Run]], value: Callable[[Cell], Optional[Spread]],
         told: Callable[[Cell], str] = lambda _: "") -> Optional[str]:
    """A bar for each contender: the median, with the spread as a line and `told` (or the number) beside it.

    None if nobody has a value above 0.
    """
    measured = []
    for contender in contenders:
        cell = comparison.cell(contender.name, scenario.name)
        spread_of = value(cell) if cell else None
        if spread_of:
            measured.append((contender, name_of(contender, runs_of(cell), "\n"), spread_of, told(cell) or number(spread_of.median)))
    greatest = max((one.greatest for _, _, one, _ in measured), default=0.0)
    if not greatest:
        return None
    with pyplot.rc_context(SETTINGS):
        figure, axes = pyplot.subplots(figsize=(8.6, 0.8 + 0.42 * len(measured)))
        for row, (contender, _, one, words) in enumerate(measured):
            color, dashes = STYLES[contender.name]
            axes.barh(row, one.median, color=color, alpha=1 if dashes == "-" else 0.6, height=0.66)
            axes.plot([one.least, one.greatest], [row, row], color="#222222", linewidth=1.2, marker="|", markersize=6)
            axes.text(one.greatest + greatest * 0.012, row, words, va="center", fontsize=10)
        axes.set_yticks(range(len(measured)), [name for _, name, _, _ in measured])
        axes.invert_yaxis()
        axes.set_xlim(0, greatest * 1.12)
        axes.xaxis.set_major_formatter(FuncFormatter(lambda at, _: f"{at:,.0f}"))
        axes.grid(True, axis="x", color="#dddddd", linewidth=0.7)
        axes.set_axisbelow(True)
        axes.set_xlabel(label)
        axes.set_title(title, pad=10)
        return svg_of(figure)


def cpu(comparison: Comparison, scenario: Scenario, contenders: Sequence[Contender]) -> Optional[str]:
    offered = f"at {scenario.rate:,} requests/s" if scenario.is_paced else "as offered"
    return bars(f"CPU time of a request {offered}: {scenario.title}", "µs of the server's CPU for each 2xx; median, least – greatest",
                comparison, scenario, contenders, lambda cell: cell.offered,
                lambda cell: spread([run for run in cell.offered if run.succeeded], lambda run: run.cpu_us))


def rate(comparison: Comparison, scenario: Scenario, contenders: Sequence[Contender]) -> Optional[str]:
    return bars(f"Highest rate within {SLO_TEXT}: {scenario.title}", "requests/s; median, least – greatest",
                comparison, scenario, contenders, lambda cell: [search.run for search in cell.searches if search.run],
                lambda cell: spread(cell.searches, lambda search: search.rate), lambda cell: highest_rate(cell, only_median))


def flat_out(comparison: Comparison, scenario: Scenario, contenders: Sequence[Contender]) -> Optional[str]:
    return bars(f"Flat out: {scenario.title}", "2xx a second, closed loop; median, least – greatest",
                comparison, scenario, contenders, lambda cell: cell.flat_out,
                lambda cell: spread(cell.flat_out, lambda run: run.achieved_rate))


PLOTS = {"latency": latency, "cpu": cpu, "rate": rate, "flat-out": flat_out}


def plots_of(comparison: Comparison, scenario: Scenario, contenders: Sequence[Contender]) -> dict[str, str]:
    """Name → SVG, of those that have something to show."""
    drawn = {name: draw(comparison, scenario, contenders) for name, draw in PLOTS.items()}
    return {name: svg for name, svg in drawn.items() if svg}
