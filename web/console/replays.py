"""Dead letters put back in bulk: looked at first, asked for, undone while it has not begun, watched, stopped."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from flask import Blueprint, Response, request, url_for

from shared import replaying
from shared.bootstrap import Container
from shared.domain.dead_letter import DeadLetterFilter
from shared.domain.errors import NotFound
from shared.domain.replay import Fate, Replay, ReplayState
from shared.ports.replays import ReplayResult
from shared.ports.store import Transaction
from shared.replaying import RATE_MAX, DeadLetterPorts, Planned
from web.console import letter_words
from web.console.asked import Asked
from web.console.dead_letters import url_of_subject
from web.console.letter_words import params_of, said, wanted_of
from web.console.pages import deed, done, page, reason, render
from web.console.session import who
from web.console.trail import Where, trail_of
from web.problems import Problem

# In which it may be undone as if it had never been.
BEGINS_IN_SECONDS = 15.0
_PER_SECOND = 10.0
_LIMIT = 50
_RENEW_SECONDS = 5
# Of more than that it is not foreseen what would become of each: it takes a look at every one.
FORESEEN_MAX = 10_000


@dataclass(frozen=True, slots=True)
class Plan:
    """`fates` is None where there are too many to foresee them; then there are counts by class alone."""

    counts: Sequence[tuple[str, str, int]]
    fates: Sequence[Planned] | None

    @property
    def total(self) -> int:
        return sum(count for _, _, count in self.counts)

    @property
    def staying(self) -> int:
        """How many would stay open, as far as it is foreseen."""
        return sum(one.count for one in self.fates or () if one.fate is not Fate.PUT_BACK)


@dataclass(frozen=True, slots=True)
class Results:
    rows: Sequence[tuple[ReplayResult, str]]
    following: str | None


class ReplayPages:
    def __init__(self, container: Container) -> None:
        self._store = container.store
        self._ports = DeadLetterPorts(container.store, container.doorbell, container.new_id)

    def add_to(self, routes: Blueprint) -> None:
        routes.get("/queues/replays", endpoint="replays")(self.list_replays)
        routes.post("/queues/replays", endpoint="ask_replay")(self.ask)
        routes.get("/queues/replays/new", endpoint="plan_replay")(self.plan)
        routes.get("/queues/replays/<uuid:replay_id>", endpoint="replay")(self.show)
        routes.post("/queues/replays/<uuid:replay_id>/stop", endpoint="stop_replay")(self.stop)

    @page("Replays of dead letters")
    def list_replays(self) -> Response:
        asked = Asked(request.args)
        before = asked.id("before")
        asked.require()
        with self._store.begin() as tx:
            found, now = tx.replays.newest(before=before, limit=_LIMIT + 1), tx.now()
        shown = found[:_LIMIT]
        older = str(shown[-1].e_id) if len(found) > _LIMIT else None
        return render(
            "console/replays.html",
            now=now,
            rows=[(replay, said(replay.asked_for)) for replay in shown],
            words=letter_words,
            trail=trail_of(asked, "before", older, lambda where: url_for("console.replays", **where)),
        )

    @page("What a replay would do")
    def plan(self) -> Response:
        """A dry run: nothing is changed."""
        asked = Asked(request.args)
        wanted = wanted_of(asked)
        asked.require()
        return render(
            "console/replay_plan.html",
            plan=self._foresee(wanted),
            wanted=said(wanted),
            params=params_of(wanted),
            words=letter_words,
            under_way=replaying.under_way(self._ports, wanted),
            per_second=_PER_SECOND,
            rate_max=RATE_MAX,
            begins_in_seconds=int(BEGINS_IN_SECONDS),
            foreseen_max=FORESEEN_MAX,
        )

    @deed("Ask for a replay")
    def ask(self) -> Response:
        """Conflict when one that was asked for in the same words is under way: two would go twice as fast."""
        author, why, asked = who().name, reason(), Asked(request.form)
        wanted = wanted_of(asked)
        per_second = asked.number("perSecond", _PER_SECOND, above=0, until=RATE_MAX)
        asked.require()
        if replaying.under_way(self._ports, wanted) is not None:
            raise Problem("conflict", "a replay of the same is under way: look at the list of replays")
        replay = replaying.ask(
            self._ports,
            wanted,
            author=author,
            reason=why,
            per_second=per_second,
            begins_in_seconds=BEGINS_IN_SECONDS,
        )
        to = url_for("console.replay", replay_id=replay.e_id)
        return done(f"Asked for: it begins in {BEGINS_IN_SECONDS:g} seconds.", to=to)

    @page("One replay")
    def show(self, replay_id: UUID) -> Response:
        asked = Asked(request.args)
        fate, after = asked.one_of("fate", Fate), asked.id("after")
        asked.require()
        with self._store.begin() as tx:
            replay, now = tx.replays.get(replay_id), tx.now()
            results = _results(tx, replay_id, fate, after)
        if replay is None:
            raise NotFound
        return render(
            "console/replay.html",
            now=now,
            replay=replay,
            is_open=replay.finished_at is None,
            is_waiting=replay.state is ReplayState.WAITING,
            wanted=said(replay.asked_for),
            left=params_of(replay.wanted),
            words=letter_words,
            fates=_fates(replay.fates),
            asked=asked,
            results=results,
            renew=_RENEW_SECONDS if replay.finished_at is None else 0,
            trail=trail_of(asked, "after", results.following, lambda where: _url(replay, fate, where)),
        )

    @deed("Undo or stop a replay")
    def stop(self, replay_id: UUID) -> Response:
        author, why = who().name, reason()
        with self._store.begin() as tx:
            if tx.replays.get(replay_id) is None:
                raise NotFound
        stopped = replaying.stop(self._ports, replay_id, author=author, reason=why)
        if stopped is None:
            raise Problem("conflict", "it is at its end already: there is nothing to stop")
        count = stopped.fates.get(Fate.PUT_BACK, 0)
        told = f"Stopped. Put back by then: {count:,}." if stopped.done else "Undone: nothing was put back."
        return done(told, to=url_for("console.replay", replay_id=replay_id))

    def _foresee(self, wanted: DeadLetterFilter) -> Plan:
        found = replaying.count(self._ports, wanted)
        counts = [(subject, error_class, count) for (subject, error_class), count in sorted(found.items())]
        too_many = sum(found.values()) > FORESEEN_MAX
        return Plan(counts, None if too_many else replaying.plan(self._ports, wanted))


def _fates(counts: Mapping[Fate, int]) -> list[tuple[Fate, int]]:
    return [(fate, counts.get(fate, 0)) for fate in Fate]


def _results(tx: Transaction, replay_id: UUID, fate: Fate | None, after: UUID | None) -> Results:
    found = tx.replays.results(replay_id, fate=fate, after=after, limit=_LIMIT + 1)
    shown = found[:_LIMIT]
    return Results(
        [(result, url_of_subject(result.letter)) for result in shown],
        str(shown[-1].letter.e_id) if len(found) > _LIMIT else None,
    )


def _url(replay: Replay, fate: Fate | None, where: Where) -> str:
    return url_for("console.replay", replay_id=replay.e_id, fate=fate and fate.value, **where)
