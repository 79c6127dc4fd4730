"""What is asked of every page, once it is still."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from playwright.sync_api import Page

AXE = Path(__file__).resolve().parent.parent / "node_modules" / "axe-core" / "axe.min.js"
CRAMPED = Path(__file__).with_name("cramped.js").read_text()
TARGET = 24  # pixels: WCAG 2.2, 2.5.8
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
STILL = """() => document.readyState === 'complete'
  && !document.querySelector('.htmx-request, .htmx-swapping, .htmx-settling, [hx-trigger*="load delay"]')
  && [...document.querySelectorAll('.chart')].every(chart => chart.querySelector('canvas'))"""
RUN = """async tags => {
  const { violations } = await axe.run(document, { runOnly: tags, resultTypes: ['violations'] });
  return violations.map(({ id, impact, help, nodes }) => ({
    id, impact, help, nodes: nodes.map(({ target, html, failureSummary }) => ({
      target: target.flat().join(' '), html: html.slice(0, 160),
      why: failureSummary.split('\\n').slice(1).join(';').trim()
    })),
  }));
}"""


def settle(page: Page) -> None:
    """Wait until what the page fetches by itself is there and its charts are drawn."""
    page.wait_for_function(STILL)


def violations(page: Page) -> list[str]:
    """What axe-core finds serious or critical by WCAG 2.2 A and AA: one line per element, with what is wrong.

    The script goes in through the debugger, which the page's content security policy does not bind.
    """
    if not page.evaluate("() => typeof axe === 'object'"):
        page.evaluate(AXE.read_text())
    return [
        line
        for found in page.evaluate(RUN, TAGS)
        if found["impact"] in {"serious", "critical"}
        for line in _lines(found)
    ]


def _lines(found: dict[str, Any]) -> list[str]:
    return [f"{found['id']} at {node['target']}: {node['why']} ({node['html']})" for node in found["nodes"]]


def too_wide(page: Page) -> list[str]:
    """The elements that make the page wider than its window, if it is."""
    return list(
        page.evaluate(
            """() => {
              const width = document.documentElement.clientWidth;
              if (document.documentElement.scrollWidth <= width) return [];
              return [...document.querySelectorAll('body *')]
                .filter(each => each.getBoundingClientRect().right > width + 0.5)
                .slice(0, 5)
                .map(each => `wider than the window: ${each.outerHTML.slice(0, 120)}`)
                .concat(['wider than the window']);
            }"""
        )
    )


def cramped(page: Page) -> list[str]:
    """What a person cannot read or hit: words of controls that are cut, torn apart or leave their place, targets that
    are too small or lie over each other.
    """
    return list(page.evaluate(CRAMPED, TARGET))
