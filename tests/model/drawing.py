"""How often which deed is drawn, and with what."""

from hypothesis import strategies as st
from hypothesis.internal.conjecture.providers import AVAILABLE_PROVIDERS, HypothesisProvider

from shared.domain.errors import OutcomeUnknown, ProviderRefused, ProviderUnavailable
from shared.domain.mail import AccountFault, Deferred, Outcome, Refused, Unknown
from shared.telemetry.fault_points import POINTS
from tests.model import deeds, trouble
from tests.model.deeds import RECIPIENTS, SECONDS, SIGNALS_AS_OFTEN, SLUGS, Between, Deed
from tests.model.model import SOFT_THRESHOLD
from tests.model.moments import At, AtPoint
from tests.model.trouble import BAD_TOKEN
from tests.model.world import OPERATORS, TENANTS

# Every deed by its weight. Of its own accord Hypothesis begins with short stories and goes on with copies of parts of
# them, which leaves long ones without variety; for a provider of another name it does neither.
EVENLY = "evenly"
AVAILABLE_PROVIDERS[EVENLY] = HypothesisProvider

CHANGES = (
    "create_server",
    "create_signature",
    "create_webhook",
    "update_webhook",
    "upsert",
    "delete",
    "delete_webhook",
    "delete_signature",
    "delete_domain",
    "delete_server",
)
LOOKUPS = ("find_server", "find_signature", "find_domain", "find_webhook", "check_domain", "find_by_claim")
UNAVAILABLE = ProviderUnavailable("503", "not now")
NEVER = ProviderRefused("300", "no, because the test says so")
LOST = OutcomeUnknown("read_timeout", "no whole answer")
ANSWERS: tuple[tuple[Outcome, bool], ...] = (
    (Unknown("read_timeout", "no whole answer"), True),
    (Unknown("read_timeout", "no whole answer"), False),
    (Deferred("429", "slow down", throttled=True), False),
    (Deferred("503", "not now"), False),
    (BAD_TOKEN, False),
    (AccountFault("405", "no credits"), False),
    (Refused("300", "never"), False),
)
numbers = st.integers(0, 40)


def _points(*rooms: str) -> st.SearchStrategy[AtPoint]:
    return st.builds(AtPoint, st.sampled_from([name for name in POINTS if name.startswith(rooms)]))


places = st.one_of(st.builds(At, st.integers(0, 30)), st.builds(AtPoint, st.sampled_from(POINTS)))
deaths = st.one_of(st.none(), st.none(), st.none(), places)
signals = st.builds(
    deeds.Signal, numbers, st.sampled_from(SIGNALS_AS_OFTEN), st.sampled_from(OPERATORS), deaths
)
# Nothing comes between what comes between.
meanwhile: st.SearchStrategy[Deed] = st.one_of(
    st.builds(deeds.Signal, numbers, st.sampled_from(SIGNALS_AS_OFTEN), st.sampled_from(OPERATORS)),
    st.builds(deeds.Time, st.sampled_from(SECONDS)),
    st.builds(deeds.Work, numbers),
    st.builds(deeds.GoOn, st.integers(1, 3), st.sampled_from(SECONDS[:6])),
    st.builds(deeds.Tick),
    st.builds(deeds.SendSome, numbers, st.integers(1, 3)),
)
betweens = st.one_of(st.none(), st.builds(Between, places), st.builds(Between, places, meanwhile))

folds = st.one_of(st.none(), _points("project."))
calls = st.one_of(st.none(), _points("send."))
looks = st.one_of(st.none(), st.builds(Between, _points("doubt.")), st.builds(Between, places, meanwhile))


def _some(deed: type[Deed], *given: st.SearchStrategy[object]) -> st.SearchStrategy[Deed]:
    return st.builds(deed, *given)


_CALLS = st.one_of(
    st.builds(trouble.CallsFail, st.sampled_from(CHANGES), st.just(UNAVAILABLE), st.sampled_from((1, 2, 9))),
    st.builds(trouble.CallsFail, st.sampled_from(CHANGES), st.just(NEVER), st.sampled_from((1, 2))),
    st.builds(
        trouble.CallsFail, st.sampled_from(CHANGES), st.just(LOST), st.sampled_from((1, 1, 3)), st.booleans()
    ),
    st.builds(
        trouble.CallsFail,
        st.sampled_from(LOOKUPS),
        st.sampled_from((UNAVAILABLE, NEVER)),
        st.sampled_from((1, 3)),
    ),
)
_SENDS: st.SearchStrategy[Deed] = st.builds(
    lambda answer, times: trouble.SendsFail(answer[0], answer[1], times),
    st.sampled_from(ANSWERS),
    st.sampled_from((1, 1, 1, SOFT_THRESHOLD)),
)
_KINDS = ("Delivery", "Bounce", "SpamComplaint")
# Each with its weight.
DEEDS: tuple[tuple[int, st.SearchStrategy[Deed]], ...] = (
    (14, _some(deeds.Work, st.just(0), betweens)),
    (8, _some(deeds.Work, numbers, betweens, st.booleans())),
    (5, _some(deeds.WorkOff, st.integers(1, 8))),
    (2, _some(deeds.Lose, numbers)),
    (7, _some(deeds.Tick, betweens)),
    (5, _some(deeds.Time, st.sampled_from(SECONDS))),
    (6, _some(deeds.GoOn, st.integers(1, 4), st.sampled_from(SECONDS[:6]))),
    (14, signals),
    (3, _some(deeds.BringUp, numbers)),
    (7, _some(trouble.Turnover, numbers, st.lists(_CALLS, max_size=2).map(tuple), betweens, st.booleans())),
    (2, _some(deeds.Create, st.sampled_from(TENANTS), st.sampled_from(SLUGS))),
    (4, _some(deeds.Send, numbers, st.integers(0, 100), st.sampled_from(RECIPIENTS[:3]), deaths)),
    (6, _some(deeds.SendSome, numbers, st.integers(1, 4))),
    (2, _some(deeds.SendSome, numbers, st.integers(1, 4), st.sampled_from(("lock", "force-lock")))),
    (5, _some(deeds.Event, numbers, st.sampled_from(_KINDS), deaths, folds)),
    (6, _CALLS),
    (4, _SENDS),
    (2, _some(trouble.SenderFails, numbers, st.booleans())),
    (3, _some(trouble.Doubts, numbers, st.booleans(), st.sampled_from((20, 130, 4_000)), looks, calls)),
    (3, _some(deeds.AskInVain, numbers)),
    (1, _some(trouble.Overdue, numbers)),
    (1, _some(trouble.RecordsSpreadOrVanish, st.sampled_from(SLUGS))),
    (1, _some(trouble.SearchLags, st.sampled_from((0, 20, 100, 110)))),
    (1, _some(trouble.KeyMaterialIsGone)),
    (1, _some(trouble.DoorbellIsDown)),
    (1, _some(trouble.ServersMayBeDeleted, st.booleans())),
    (1, _some(trouble.StrangerMakes, numbers, st.sampled_from(("server", "domain")))),
    (4, _some(trouble.AllIsWell)),
)
_BY_WEIGHT = [number for number, (weight, _) in enumerate(DEEDS) for _ in range(weight)]
any_deed: st.SearchStrategy[Deed] = st.sampled_from(_BY_WEIGHT).flatmap(lambda number: DEEDS[number][1])
