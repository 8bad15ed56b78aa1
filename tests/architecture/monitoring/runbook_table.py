"""Makes the table of alerts in the runbooks: `python -m tests.architecture.monitoring.runbook_table` writes it."""

import re

from tests.architecture.monitoring import rules
from tests.architecture.monitoring.rules import Alert
from tests.architecture.sources import ROOT, text

FILE = "docs/runbooks/README.md"
_BEGIN, _END = "<!-- alerts -->\n", "<!-- /alerts -->\n"
_HEAD = "| alert | says | rings | runbook |\n|---|---|---|---|\n"


def render() -> str:
    """The whole document, with the table as the rules have it."""
    before, _, rest = text(FILE).partition(_BEGIN)
    _, _, after = rest.partition(_END)
    return before + _BEGIN + _HEAD + "".join(map(_row, _by_name())) + _END + after


def _by_name() -> list[Alert]:
    """As whoever was woken looks for it."""
    return sorted(rules.alerts(), key=lambda alert: alert.name)


def _row(alert: Alert) -> str:
    runbook = f"[{alert.runbook.removesuffix('.md')}]({alert.runbook})"
    return f"| `{alert.name}` | {_said(alert)} | {_rings(alert)} | {runbook} |\n"


def _said(alert: Alert) -> str:
    """What the numbers and names will be is not known here."""
    return re.sub(r"\{\{.*?\}\}", "…", alert.annotations["summary"]).replace("|", "\\|")


def _rings(alert: Alert) -> str:
    above = "" if alert.threshold is None else f" above {alert.threshold}"
    lasting = "" if alert.lasts is None else f" for {alert.lasts}"
    bold = "**critical**" if alert.severity == "critical" else alert.severity
    return f"{bold},{above}{lasting}" if above or lasting else bold


if __name__ == "__main__":
    (ROOT / FILE).write_text(render(), encoding="utf-8")
