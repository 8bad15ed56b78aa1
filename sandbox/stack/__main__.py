"""`python -m sandbox.stack`: the whole product and the world around it, as local processes."""

import argparse
import importlib
import os
import shlex
import sys
from collections.abc import Callable
from functools import partial

from rich.console import Console
from rich.status import Status
from rich.table import Table

from sandbox.roles import Plan
from sandbox.stack import commands, run
from sandbox.stack.commands import Places, Refused
from sandbox.stack.records import State
from sandbox.stack.world import emailctl_file

PLAN = "sandbox.roles:PRODUCT"
_SHOWN = (
    "web_url",
    "console_url",
    "operator_key",
    "reader_key",
    "postmark_url",
    "postmark_control_url",
    "aws_url",
    "tenant_id",
    "configuration_eid",
)

console = Console(highlight=False, soft_wrap=True)


def main() -> int:
    arguments, state = _parse(), State.from_environment()
    try:
        answer: int | None = arguments.run(state, arguments)
    except Refused as refused:
        console.print(str(refused), style="red", markup=False)
        console.print(f"logs: {state.logs}")
        return 1
    except KeyboardInterrupt:
        console.print("stopped")
        return 130
    return answer or 0


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m sandbox.stack", description=__doc__)
    parser.add_argument("--plan", default=PLAN, help="what to run, as module:NAME (default: %(default)s)")
    verbs = parser.add_subparsers(required=True)

    def verb(run: Callable[[State, argparse.Namespace], int | None], does: str) -> argparse.ArgumentParser:
        added = verbs.add_parser(run.__name__, help=does)
        added.set_defaults(run=run)
        return added

    verb(up, "start everything; returns when it is ready")
    verb(down, "stop what `up` started")
    verb(status, "every process and whether it lives")
    log = verb(logs, "the end of the logs")
    log.add_argument("role", nargs="?", help="one of them only")
    log.add_argument("-f", "--follow", action="store_true", help="and what is written from now on")
    verb(restart, "stop one in order; it is started again").add_argument("role")
    end = verb(kill, "kill one; it is started again")
    end.add_argument("role")
    end.add_argument("--hold", action="store_true", help="keep it down until `start`")
    verb(start, "let one start that was kept down").add_argument("role")
    tether = verb(supervise, "used by `up`: the supervisor itself")
    tether.add_argument("--tethered", action="store_true", help="end when standard input ends")
    return parser.parse_args()


def up(state: State, arguments: argparse.Namespace) -> None:
    with console.status("starting") as waiting:
        places = commands.up(state, arguments.plan, partial(show_step, waiting))
    show_places(places, state)


def down(state: State, _: argparse.Namespace) -> None:
    with console.status("stopping"):
        stopped = commands.down(state)
    console.print(f"stopped {', '.join(stopped)}" if stopped else "nothing was running")


def status(state: State, _: argparse.Namespace) -> int:
    places = state.stack() or {}
    answer = show_status(commands.status(state), metrics_urls(places))
    show_console(places)
    return answer


def restart(state: State, arguments: argparse.Namespace) -> None:
    console.print(f"{arguments.role} runs as pid {commands.restart(state, arguments.role)}")


def kill(state: State, arguments: argparse.Namespace) -> None:
    console.print(f"killed pid {commands.kill(state, arguments.role, hold=arguments.hold)}")


def start(state: State, arguments: argparse.Namespace) -> None:
    console.print(f"{arguments.role} runs as pid {commands.start(state, arguments.role)}")


def supervise(state: State, arguments: argparse.Namespace) -> int:
    return run.main(state, load_plan(arguments.plan), tethered=arguments.tethered)


def logs(state: State, arguments: argparse.Namespace) -> None:
    files = sorted(state.logs.glob(f"{arguments.role or '*'}.log"))
    if not files:
        raise Refused(f"no log of {arguments.role or 'anything'} in {state.logs}")
    follow = ["-F"] if arguments.follow else []
    os.execvp("tail", ["tail", "-n", "100", *follow, *map(str, files)])


def load_plan(name: str) -> Plan:
    module, _, attribute = name.partition(":")
    plan = getattr(importlib.import_module(module), attribute)
    assert isinstance(plan, Plan), f"{name} is no plan"
    return plan


def show_step(waiting: Status, news: Places) -> None:
    waiting.update(f"{news['step']} ...")
    if "seconds" in news:
        console.print(f"  {news['step']:<14}ready after {news['seconds']:.1f} s")


def show_places(places: Places, state: State) -> None:
    table = Table("", "where", box=None, pad_edge=False)
    for name in _SHOWN:
        if name in places:
            table.add_row(_shown_as(name), str(places[name]))
    for role, url in metrics_urls(places).items():
        table.add_row(f"metrics of {role}", url)
    table.add_row("emailctl", f"set -a; . {shlex.quote(str(emailctl_file(state.folder)))}; set +a")
    table.add_row("everything else", str(state.folder / "stack.json"))
    table.add_row("logs", str(state.logs))
    console.print(table)


def show_console(places: Places) -> None:
    """Where an operator signs in, and with what."""
    for name in ("console_url", "operator_key", "reader_key"):
        if name in places:
            console.print(f"{_shown_as(name)}: {places[name]}", markup=False)


def _shown_as(name: str) -> str:
    return name.removesuffix("_url").replace("_", " ")


def metrics_urls(places: Places) -> dict[str, str]:
    """By role; empty while the stack is not ready."""
    urls: dict[str, str] = places.get("metrics_urls", {})
    return urls


def show_status(found: dict[str, tuple[int, bool]], metrics: dict[str, str]) -> int:
    table = Table("process", "pid", "", "metrics", box=None, pad_edge=False)
    for name, (pid, lives) in found.items():
        state = "[green]runs[/]" if lives else "[red]does not run[/]"
        table.add_row(name, str(pid), state, metrics.get(name, ""))
    console.print(table if found else "nothing is running")
    return 0 if found and all(lives for _, lives in found.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
