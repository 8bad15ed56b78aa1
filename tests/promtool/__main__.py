"""`python -m tests.promtool`: the rules by Prometheus's own tool, and every situation by its own engine.

Wants `promtool` (Debian's package `prometheus`, or a release of Prometheus) on the path or in PROMTOOL.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.architecture.monitoring import rules
from tests.promtool.situations import test_file


def main() -> int:
    tool = os.environ.get("PROMTOOL") or shutil.which("promtool")
    if tool is None:
        sys.exit("There is no promtool: install Debian's package `prometheus`, or name one in PROMTOOL.")
    files = [str(path) for path in rules.files()]
    with tempfile.TemporaryDirectory() as folder:
        tests = Path(folder, "situations.yaml")
        tests.write_text(test_file(files), encoding="utf-8")
        commands = ([tool, "check", "rules", *files], [tool, "test", "rules", str(tests)])
        return max(subprocess.run(command, check=False).returncode for command in commands)


if __name__ == "__main__":
    sys.exit(main())
