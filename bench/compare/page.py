"""report.html: everything on one page that loads nothing."""

import base64
import html
import re
from typing import Mapping, Sequence

from .contenders import Contender
from .results import Comparison
from .scenarios import Scenario
from .tables import Table, headline_table, tables_of
from .text import facts, method, starvation
from .verdict import verdict

STYLE = """
:root { color-scheme: light; }
body { font: 15px/1.5 system-ui, sans-serif; color: #1b1b1b; background: #fff;
  max-width: 84rem; margin: 0 auto; padding: 1rem 1.5rem 4rem; }
h1 { margin-bottom: .3rem; } h2 { margin-top: 2.5rem; border-top: 1px solid #ccc; padding-top: 1rem; }
.wide { overflow-x: auto; margin: 1rem 0; }
table { border-collapse: collapse; font-size: 12.5px; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .42rem; border-bottom: 1px solid #ddd; text-align: right; vertical-align: top; }
thead th { vertical-align: bottom; border-bottom: 2px solid #666; font-weight: 600; }
th:first-child, th.words, td.words { text-align: left; } tbody th, td { white-space: nowrap; }
td.words { white-space: normal; min-width: 6.5rem; }
td.bad { color: #a40000; font-weight: 600; } td small { display: block; color: #666; } td.bad small { color: inherit; }
img { display: block; max-width: 100%; height: auto; margin: 1rem 0; }
ul { padding-left: 1.2rem; } .facts { color: #555; font-size: 13px; }
pre { font-size: 12px; overflow-x: auto; background: #f6f6f6; padding: .6rem; } code { font-size: .95em; }
nav a { margin-right: 1rem; }
"""
BAD = re.compile("LOST|INVALID|UNFINISHED")
SECOND_LINE = re.compile(r" (\([\d.,]+ – [\d.,]+\)|(?:INVALID|UNFINISHED) in .*)$")
WORDY = ("a 2xx means",)  # columns of words


def text(markdown: str) -> str:
    """The two marks that the report's sentences use: `code` and **strong**."""
    escaped = html.escape(markdown)
    escaped = re.sub(r"`([^`]+)`", r"<code>\1</code>", escaped)
    return re.sub(r"\*\*(.+?)\*\*", r"<strong>\1</strong>", escaped)


def cell(index: int, head: str, content: str) -> str:
    if index == 0:
        return f"<th scope=row>{text(content)}</th>"
    kinds = " ".join(name for name, is_so in (("words", head in WORDY), ("bad", BAD.search(content))) if is_so)
    shown = SECOND_LINE.sub(r"<small>\1</small>", text(content))
    return f'<td class="{kinds}">{shown}</td>'


def as_html(table: Table) -> str:
    heads = "".join(f"<th scope=col{' class=words' if head in WORDY else ''}>{text(head)}</th>" for head in table.heads)
    rows = "".join("<tr>" + "".join(cell(index, head, content) for index, (head, content) in enumerate(zip(table.heads, row)))
                   + "</tr>\n" for row in table.rows)
    return f"<div class=wide><table><thead><tr>{heads}</tr></thead><tbody>\n{rows}</tbody></table></div>\n{items(table.notes)}"


def items(lines: Sequence[str], kind: str = "") -> str:
    if not lines:
        return ""
    return f"<ul{f' class={kind}' if kind else ''}>" + "".join(f"<li>{text(line)}</li>\n" for line in lines) + "</ul>\n"


def image(svg: str, name: str) -> str:
    data = base64.b64encode(svg.encode()).decode()
    return f'<img alt="{html.escape(name)}" src="data:image/svg+xml;base64,{data}">\n'


def searches(comparison: Comparison, scenario: Scenario, contenders: Sequence[Contender]) -> str:
    """What sluice-load printed of each rate that it tried."""
    printed = []
    for contender in contenders:
        found = comparison.cell(contender.name, scenario.name)
        for search in found.searches if found else []:
            printed.append(f"<h4>{text(contender.title)}</h4><pre>{html.escape(search.curve)}</pre>")
    return "<details><summary>Every rate that was tried</summary>" + "".join(printed) + "</details>\n" if printed else ""


def section(comparison: Comparison, scenario: Scenario, contenders: Sequence[Contender], plots: Mapping[str, str]) -> str:
    first, *others = tables_of(comparison, scenario, contenders)
    return (f'<h2 id="{scenario.name}">{text(scenario.title)}</h2>\n' + as_html(first)
            + "".join(image(svg, f"{scenario.title}: {name}") for name, svg in plots.items())
            + "".join(as_html(table) for table in others) + searches(comparison, scenario, contenders))


def report(comparison: Comparison, scenarios: Sequence[Scenario], contenders: Sequence[Contender],
           plots: Mapping[str, Mapping[str, str]]) -> str:
    """`plots`: scenario → name → SVG."""
    headline = headline_table(comparison, scenarios[0], contenders)
    first, *others = verdict(comparison, scenarios[0], contenders) or [""]
    links = "".join(f'<a href="#{scenario.name}">{text(scenario.title)}</a>' for scenario in scenarios)
    return ("<!doctype html>\n<html lang=en><head><meta charset=utf-8><title>Sluice beside others</title>\n"
            "<meta http-equiv=Content-Security-Policy content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'\">\n"
            '<meta name=viewport content="width=device-width, initial-scale=1">\n'
            f"<style>{STYLE}</style></head><body>\n<h1>Sluice beside others</h1>\n"
            + (f"<p>{text(first)}</p>\n{items(others)}" if first else "")
            + (as_html(headline) if headline.rows else "")
            + f"{items(facts(comparison), 'facts')}<nav>{links}</nav>\n"
            + "".join(f"<p>{text(paragraph)}</p>\n" for paragraph in starvation(comparison, scenarios))
            + "".join(section(comparison, scenario, contenders, plots.get(scenario.name, {})) for scenario in scenarios)
            + "<h2>How it was measured</h2>\n" + items(method(comparison)) + "</body></html>\n")
