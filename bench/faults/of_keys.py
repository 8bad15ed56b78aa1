"""What happens while an API key gives way to another: the provider's, and the callers'."""

import subprocess
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from secrets import token_urlsafe

from bench.faults.callers import Door
from bench.faults.emailctl import Emailctl
from bench.faults.mail import events_of, pour
from bench.faults.nursery import Wishes
from bench.faults.plan import SETTINGS, TIME_SCALE
from bench.faults.posted import Clerk, Posted
from bench.faults.provider import Provider
from bench.faults.rehearsal import Rehearsal, Size, fault
from sandbox.files import write_private
from sandbox.stack.tenant import Tenant
from shared.domain.webhook import fingerprint

# Those that show the key, or have it shown.
ROLES = ("web", "provisioning")
# A configuration whose rewriter was killed waits for its lease, which outlasts the provider's test posts: 18 s.
_SHORT_LEASES = SETTINGS + "modules.v1.shop-access.email.extras.postmark.webhookTimeoutSeconds = 5\n"
# Webhooks a second: slow enough to be killed on the way, then as fast as the command goes.
SLOW_SECONDS, FAST_RATE = 12.0, 50.0
RUNS_MAX = 4
KILL_SECONDS = 60.0
LOOK_SECONDS = 0.02
# With both keys valid and no webhook left that shows the old one; then with the new one alone.
QUIET_SECONDS = 1.0
SENT_SECONDS = 120.0


@fault(
    "F19",
    "the API key gives way to another and back, the first rotation killed on the way",
    long=Size(jobs=5_000, rate=10, seconds=100, tenants=12),
    short=Size(jobs=50, rate=5, seconds=5, tenants=8),
)
def rotate_keys(run: Rehearsal) -> None:
    """`seconds` over which the events of `jobs` are spread; callers at `rate` with each of the keys."""
    tenants, clerk = run.world.tenants(run.size.tenants), Clerk(run)
    spread = run.size.seconds * TIME_SCALE
    run.world.simulator.set(delivery_delay_seconds={"min": 0.0, "max": spread})
    pour(run, tenants, "many", run.size.jobs)
    old, new = run.world.door.api_key, token_urlsafe(32)
    begun, rotation = time.monotonic(), Rotation(run, tenants)
    try:
        rotation.turn(old, new, killed=True)
    finally:
        # Back again, for those that come after us; whatever was left behind, both keys are valid meanwhile.
        rotation.turn(new, old, killed=False)
    run.tell("the rest of the events")
    time.sleep(max(0.0, begun + run.size.seconds - time.monotonic()))
    run.wait_until_idle(SENT_SECONDS)
    run.world.simulator.advance(spread, settle=True)
    clerk.drain()
    _check(run, clerk.posted())
    run.notes.append(f"{', '.join(rotation.told)}")


def _check(run: Rehearsal, posted: Posted) -> None:
    run.require(not posted.answers["401"], f"{posted.answers['401']} events were answered with 401")
    for outcome in ("dropped", "exhausted", "retry"):
        run.require(not posted.with_outcome(outcome), f"{len(posted.with_outcome(outcome))} events {outcome}")
    run.require(not posted.missing, f"{len(posted.missing)} events are missing, such as {posted.missing[:1]}")
    run.require(not posted.doubled, f"{len(posted.doubled)} events are there twice")
    wanted = events_of(run.size.jobs)
    run.require(len(posted.events) >= wanted, f"only {len(posted.events)} events were posted")
    answers = ", ".join(f"{count} x {answer}" for answer, count in posted.answers.most_common())
    run.notes.append(f"{len(posted.events)} events; attempts ended with {answers}")


class Rotation:
    def __init__(self, run: Rehearsal, tenants: Sequence[Tenant]) -> None:
        self._run, self._tenants = run, tenants
        self._provider = Provider(run.world.places)
        self._settings = run.world.processes.folder / "short-leases.conf"
        write_private(self._settings, _SHORT_LEASES)
        self.told: list[str] = []

    def turn(self, old: str, new: str, *, killed: bool) -> None:
        """As the runbook has it. Callers with the old key go on until no webhook shows it any more."""
        run = self._run
        with ExitStack() as until_the_end:
            with run.callers(door=Door(run.world.door.url, old)):
                self._serve(new, old)
                until_the_end.enter_context(run.callers(door=Door(run.world.door.url, new)))
                self._rotate(new, old, killed=killed)
                time.sleep(QUIET_SECONDS)
            self._serve(new, None)
            self._require_refused(old)
            time.sleep(QUIET_SECONDS)

    def _serve(self, current: str, previous: str | None) -> None:
        """A deployment: each role ends in order and comes back with these keys."""
        self._run.tell("a deployment with other keys")
        environment = {"ARDA_API_KEY": current}
        if previous is not None:
            environment["ARDA_API_KEY_PREVIOUS"] = previous
        for role in ROLES:
            self._run.world.processes.wish(role, Wishes(environment))
            self._run.world.processes.restart(role)

    def _rotate(self, new: str, old: str, *, killed: bool) -> None:
        emailctl = Emailctl(
            self._run.world.processes,
            {
                "ARDA_API_KEY": new,
                "ARDA_API_KEY_PREVIOUS": old,
                "EMAIL_CONFIG_FILE": str(self._settings),
            },
        )
        total = sum(self._shown().values())
        if killed:
            done = self._kill_one(emailctl, new, total)
            self.told.append(f"killed with {done} of {total} webhooks rewritten")
        self._finish(emailctl)
        left = total - self._shown()[fingerprint(new)]
        self._run.require(not left, f"{left} of {total} webhooks do not show the new key by their rows")
        self._look_at_the_provider(new)
        keys = emailctl.run("webhooks", "keys").told
        names = {row["key"] for row in keys.get("webhooks", []) if row["webhooks"]}
        self._run.require(names == {fingerprint(new)}, f"by emailctl webhooks show {names}")

    def _kill_one(self, emailctl: Emailctl, new: str, total: int) -> int:
        """In the middle: when a third is rewritten and more is left. How many were."""
        rate = max(1.0, total / SLOW_SECONDS)
        log = self._run.world.processes.folder / "logs" / "rotation.log"
        process = emailctl.start("webhooks", "rotate-bearer", "--rate", str(min(rate, FAST_RATE)), log=log)
        deadline = time.monotonic() + KILL_SECONDS
        try:
            while (done := self._shown()[fingerprint(new)]) < total / 3 and time.monotonic() < deadline:
                self._run.tell(f"{done} of {total} webhooks rewritten")
                time.sleep(LOOK_SECONDS)
        finally:
            process.kill()
            process.wait()
        done = self._shown()[fingerprint(new)]
        self._run.require(
            0 < done < total, f"killed with {done} of {total} webhooks rewritten: not in the middle"
        )
        return done

    def _finish(self, emailctl: Emailctl) -> None:
        """Run again until it says that it is done, as an operator would."""
        results: Counter[str] = Counter()
        for number in range(1, RUNS_MAX + 1):
            self._run.tell("rewriting the webhooks that are left")
            try:
                said = emailctl.run("webhooks", "rotate-bearer", "--rate", str(FAST_RATE))
            except subprocess.TimeoutExpired:
                self._run.wrong.append("the rotation did not end")
                return
            results.update(said.told.get("counts", {}))
            if said.code == 0:
                told = ", ".join(f"{count} {what}" for what, count in results.items())
                self.told.append(f"{number} run{'s' if number > 1 else ''} to the end: {told}")
                return
        self._run.require(False, f"the rotation ended with {said.code}: {said.complaint} {dict(results)}")

    def _shown(self) -> Counter[str]:
        return Counter(
            dict(
                self._run.world.database.ask(
                    "SELECT coalesce(webhook_key, ''), count(*) FROM email_configuration"
                    " WHERE retired_at IS NULL AND webhook_id IS NOT NULL GROUP BY 1"
                )
            )
        )

    def _look_at_the_provider(self, new: str) -> None:
        slugs = [
            slug
            for (slug,) in self._run.world.database.ask(
                "SELECT slug FROM email_configuration WHERE e_id::text = ANY(%s)",
                [tenant.configuration_eid for tenant in self._tenants],
            )
        ]
        hooks = self._provider.webhooks_of(slugs)
        wrong = [
            slug
            for slug in slugs
            if [header["Value"] for hook in hooks[slug] for header in hook["HttpHeaders"] if _is_key(header)]
            != [f"Bearer {new}"]
        ]
        self._run.require(not wrong, f"the provider does not show the new key for {len(wrong)} webhooks")

    def _require_refused(self, old: str) -> None:
        tenant = self._tenants[0]
        with Door(self._run.world.door.url, old).client(tenant.tenant_id) as client:
            status = client.configuration(tenant.configuration_eid).status
        self._run.require(status == 401, f"the old key is answered with {status} after it was dropped")


def _is_key(header: dict[str, str]) -> bool:
    return header["Name"].lower() == "authorization"
