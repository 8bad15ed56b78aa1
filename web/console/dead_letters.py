"""Dead letters: by class, one by one, put back or laid to rest."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from flask import Blueprint, Response, request, url_for

from shared import replaying
from shared.bootstrap import Container
from shared.domain.dead_letter import DeadLetter, DeadLetterFilter, Rest, Subject
from shared.domain.errors import Conflict, NotFound
from shared.domain.replay import Fate
from shared.ports.store import Transaction
from shared.replaying import DeadLetterPorts
from web.console import letter_words
from web.console.asked import Asked, in_url
from web.console.letter_words import FATES, params_of, wanted_of
from web.console.pages import deed, done, page, reason, render
from web.console.session import who
from web.console.trail import Where, trail_of
from web.intake import dead_letter as intake
from web.problems import Problem

_LIMIT = 50
# Of one request: then it says how many are left, and may be sent again.
DISCARD_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Group:
    """`url` narrows the list to it."""

    subject: str
    error_class: str
    count: int
    url: str


@dataclass(frozen=True, slots=True)
class Found:
    groups: Sequence[Group]
    letters: Sequence[DeadLetter]
    following: str | None
    now: datetime

    @property
    def total(self) -> int:
        return sum(group.count for group in self.groups)


class DeadLetterPages:
    def __init__(self, container: Container, *, elapsed: Callable[[], float] = time.monotonic) -> None:
        self._store = container.store
        self._ports = DeadLetterPorts(container.store, container.doorbell, container.new_id)
        self._elapsed = elapsed

    def add_to(self, routes: Blueprint) -> None:
        routes.get("/queues/dead-letters", endpoint="dead_letters")(self.show)
        routes.post("/queues/dead-letters/discard", endpoint="discard_letters")(self.discard)
        routes.get("/queues/dead-letters/<uuid:e_id>", endpoint="dead_letter")(self.show_one)
        routes.post("/queues/dead-letters/<uuid:e_id>/replay", endpoint="replay_letter")(self.replay_one)
        routes.post("/queues/dead-letters/<uuid:e_id>/discard", endpoint="discard_letter")(self.discard_one)

    @page("Dead letters")
    def show(self) -> Response:
        """400 with what has to be mended where the question cannot be read."""
        asked = Asked(request.args)
        rest, after = asked.one_of("rest", Rest) or Rest.OPEN, asked.id("after")
        wanted = wanted_of(asked, rest=rest)
        with self._store.begin() as tx:
            found = None if asked.faults else _find(tx, wanted, after)
            now = tx.now()
        return render(
            "console/dead_letters.html",
            400 if asked.faults else 200,
            now=now,
            asked=asked,
            wanted=wanted,
            found=found,
            # What is raised while somebody thinks about it is not among what they looked at.
            closed=params_of(wanted) | {"until": in_url(min(wanted.raised_until or now, now))},
            words=letter_words,
            params=params_of(wanted),
            subjects=list(Subject),
            rests=list(Rest),
            trail=trail_of(
                asked, "after", found.following if found else None, lambda where: _url(wanted, where)
            ),
        )

    @page("One dead letter")
    def show_one(self, e_id: UUID) -> Response:
        letter = replaying.get(self._ports, e_id)
        if letter is None:
            raise NotFound
        with self._store.begin() as tx:
            deeds, now = tx.audit.of(letter.subject_id), tx.now()
        return render(
            "console/dead_letter.html",
            now=now,
            letter=letter,
            about=letter_words.SUBJECTS[letter.subject],
            look=letter_words.RESTS[letter.rest],
            url=url_of_subject(letter),
            deeds=[
                {"at": one.at, "title": one.action, "author": one.author, "text": one.reason}
                for one in reversed(deeds)
            ],
            why_not="" if letter.rest is Rest.OPEN else f"It is {letter.rest.value} already.",
        )

    @deed("Put one dead letter back to work")
    def replay_one(self, e_id: UUID) -> Response:
        author, why = who().name, reason()
        try:
            fate = intake.put_back(self._ports, e_id, author=author, reason=why).fate
        except Conflict as moved:
            raise Problem("conflict", str(moved)) from None
        if fate is not Fate.PUT_BACK:
            raise Problem("conflict", f"its configuration is {fate.value}. {FATES[fate][2]}")
        return done("It is put back to work.", to=url_for("console.dead_letter", e_id=e_id))

    @deed("Lay one dead letter to rest")
    def discard_one(self, e_id: UUID) -> Response:
        author, why = who().name, reason()
        try:
            intake.lay_to_rest(self._ports, e_id, author=author, reason=why)
        except Conflict as moved:
            raise Problem("conflict", str(moved)) from None
        return done("It is laid to rest.", to=url_for("console.dead_letter", e_id=e_id))

    @deed("Lay dead letters to rest")
    def discard(self) -> Response:
        """As many as can be in the time that a request has."""
        author, why, asked = who().name, reason(), Asked(request.form)
        wanted = wanted_of(asked)
        asked.require()
        leave_at = self._elapsed() + DISCARD_SECONDS
        walk = replaying.discard(
            self._ports, wanted, author=author, reason=why, stop=lambda: self._elapsed() > leave_at
        )
        count = sum(1 for _ in walk)
        left = sum(replaying.count(self._ports, wanted).values())
        rest = f" Left, as it took too long: {left:,}. Send it again." if left else ""
        to = url_for("console.dead_letters", **params_of(wanted))
        return done(f"Laid to rest: {count:,}.{rest}", to=to, category="warning" if left else "success")


def url_of_subject(letter: DeadLetter) -> str:
    """An event has no page: what is known of it is its configuration's."""
    if letter.subject is Subject.JOB:
        return f"/console/jobs/{letter.subject_id}"
    if letter.subject is Subject.EVENT:
        return f"/console/configurations/{letter.configuration_id}" if letter.configuration_id else ""
    return url_for("console.subject", subject_id=letter.subject_id, tenant=letter.tenant_id)


def _find(tx: Transaction, wanted: DeadLetterFilter, after: UUID | None) -> Found:
    counts = tx.dead_letters.count_by_class(wanted)
    letters = tx.dead_letters.find(wanted, limit=_LIMIT + 1, after=after)
    groups = [
        Group(subject, error_class, count, _narrowed(wanted, subject, error_class))
        for (subject, error_class), count in counts.items()
    ]
    shown = letters[:_LIMIT]
    return Found(
        sorted(groups, key=lambda group: (-group.count, group.subject, group.error_class)),
        shown,
        str(shown[-1].e_id) if len(letters) > _LIMIT else None,
        tx.now(),
    )


def _narrowed(wanted: DeadLetterFilter, subject: str, error_class: str) -> str:
    kept = params_of(wanted) | {"subject": subject, "class": error_class, "rest": wanted.rest.value}
    return url_for("console.dead_letters", **kept)


def _url(wanted: DeadLetterFilter, where: Where) -> str:
    return url_for("console.dead_letters", **params_of(wanted), rest=wanted.rest.value, **where)
