"""Deque's axe in a page: what a machine can tell of WCAG 2.2 A and AA."""

from typing import Any

from playwright.async_api import Error, Page

from tests.instance import BASE

SCRIPT = BASE / "node_modules" / "axe-core" / "axe.min.js"
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
GRAVE = ("serious", "critical")
RUN = """
async tags => {
  const answer = await axe.run(document, {runOnly: {type: 'tag', values: tags}});
  return answer.violations.map(violation => ({
    rule: violation.id,
    impact: violation.impact,
    help: violation.help,
    places: violation.nodes.map(node => `${node.target.join(' ')}: ${node.failureSummary}`),
  }));
}
"""


async def violations(page: Page) -> list[dict[str, Any]]:
    """Return what axe finds on the page as it stands, of every gravity."""
    # Through the debugger, not through a tag: the page's own policy refuses foreign scripts.
    await page.evaluate(SCRIPT.read_text())
    found: list[dict[str, Any]]
    try:
        found = await page.evaluate(RUN, TAGS)
    except Error:
        # What it looked at was drawn anew meanwhile, and it cannot name its place: look again.
        found = await page.evaluate(RUN, TAGS)
    return found


def grave(found: list[dict[str, Any]]) -> list[str]:
    """Return the serious and critical ones as lines to read."""
    return [
        f"{violation['rule']} ({violation['impact']}): {violation['help']}: {place}"
        for violation in found
        if violation["impact"] in GRAVE
        for place in violation["places"][:3]
    ]
