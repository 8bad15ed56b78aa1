"""Sends the collection of requests to a sandbox: `make api-test`.

To the one that runs, or else to one that is started for it and stopped after it. Needs npm, and installs Bruno's
command line beside this file the first time. The exit code is 0 only when every request was answered as the collection
says.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex
from typing import Any
from uuid import uuid4

import requests
from rich.console import Console

from sandbox.client import BASE
from sandbox.stack import commands
from sandbox.stack.__main__ import PLAN
from sandbox.stack.commands import Places, Refused
from sandbox.stack.records import State

HERE = Path(__file__).parent
BRU = HERE / "node_modules" / ".bin" / "bru"
NO_NPM = "npm is missing: install Node.js 20 or newer (it brings npm), then call this again"
TIMEOUT_SECONDS = 30.0

console = Console(highlight=False, soft_wrap=True)


class CannotRun(RuntimeError):
    """The text says why, and what to do."""


def main() -> int:
    try:
        install()
        with stack() as places:
            return send_all(variables(places))
    except (CannotRun, Refused) as obstacle:
        console.print(str(obstacle), style="red", markup=False)
        return 1


def install() -> None:
    """The version that package.json names. Without a lock file: that would name the registry of whoever wrote it."""
    npm = shutil.which("npm")
    if npm is None:
        raise CannotRun(NO_NPM)
    if installed() == pinned():
        return
    console.print(f"installing @usebruno/cli {pinned()}")
    options = ["--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"]
    command = [npm, "install", *options]
    done = subprocess.run(command, cwd=HERE, check=False)  # noqa: S603 - words of ours
    if done.returncode or installed() != pinned():
        raise CannotRun("npm could not install what api-test/package.json names; see above")


def pinned() -> str:
    return str(_json(HERE / "package.json")["dependencies"]["@usebruno/cli"])


def installed() -> str | None:
    """None when there is none, or not all of it."""
    package = HERE / "node_modules" / "@usebruno" / "cli" / "package.json"
    return str(_json(package)["version"]) if package.exists() and BRU.exists() else None


@contextmanager
def stack() -> Iterator[Places]:
    state = State.from_environment()
    places, found = state.stack(), commands.status(state)
    if places is not None and found and all(lives for _, lives in found.values()):
        console.print(f"using the sandbox at {places['web_url']}")
        yield places
        return
    console.print("starting a sandbox")
    with commands.running(state, PLAN, lambda _: None) as started:
        yield started


def variables(places: Places) -> dict[str, str]:
    """What `environments/sandbox.bru` takes. Each run has a tenant, a slug and keys of its own."""
    run = token_hex(4)
    return {
        "EMAIL_API_URL": places["web_url"],
        "EMAIL_API_KEY": places["api_key"],
        "EMAIL_API_TENANT": places["tenant_id"],
        "EMAIL_API_CONFIGURATION": places["configuration_eid"],
        "EMAIL_API_ROUTING_TOKEN": routing_token(places),
        "EMAIL_API_OTHER_TENANT": str(uuid4()),
        "EMAIL_API_SLUG": f"api-test-{run}",
        "EMAIL_API_RUN": run,
    }


def routing_token(places: Places) -> str:
    """Known to the provider alone, so that is who is asked."""
    configuration = _get(
        f"{places['web_url']}{BASE}/configuration/{places['configuration_eid']}",
        {"Authorization": f"Bearer {places['api_key']}", "X-Tenant-Id": places["tenant_id"]},
    )
    server = _get(
        f"{places['postmark_url']}/servers/{configuration['payload']['postmarkServerId']}",
        {"X-Postmark-Account-Token": places["postmark_account_token"]},
    )
    webhooks = _get(f"{places['postmark_url']}/webhooks", {"X-Postmark-Server-Token": server["ApiTokens"][0]})
    headers = {header["Name"]: header["Value"] for header in webhooks["Webhooks"][0]["HttpHeaders"]}
    return str(headers["X-Email-Routing-Token"])


def send_all(given: dict[str, str]) -> int:
    """Bruno's exit code."""
    options = ["-r", "--env", "sandbox", "--sandbox", "safe", "--noproxy", "--disable-cookies"]
    # Not as options: whoever looks at the processes would see the key.
    environment = {**os.environ, **given}  # noqa: TID251 - node's, and no setting of ours
    command = [str(BRU), "run", *options]
    done = subprocess.run(command, cwd=HERE, env=environment, check=False)  # noqa: S603 - words of ours
    return done.returncode


def _get(url: str, headers: dict[str, str]) -> dict[str, Any]:
    with requests.Session() as session:
        session.trust_env = False  # a proxy of the machine must not stand between us and the loopback
        headers = {**headers, "Accept": "application/json"}
        answer = session.get(url, headers=headers, timeout=TIMEOUT_SECONDS)
    answer.raise_for_status()
    found: dict[str, Any] = answer.json()
    return found


def _json(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


if __name__ == "__main__":
    sys.exit(main())
