"""`python -m tests.acceptance.canary.dressed MODULE ARGUMENT...`: as without it, with more in the environment.

What more stands in `dress.json` beside the state folder, where `world.running` put it.
"""

import json
import os
import sys
from pathlib import Path


def main() -> None:
    state = Path(os.environ["EMAIL_CONFIG_FILE"]).parent
    os.environ.update(json.loads(state.with_name("dress.json").read_text()))
    os.execv(sys.executable, [sys.executable, "-m", *sys.argv[1:]])


if __name__ == "__main__":
    main()
