"""report.md: a table for docs/performance.md first, then every scenario."""

from typing import Sequence

from .contenders import Contender
from .results import Comparison
from .scenarios import Scenario
from .tables import Table, headline_table, tables_of
from .text import facts, method, starvation
from .verdict import verdict


def as_markdown(table: Table) -> str:
    lines = ["| " + " | ".join(table.heads) + " |", "|" + "---|" * len(table.heads)]
    lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in table.rows]
    text = "\n".join(lines) + "\n"
    if table.notes:
        text += "\n" + "\n".join(f"- {note}" for note in table.notes) + "\n"
    return text


def report(comparison: Comparison, scenarios: Sequence[Scenario], contenders: Sequence[Contender]) -> str:
    first, *others = verdict(comparison, scenarios[0], contenders) or [""]
    parts = ["# Sluice beside others\n", *([first + "\n", *(f"- {line}" for line in others), ""] if first else [])]
    headline = headline_table(comparison, scenarios[0], contenders)
    if headline.rows:
        parts += [as_markdown(headline), "![latency by percentile](plots/latency.svg)\n", "![CPU time of a request](plots/cpu.svg)\n"]
    parts += [*(f"- {line}" for line in facts(comparison)), ""]
    for scenario in scenarios:
        parts += [f"## {scenario.title}\n", *(as_markdown(table) for table in tables_of(comparison, scenario, contenders))]
    parts += [f"{paragraph}\n" for paragraph in starvation(comparison, scenarios)]
    parts += ["## How it was measured\n", *(f"- {line}" for line in method(comparison)), ""]
    return "\n".join(parts)
