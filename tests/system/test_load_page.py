"""The page that sluice-load --html writes, in a real browser: nothing loads, nothing complains, nothing overlaps."""
# runs: release

import subprocess

import pytest

from harness.browser import CHROMIUM, Browser
from harness.engine import BINARY

SAMPLE_REPORT = BINARY.parent / "sluice-load-sample-report"

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")

# What a reader would see go wrong, as a list of sentences.
LAYOUT_PROBLEMS = """(() => {
const problems = [];
const overlap = (a, b) => a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 1 && b.top < a.bottom - 1;
for (const svg of document.querySelectorAll("figure.plot > .canvas > svg")) {
  const box = svg.getBoundingClientRect();
  const texts = [...svg.querySelectorAll("text")].map(text => [text.textContent, text.getBoundingClientRect()]);
  if (texts.length < 4) problems.push(`${svg.ariaLabel}: few labels`);
  texts.forEach(([name, a], i) => {
    if (a.height < 11) problems.push(`${svg.ariaLabel}: "${name}" is too small to read`);
    if (a.left < box.left || a.right > box.right + 1 || a.bottom > box.bottom + 1) problems.push(`${svg.ariaLabel}: "${name}" is cut`);
    for (const [other, b] of texts.slice(i + 1)) if (overlap(a, b)) problems.push(`${svg.ariaLabel}: "${name}" overlaps "${other}"`);
  });
  for (const line of svg.querySelectorAll("path.line")) if (line.getTotalLength() < 50) problems.push(`${svg.ariaLabel}: an empty line`);
}
const blocks = [...document.querySelectorAll("header > *, main > *")];
blocks.slice(1).forEach((block, i) => {
  if (overlap(block.getBoundingClientRect(), blocks[i].getBoundingClientRect())) problems.push(`${block.textContent.slice(0, 30)} overlaps`);
});
for (const head of document.querySelectorAll("th")) {
  const box = head.getBoundingClientRect();
  if (box.height > 3 * box.width) problems.push(`${head.textContent} is squeezed`);
}
const width = document.documentElement.clientWidth;
for (const box of document.querySelectorAll(".wide")) {
  if (width > 1000 && box.scrollWidth > box.clientWidth) problems.push(`a table is cut: ${box.textContent.slice(0, 30)}`);
}
if (document.documentElement.scrollWidth > width) problems.push(`wider than ${width} px`);
return problems;
})()"""

# WCAG 2.2's contrast of text with its ground, the lowest on the page: 4.5 is its level AA.
CONTRAST_MIN = """(() => {
const light = color => {
  const [r, g, b] = color.match(/[\\d.]+/g).map(Number).map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const ground = element => {
  for (; element; element = element.parentElement) {
    const color = getComputedStyle(element).backgroundColor;
    if (!color.startsWith("rgba(")) return color;
  }
  return "rgb(255, 255, 255)";
};
const ratios = [...document.querySelectorAll("body *:not(title)")].filter(e => [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim())).map(e => {
  const style = getComputedStyle(e);
  const [a, b] = [light(e instanceof SVGElement ? style.fill : style.color), light(ground(e))];
  return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
});
return Math.min(...ratios);
})()"""


@pytest.fixture(scope="module")
def browser(workspace):
    browser = Browser(workspace)
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def pages(workspace):
    found = {}
    for name, options in (("valid", []), ("invalid", ["--invalid"])):
        directory = workspace / name
        directory.mkdir()
        subprocess.run([SAMPLE_REPORT, directory, *options], check=True, timeout=120)
        found[name] = directory / "run.html"
    found["comparison"] = directory / "comparison.html"
    return found


@pytest.mark.parametrize("name", ["valid", "invalid"])
def test_it_loads_nothing_and_complains_of_nothing(pages, browser, name):
    browser.open(pages[name])
    assert browser.complaints == []
    assert browser.requests == []
    assert browser.evaluate("document.querySelectorAll('script').length") == 0, "what the target's name says is text"
    assert "<script>alert(1)</script>" in browser.evaluate("document.querySelector('h1').textContent")
    assert browser.evaluate("[...document.querySelectorAll('figure.plot > .canvas > svg')].map(svg => svg.ariaLabel)") == [
        "Latency by percentile", "Latency over time", "Rate over time", "Errors over time", "Lag before sending",
        "Open connections"]
    banner = browser.evaluate("document.querySelector('[role=alert]')?.textContent ?? ''")
    assert ("INVALID" in banner and "p99 was 2.1 ms" in banner) == (name == "invalid")


def test_a_constant_rate_is_drawn_level(pages, browser):
    # The warm-up ends within a second and one answer comes a moment after the end: neither is a rise or a fall.
    browser.open(pages["valid"])
    heights = browser.evaluate("""(() => {
      const svg = document.querySelector("svg[aria-label='Rate over time']");
      return [...svg.querySelectorAll("path.line")].map(line => line.getBBox().height);
    })()""")
    assert len(heights) == 3 and max(heights) < 2, heights


def test_this_test_would_see_what_loads(pages, browser):
    page = pages["valid"].read_text()
    addition = "<img src='http://outside.example/pixel.png'><script>console.log(1)</script></body>"
    guarded = pages["valid"].with_name("guarded.html")
    guarded.write_text(page.replace("</body>", addition))
    browser.open(guarded)
    assert any("Content Security Policy" in complaint for complaint in browser.complaints), "the page's own policy forbids both"
    assert not any("console-api" in complaint for complaint in browser.complaints)
    unguarded = pages["valid"].with_name("unguarded.html")
    unguarded.write_text(page.replace("Content-Security-Policy", "x").replace("</body>", addition))
    browser.open(unguarded)
    assert browser.requests == ["http://outside.example/pixel.png"]
    assert browser.complaints


def test_a_comparison_is_such_a_page_too(pages, browser):
    browser.open(pages["comparison"])
    assert browser.complaints == [] and browser.requests == []
    assert browser.evaluate("[...document.querySelectorAll('tbody th')].map(th => th.firstChild.data)") == ["baseline <8 threads>", "sluice"]
    assert browser.evaluate("document.querySelectorAll('figure.plot > .canvas > svg').length") == 3


@pytest.mark.parametrize("width", [1280, 800, 720, 520, 360])
@pytest.mark.parametrize("name", ["valid", "invalid", "comparison"])
def test_nothing_overlaps(pages, browser, name, width):
    browser.open(pages[name], width=width)
    assert browser.evaluate(LAYOUT_PROBLEMS) == []


@pytest.mark.parametrize("dark, media", [(False, "screen"), (True, "screen"), (True, "print")])
@pytest.mark.parametrize("name", ["invalid", "comparison"])
def test_text_stands_out(pages, browser, name, dark, media):
    browser.open(pages[name], dark=dark, media=media)
    ground = browser.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (ground == "rgb(255, 255, 255)") == (not dark or media == "print"), ground
    assert browser.evaluate(CONTRAST_MIN) >= 4.5
