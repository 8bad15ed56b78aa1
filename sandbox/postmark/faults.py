"""Which fault rules are on, and whether one fires for a given call, item or event."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TypeVar

from sandbox.postmark.entities import Json, Trigger
from sandbox.postmark.fault_rules import (
    ANY_RULE,
    AnyRule,
    PartialBatch,
    PauseWebhooks,
    Rule,
    RuleSet,
    WebhookRule,
)
from sandbox.postmark.store import Store

R = TypeVar("R", bound=Rule)


@dataclass(frozen=True)
class Scope:
    """What a rule is matched against."""

    endpoint: str = ""
    path: str = ""
    method: str = ""
    server_id: int | None = None
    trigger: Trigger | None = None
    position: int | None = None


class ActiveRule:
    """A rule with its own random numbers, so that one rule's draws do not shift another's."""

    def __init__(self, rule: AnyRule, default_seed: int, matched: int = 0, fired: int = 0) -> None:
        self.rule = rule
        self.matched, self.fired = matched, fired
        self._seed = default_seed if rule.seed is None else rule.seed
        self._random = random.Random(f"{self._seed}/{rule.kind}/{rule.id}")
        for _ in range(matched):
            self._random.random()

    def applies(self, scope: Scope) -> bool:
        rule = self.rule
        if rule.server_id is not None and rule.server_id != scope.server_id:
            return False
        if isinstance(rule, WebhookRule):
            return rule.trigger is None or rule.trigger == scope.trigger
        if (
            isinstance(rule, PartialBatch)
            and rule.positions is not None
            and scope.position not in rule.positions
        ):
            return False
        if rule.method is not None and rule.method.upper() != scope.method:
            return False
        pattern = rule.endpoint.lower()
        return fnmatchcase(scope.endpoint.lower(), pattern) or fnmatchcase(scope.path.lower(), pattern)

    def fires(self, scope: Scope) -> bool:
        if not self.applies(scope) or (self.rule.count is not None and self.fired >= self.rule.count):
            return False
        self.matched += 1
        drawn = self._random.random() < self.rule.probability
        fires = drawn and self.matched > self.rule.skip
        self.fired += fires
        return fires

    def show(self) -> Json:
        return {**self.rule.model_dump(mode="json"), "matched": self.matched, "fired": self.fired}


class Faults:
    """The set of rules, kept over a restart with their counts."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._seed = 0
        self._next_id = 0
        self._active: list[ActiveRule] = []
        for stored in store.load("faults"):
            self._restore(stored)

    def replace(self, rules: RuleSet) -> None:
        self._seed, self._next_id = (
            rules.seed,
            0,
        )  # ids are part of the seed: the same set draws the same numbers
        self._active = []
        for rule in rules.rules:
            self.add(rule)
        self._remember()

    def add(self, rule: AnyRule) -> str:
        self._next_id += 1
        rule.id = rule.id or f"rule-{self._next_id}"
        if any(active.rule.id == rule.id for active in self._active):
            raise ValueError(f"a rule with id {rule.id!r} exists")
        self._active.append(ActiveRule(rule, self._seed))
        self._remember()
        return rule.id

    def remove(self, rule_id: str) -> bool:
        kept = [active for active in self._active if active.rule.id != rule_id]
        removed = len(kept) < len(self._active)
        self._active = kept
        self._remember()
        return removed

    def first(self, scope: Scope, *kinds: type[R]) -> R | None:
        """The first rule of these kinds that fires; later ones are not asked."""
        return next(self._fired(scope, kinds), None)

    def every(self, scope: Scope, kind: type[R]) -> list[R]:
        return list(self._fired(scope, (kind,)))

    def _fired(self, scope: Scope, kinds: tuple[type[R], ...]) -> Iterator[R]:
        for active in self._active:
            if isinstance(active.rule, kinds):
                self._remember()  # a match changes the counts even if it does not fire
                if active.fires(scope):
                    yield active.rule

    def present(self, kind: type[R]) -> R | None:
        """A rule of the kind, whatever its scope and counts."""
        return next((active.rule for active in self._active if isinstance(active.rule, kind)), None)

    def has(self, kind: type[Rule]) -> bool:
        return any(isinstance(active.rule, kind) for active in self._active)

    def pauses(self, server_id: int, trigger: Trigger) -> bool:
        """A standing condition, not an event: asking does not count as a match."""
        scope = Scope(server_id=server_id, trigger=trigger)
        return any(
            isinstance(active.rule, PauseWebhooks) and active.applies(scope) for active in self._active
        )

    def show(self) -> Json:
        return {"seed": self._seed, "rules": [active.show() for active in self._active]}

    def _remember(self) -> None:
        self._store.put("faults", "all", lambda: {**self.show(), "next_id": self._next_id})

    def _restore(self, stored: Json) -> None:
        self._seed, self._next_id = stored["seed"], stored["next_id"]
        for shown in stored["rules"]:
            matched, fired = shown.pop("matched"), shown.pop("fired")
            self._active.append(ActiveRule(ANY_RULE.validate_python(shown), self._seed, matched, fired))
