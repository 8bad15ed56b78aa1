"""`/configuration/{eId}/{signal}`: an operator's word to a configuration."""

import re
from uuid import UUID

from flask import Blueprint, Response
from werkzeug.routing import BaseConverter

from shared.domain.configuration import Verdict
from shared.domain.lifecycle import SIGNALS, Administrative, Trigger
from web.auth import caller
from web.body import read_optional_object
from web.conditions import ETAG, IF_MATCH, expected_versions
from web.examples import signals as examples
from web.intake import configuration as intake
from web.operation import Link, Operation, operation
from web.problems import BODY_PROBLEMS
from web.records import ConfigurationPayload, Configurations, Record
from web.schemas import SignalInput, validated
from web.standings import current, found, other_version, refused

_BYTES_MAX = 65_536
# Of a configuration that was answered.
NEXT = {
    "read it": Link("configuration_get"),
    **{signal.value: Link("configuration_signal", {"signal": signal.value}) for signal in SIGNALS},
}


class _SignalConverter(BaseConverter):
    regex = "|".join(re.escape(signal) for signal in SIGNALS)

    def to_python(self, value: str) -> Trigger:
        return Trigger(value)


class Signals:
    def __init__(self, ports: intake.ConfigurationPorts, records: Configurations, *, depth_max: int) -> None:
        self._ports = ports
        self._records = records
        self._depth_max = depth_max

    def add_to(self, routes: Blueprint) -> None:
        # Before the route that needs it. Of other words there is no such path, and none to be found in `Allow`.
        routes.record_once(lambda state: state.app.url_map.converters.update(signal=_SignalConverter))
        routes.post("/<uuid:e_id>/<signal:signal>")(self.signal)

    @operation(
        Operation(
            summary="Steer a configuration",
            description=(
                "`202` when work follows: read the configuration again to see how far it is. `200` when it is done, or "
                "when its goal holds already. `If-Match` with the `ETag` of an earlier answer: only if nobody has "
                "changed it meanwhile."
            ),
            path_values={"signal": SIGNALS},
            body=SignalInput,
            body_required=False,
            answers={200: Record[ConfigurationPayload], 202: Record[ConfigurationPayload]},
            meanings={200: "Done, or nothing to do.", 202: "Begun; work follows."},
            answer_headers={status: {"ETag": ETAG} for status in (200, 202, 409, 412)},
            conditions={"If-Match": IF_MATCH},
            problems=(
                *BODY_PROBLEMS,
                "not_found",
                "signal_refused",
                "conflict",
                "precondition_failed",
                "recovering",
            ),
            examples=examples.SIGNAL,
            leads_to=NEXT,
        )
    )
    def signal(self, e_id: UUID, signal: Trigger) -> Response:
        author, expected = caller(), expected_versions()
        sent = validated(SignalInput, read_optional_object(_BYTES_MAX, depth_max=self._depth_max))
        try:
            signalled = intake.signal(
                self._ports,
                author.tenant_id,
                e_id,
                signal,
                author=author.author,
                reason=sent.reason,
                expected_versions=expected,
            )
        except intake.OtherVersion as other:
            raise other_version(other.standing) from None
        return self._signalled(found(signalled))

    def _signalled(self, signalled: intake.Signalled) -> Response:
        verdict = signalled.decision.verdict
        if verdict is Verdict.REFUSED:
            raise refused(signalled.standing, signalled.decision.reason)
        follows = verdict is Verdict.CHANGED and _work_follows(signalled)
        return current(self._records, signalled.standing, 202 if follows else 200)


def _work_follows(signalled: intake.Signalled) -> bool:
    """Somebody was rung for, or the configuration drains."""
    return signalled.rung or signalled.decision.configuration.administrative is Administrative.LOCKING
