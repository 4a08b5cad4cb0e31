"""Writes report.html, report.json, report.md and plots/*.svg."""

import json
from pathlib import Path
from typing import Sequence

from . import markdown, page
from .contenders import Contender
from .plots import plots_of
from .results import Comparison
from .scenarios import Scenario


def write(comparison: Comparison, scenarios: Sequence[Scenario], contenders: Sequence[Contender], directory: Path) -> None:
    """Plots of the first scenario have their plain names; those of the others, their scenario's before it."""
    (directory / "plots").mkdir(parents=True, exist_ok=True)
    (directory / "report.json").write_text(json.dumps(comparison.json(), indent=1) + "\n")
    (directory / "report.md").write_text(markdown.report(comparison, scenarios, contenders))
    plots = {scenario.name: plots_of(comparison, scenario, contenders) for scenario in scenarios}
    for number, scenario in enumerate(scenarios):
        for name, svg in plots[scenario.name].items():
            (directory / "plots" / (f"{name}.svg" if number == 0 else f"{scenario.name}-{name}.svg")).write_text(svg)
    (directory / "report.html").write_text(page.report(comparison, scenarios, contenders, plots))
