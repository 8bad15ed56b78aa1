"""One fault, from its first call to the comparison of the histories."""

import logging
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from secrets import token_hex

from bench.faults.callers import Body, Callers, Door, plain
from bench.faults.catching_up import catch_up
from bench.faults.histories import Histories, Verdict, judge
from bench.faults.result import Result
from bench.faults.rows import DoubtWatch, Row
from bench.faults.world import World
from sandbox.stack.tenant import Tenant

# Patience with a number of waiting jobs that does not fall.
SETTLE_SECONDS = 120.0
# Postmark's callback comes after our own commit; it is repeated a minute of its clock later when nobody answered.
DELIVERED_SECONDS = 30.0
# Of the simulator's clock: no callback is held back for longer by any fault.
LATEST_CALLBACK_SECONDS = 900.0

log = logging.getLogger(__name__)

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Size:
    """How much of a fault: what each number means is the fault's own to say."""

    jobs: int = 0
    rate: float | None = None  # sends a second
    times: int = 1
    seconds: float = 0.0
    tenants: int = 4
    deaths: int = 3  # of workers alone with a job, until it is poison


class Rehearsal:
    """What a fault has in hand. It notes what it found; `wrong` are findings that break its own promise."""

    def __init__(self, world: World, name: str, size: Size, tell: Tell) -> None:
        self.world, self.size, self.tell = world, size, tell
        self.prefix = f"{name}-{token_hex(3)}"
        self.told: dict[str, set[str]] = {}
        self.ends: dict[str, Collection[str]] = {}
        # Job id to the key that its caller knows it by, where the row has another.
        self.known_as: dict[str, str] = {}
        self.notes: list[str] = []
        self.wrong: list[str] = []
        self._groups = 0
        self._callers: list[Callers] = []

    def callers(
        self,
        *,
        jobs: int | None = None,
        rate: float | None = None,
        tenants: Sequence[Tenant] | None = None,
        body: Body = plain,
        ends: Collection[str] = ("DELIVERED",),
        later: Collection[str] = (),
        door: Door | None = None,
    ) -> Callers:
        """`ends`: in what status these jobs may come to rest. `later`: see `Callers`. `door`: with another key."""
        self._groups += 1
        prefix = f"{self.prefix}-{self._groups}"
        self.ends[prefix] = ends
        callers = Callers(
            door or self.world.door,
            tenants or self.world.tenants(self.size.tenants),
            prefix,
            jobs=jobs,
            rate=rate or self.size.rate,
            body=body,
            later=later,
        )
        self._callers.append(callers)
        return callers

    def promise(self, told: Mapping[str, set[str]], prefix: str, ends: Collection[str]) -> None:
        """Acknowledged in another way than by `callers`."""
        self.told.update(told)
        self.ends[prefix] = ends

    def times(self, every_seconds: float, what: str) -> Iterator[int]:
        """So often as the size says, with a pause before each."""
        for number in range(self.size.times):
            self.tell(f"{what} {number + 1} of {self.size.times}")
            time.sleep(every_seconds)
            yield number

    def while_calling(self, callers: Callers, every_seconds: float, what: str) -> Iterator[int]:
        number = 0
        while callers.calling:
            time.sleep(every_seconds)
            self.tell(f"{what} {number + 1}; {callers.answered} answered")
            yield number
            number += 1

    def wait_until_idle(self, seconds: float) -> None:
        """Until no job waits, or patience ends."""
        deadline = time.monotonic() + seconds
        while any(waiting := self.world.database.waiting().values()) and time.monotonic() < deadline:
            self.tell(f"{sum(waiting)} still wait")
            time.sleep(0.3)

    def require(self, holds: bool, otherwise: str) -> None:
        if not holds:
            self.wrong.append(otherwise)

    def gather(self) -> dict[str, set[str]]:
        """Everything that any caller was told."""
        told = dict(self.told)
        for callers in self._callers:
            told.update(callers.told)
            if callers.repeats:
                self.notes.append(f"{callers.repeats} requests repeated")
            if callers.refused:
                self.wrong.append(f"{len(callers.refused)} requests refused, such as {callers.refused[0]}")
        return told


@dataclass(frozen=True)
class Fault:
    name: str
    title: str
    run: Callable[[Rehearsal], None]
    long: Size
    short: Size


FAULTS: dict[str, Fault] = {}


def fault(
    name: str, title: str, *, long: Size, short: Size
) -> Callable[[Callable[[Rehearsal], None]], Fault]:
    def register(run: Callable[[Rehearsal], None]) -> Fault:
        FAULTS[name] = Fault(name, title, run, long, short)
        return FAULTS[name]

    return register


def rehearse(fault: Fault, world: World, *, short: bool, tell: Tell) -> Result:
    rehearsal = Rehearsal(world, fault.name, fault.short if short else fault.long, tell)
    world.tenants(rehearsal.size.tenants)
    begun, offset = time.monotonic(), world.simulator.ledger.end()
    since = world.database.ask("SELECT clock_timestamp()")[0][0]
    with DoubtWatch(world.database) as doubts:
        try:
            fault.run(rehearsal)
        except Exception as broken:  # whatever it is: the other faults are still to be rehearsed
            log.exception("%s broke off", fault.name)
            rehearsal.wrong.append(f"broke off: {broken!r}")
        finally:
            world.heal()
        settled_after = _settle(rehearsal, begun, since)
    verdict = _compare(rehearsal, offset)
    return Result(
        fault=fault.name,
        jobs=verdict.jobs,
        lost=verdict.lost,
        doubled=verdict.doubled,
        unresolved=verdict.unresolved,
        seconds=settled_after,
        held=verdict.clean and not rehearsal.wrong,
        note="; ".join([*rehearsal.wrong, *verdict.remarks, *rehearsal.notes]) or fault.title,
        in_doubt_peak=doubts.peak,
        last_resolved_seconds=doubts.last_resolved_seconds,
    )


def _settle(rehearsal: Rehearsal, begun: float, since: datetime) -> float:
    """Wait until no job waits and every message is reported on, or nothing moves any more."""
    world = rehearsal.world
    _while_falling(
        lambda: sum(world.database.waiting().values()), SETTLE_SECONDS, rehearsal.tell, "still wait"
    )
    settled = round(time.monotonic() - begun, 1)
    world.simulator.advance(LATEST_CALLBACK_SECONDS)
    _while_falling(
        lambda: world.database.not_reported_on(rehearsal.prefix),
        DELIVERED_SECONDS,
        rehearsal.tell,
        "sent and not reported on",
    )
    _catch_up(rehearsal, since)
    return settled


def _catch_up(rehearsal: Rehearsal, since: datetime) -> None:
    """A callback that met no web server so often that the provider gave it up does not come again: it is asked for."""
    database = rehearsal.world.database
    left = database.not_reported_on(rehearsal.prefix)
    if not left:
        return
    configurations = database.configurations_not_reported_on(rehearsal.prefix)
    caught_up = catch_up(rehearsal.world, configurations, since, rehearsal.tell)
    rehearsal.wrong.extend(caught_up.wrong)
    _while_falling(
        lambda: database.not_reported_on(rehearsal.prefix), DELIVERED_SECONDS, rehearsal.tell, "to be told"
    )
    rehearsal.notes.append(f"{left} callbacks were given up by the provider and asked for")


def _while_falling(count: Callable[[], int], seconds: float, tell: Tell, what: str) -> None:
    """Until `count` is 0, or has not been lower for so long."""
    lowest, deadline = None, 0.0
    while left := count():
        if lowest is None or left < lowest:
            lowest, deadline = left, time.monotonic() + seconds
        if time.monotonic() > deadline:
            return
        tell(f"{left} {what}")
        time.sleep(0.3)


@dataclass(frozen=True)
class _Total:
    jobs: int
    lost: int
    doubled: int
    unresolved: int
    remarks: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        return not (self.lost or self.doubled or self.unresolved or self.remarks)


def _compare(rehearsal: Rehearsal, offset: int) -> _Total:
    """Each group of callers by itself: their jobs may end differently."""
    world = rehearsal.world
    taken = world.simulator.ledger.taken(offset)
    rows = {row.job_id: row for row in world.database.rows(rehearsal.prefix)}
    for row in world.database.rows_of(rehearsal.known_as):
        rows[row.job_id] = replace(row, key=rehearsal.known_as[row.job_id])
    told = rehearsal.gather()
    verdicts = [judge(_part(prefix, told, rows, taken), ends) for prefix, ends in rehearsal.ends.items()]
    remarks = [remark for verdict in verdicts for remark in verdict.remarks]
    if unknown := _of_no_job(world, set(taken) - rows.keys()):
        remarks.append(f"{unknown} messages of no job")
    return _Total(
        jobs=len(told),
        lost=_sum(verdicts, "lost"),
        doubled=_sum(verdicts, "doubled"),
        unresolved=_sum(verdicts, "unresolved"),
        remarks=remarks,
    )


def _sum(verdicts: Sequence[Verdict], name: str) -> int:
    return sum(len(getattr(verdict, name)) for verdict in verdicts)


def _part(
    prefix: str, told: Mapping[str, set[str]], rows: Mapping[str, Row], taken: Mapping[str, int]
) -> Histories:
    own = {job_id: row for job_id, row in rows.items() if row.key.startswith(f"{prefix}-")}
    own_told = {key: ids for key, ids in told.items() if key.startswith(f"{prefix}-")}
    ids = own.keys() | {job_id for ids in own_told.values() for job_id in ids}
    return Histories(own_told, own, {job_id: taken[job_id] for job_id in ids if job_id in taken})


def _of_no_job(world: World, ids: set[str]) -> int:
    """How many of these ids no row has at all."""
    if not ids:
        return 0
    known = world.database.ask("SELECT count(*) FROM email_job WHERE e_id::text = ANY(%s)", list(ids))
    return len(ids) - int(known[0][0])
