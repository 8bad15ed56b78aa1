"""`python -m sandbox.demo`: exit code 0 only when every step held."""

import signal
import sys
import tempfile
import time
from pathlib import Path
from uuid import uuid4

import requests
from rich.console import Console

from sandbox.client import Client, Unexpected
from sandbox.demo.presentation import Presentation
from sandbox.demo.scenario import MainJob
from sandbox.demo.zone import MailZone
from sandbox.process import tail
from sandbox.roles import DEMO
from sandbox.stack import commands
from sandbox.stack.commands import Places, Refused
from sandbox.stack.records import State

PLAN = "sandbox.roles:DEMO"
LOG_LINES = 15
# Wide enough for the table where there is no terminal to ask.
PLAIN_WIDTH = 120


def main() -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # as an exception, so that everything is stopped
    presentation = Presentation(Console(highlight=False, width=None if sys.stdout.isatty() else PLAIN_WIDTH))
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="email-demo-") as folder:
        try:
            played = _run(State(Path(folder) / "state"), presentation)
        except KeyboardInterrupt:
            presentation.say("stopped")
            return 130
    if played:
        presentation.say(
            f"Every step held, and everything is stopped again ({time.monotonic() - began:.0f} s).", "green"
        )
    return 0 if played else 1


def _run(state: State, presentation: Presentation) -> bool:
    """Whether every step held."""
    try:
        with commands.running(state, PLAN, presentation.started) as places:
            held = _play(places, presentation)
            if not held:
                _show_logs(state, presentation)
            presentation.say("stopping everything")
    except Refused as refused:
        presentation.say(str(refused), "red")
        return False
    return held


def _play(places: Places, presentation: Presentation) -> bool:
    with Client(places["web_url"], places["api_key"], str(uuid4()), author="demo") as client:
        zone = MailZone.of(places)
        steps = MainJob(client, places["postmark_control_url"], zone, presentation).steps()
        for number, step in enumerate(steps, start=1):
            try:
                presentation.play(step)
            except (Unexpected, requests.RequestException, KeyError) as failure:
                presentation.table(not_played=steps[number:])
                presentation.say(f"{step.title}: {failure!r}", "red")
                return False
    presentation.table(not_played=[])
    return True


def _show_logs(state: State, presentation: Presentation) -> None:
    for role in DEMO.roles:
        log = state.logs / f"{role.name}.log"
        presentation.say(f"--- {log.name} ---\n{tail(log, LOG_LINES)}")


if __name__ == "__main__":
    sys.exit(main())
