"""What the Makefile offers."""

import re

from tests.architecture.sources import text


def phony_targets() -> set[str]:
    lines = re.findall(r"^\.PHONY:(.*)$", text("Makefile"), re.MULTILINE)
    return {target for line in lines for target in line.split()}
