"""The names of the environment that somebody reads, and values for them on this machine."""

import re
from collections.abc import Mapping
from pathlib import Path

from tests.architecture.pools import ENVIRONMENT
from tests.architecture.sources import text

# A content for every file that a setting may be in.
CONTENTS = ENVIRONMENT | {
    "ARDA_API_KEY_PREVIOUS": "an-earlier-key-for-the-architecture",
    "SENTRY_DSN": "https://key@sentry.example.com/1",
}
SETTING = re.compile(r"\$\{\?(\w+)\}")

# What libraries read by themselves.
OF_LIBRARIES = {
    "AWS_ACCESS_KEY_ID": "botocore",
    "AWS_SECRET_ACCESS_KEY": "botocore",
    "PROMETHEUS_MULTIPROC_DIR": "prometheus_client: where the processes of a role put what they count",
}


def known() -> set[str]:
    """Each setting of the environment, also as a file that holds it, and the override's own name."""
    settings = set(SETTING.findall(text("shared/config/reference.conf")))
    return settings | {f"{name}_FILE" for name in settings} | {"EMAIL_CONFIG_FILE"} | OF_LIBRARIES.keys()


def on_this_machine(given: Mapping[str, str], folder: Path, override: str) -> dict[str, str]:
    """Files of the container become files of `folder` with a content that a setting of their name can have."""
    environment = dict(given)
    for name in given:
        target = name.removesuffix("_FILE")
        if target != name and target in CONTENTS:
            (folder / name).write_text(CONTENTS[target])
            environment[name] = str(folder / name)
    if "EMAIL_CONFIG_FILE" in given:
        (folder / "override.conf").write_text(override)
        environment["EMAIL_CONFIG_FILE"] = str(folder / "override.conf")
    return environment
