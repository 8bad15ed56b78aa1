"""What axe-core finds of a page, by the rules of WCAG 2, levels A and AA."""

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
_OPTIONS = {"runOnly": {"type": "tag", "values": _RULES}, "resultTypes": ["violations"]}


def violations(page: Page) -> list[str]:
    """One line each: the rule, what it asks for, and the first element that does not keep to it."""
    found = Axe().run(page, options=_OPTIONS).response["violations"]
    return [
        f"{one['id']}: {one['help']}, {len(one['nodes'])} times, first {one['nodes'][0]['html']}"
        for one in found
    ]
