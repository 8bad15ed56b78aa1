"""Several checks at once, each with a time limit; what one runs into keeps no other from being made."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from queue import Empty, Queue

from shared.cli.exits import of_module
from shared.domain.errors import EmailModuleError, OutOfTurn


class Verdict(StrEnum):
    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """`about` names the check, or a part of it; `advice`: what to do, where there is something."""

    about: str
    verdict: Verdict
    seen: str
    advice: str | None = None


@dataclass(frozen=True, slots=True)
class Check:
    name: str
    look: Callable[[], Sequence[Finding]]


def examine(
    checks: Sequence[Check], *, limit_seconds: float, advance: Callable[[int], None]
) -> list[Finding]:
    """What each found, in the order of the checks. Whatever is not done within the limit is left behind, unheard."""
    done: Queue[tuple[int, Sequence[Finding]]] = Queue()
    for number, check in enumerate(checks):
        # Daemons: one that hangs must not hold up the end of the process.
        threading.Thread(target=_run, args=(number, check, done), name=check.name, daemon=True).start()
    found = _gather(done, len(checks), limit_seconds, advance)
    missing = f"no answer within {limit_seconds:g} s"
    return [
        finding
        for number, check in enumerate(checks)
        for finding in found.get(number, [Finding(check.name, Verdict.FAIL, missing, "look at the network")])
    ]


def _gather(
    done: "Queue[tuple[int, Sequence[Finding]]]",
    count: int,
    limit_seconds: float,
    advance: Callable[[int], None],
) -> dict[int, Sequence[Finding]]:
    found: dict[int, Sequence[Finding]] = {}
    ends_at = time.monotonic() + limit_seconds
    while len(found) < count:
        try:
            number, findings = done.get(timeout=max(ends_at - time.monotonic(), 0))
        except Empty:
            return found
        found[number] = findings
        advance(1)
    return found


def _run(number: int, check: Check, done: "Queue[tuple[int, Sequence[Finding]]]") -> None:
    try:
        found = check.look()
    except OutOfTurn:
        found = [Finding(check.name, Verdict.WARN, "not asked: our own pace was used up", "run it again")]
    except EmailModuleError as error:
        found = [Finding(check.name, Verdict.FAIL, type(error).__name__, of_module(error).message)]
    # A fault of a check is a finding like any other: its words may quote a secret, so only its kind is told.
    except Exception as fault:  # noqa: BLE001 - see above
        found = [Finding(check.name, Verdict.FAIL, f"a fault of emailctl itself ({type(fault).__name__})")]
    done.put((number, found))
