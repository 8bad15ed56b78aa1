"""Control routes that change how the simulated world behaves: faults, settings, clock, DNS, reset."""

from typing import Any

from aiohttp import web
from pydantic import ValidationError

from sandbox.postmark import control_models
from sandbox.postmark.assembly import Simulator
from sandbox.postmark.control_http import ControlRoute, Refused, invalid, read_body, read_json
from sandbox.postmark.dates import zulu
from sandbox.postmark.dns import canonical
from sandbox.postmark.entities import Json
from sandbox.postmark.fault_rules import ANY_RULE, RuleSet
from sandbox.postmark.settings import Settings


class Steering:
    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator
        self._world = simulator.world
        self.routes = [
            ControlRoute("GET", "/faults", self.get_faults),
            ControlRoute("PUT", "/faults", self.replace_faults),
            ControlRoute("POST", "/faults", self.add_fault),
            ControlRoute("DELETE", "/faults", self.clear_faults),
            ControlRoute("DELETE", "/faults/{id}", self.remove_fault),
            ControlRoute("GET", "/settings", self.get_settings),
            ControlRoute("PATCH", "/settings", self.change_settings),
            ControlRoute("GET", "/clock", self.get_clock),
            ControlRoute("POST", "/clock", self.change_clock),
            ControlRoute("POST", "/settle", self.settle),
            ControlRoute("GET", "/dns", self.get_dns),
            ControlRoute("PUT", "/dns", self.replace_dns),
            ControlRoute("POST", "/dns", self.add_dns),
            ControlRoute("DELETE", "/dns/{name}", self.remove_dns),
            ControlRoute("POST", "/reset", self.reset),
        ]

    async def get_faults(self, _: web.Request) -> Json:
        """The fault rules, with how often each matched and fired."""
        return self._world.faults.show()

    async def replace_faults(self, request: web.Request) -> Json:
        """Replace all fault rules: {"seed": 0, "rules": [{"kind": ...}]}."""
        rules = await read_body(request, RuleSet)
        if len(ids := [rule.id for rule in rules.rules if rule.id]) > len(set(ids)):
            raise Refused("two rules have the same id")
        return await self._set_faults(rules)

    async def clear_faults(self, _: web.Request) -> Json:
        """Remove all fault rules."""
        return await self._set_faults(RuleSet())

    async def _set_faults(self, rules: RuleSet) -> Json:
        self._world.faults.replace(rules)
        await self._simulator.apply_faults()
        return self._world.faults.show()

    async def add_fault(self, request: web.Request) -> Json:
        """Add one fault rule: {"kind": ...}; its id is in the answer."""
        try:
            rule_id = self._world.faults.add(ANY_RULE.validate_python(await read_json(request)))
        except ValidationError as error:
            raise invalid(error) from error
        except ValueError as error:
            raise Refused(str(error)) from error
        await self._simulator.apply_faults()
        return {"id": rule_id}

    async def remove_fault(self, request: web.Request) -> Json:
        """Remove one fault rule."""
        if not self._world.faults.remove(request.match_info["id"]):
            raise Refused("no such rule", status=404)
        await self._simulator.apply_faults()
        return self._world.faults.show()

    async def get_settings(self, _: web.Request) -> Json:
        """Standing behaviour."""
        return self._world.settings.model_dump(mode="json")

    async def change_settings(self, request: web.Request) -> Json:
        """Change the settings that are named."""
        given = await read_json(request)
        if not isinstance(given, dict):
            raise Refused("the body must be a JSON object")
        try:
            changed = Settings.model_validate({**self._world.settings.model_dump(), **given})
        except ValidationError as error:
            raise invalid(error) from error
        self._world.settings.become(changed)
        self._world.store.put("settings", "all", changed.model_dump(mode="json"))
        return changed.model_dump(mode="json")

    async def get_clock(self, _: web.Request) -> Json:
        """The simulated time and its scale."""
        now = self._world.clock.now()
        return {"now": zulu(now), "now_seconds": now, "time_scale": self._world.clock.scale}

    async def change_clock(self, request: web.Request) -> Json:
        """Set the scale, push time forward: {"wall": false, "time_scale", "advance_seconds", "settle": true}."""
        change = await read_body(request, control_models.ClockChange)
        if change.wall:
            self._world.clock.return_to_wall()
        self._world.clock.change(scale=change.time_scale, advance_seconds=change.advance_seconds)
        self._world.timetable.clock_changed()
        settled = await self._simulator.settle(change.timeout_seconds) if change.settle else None
        return {**await self.get_clock(request), "settled": settled}

    async def settle(self, request: web.Request) -> Json:
        """Wait until nothing is due now and no webhook is being posted: {"timeout_seconds"}."""
        wanted = await read_body(request, control_models.Settle)
        return {"settled": await self._simulator.settle(wanted.timeout_seconds)}

    async def get_dns(self, _: web.Request) -> Json:
        """The DNS table, and whether it is asked (not with --dns-url)."""
        table = self._world.dns_table
        return {"in_use": self._world.zone is table, "records": table.records}

    async def replace_dns(self, request: web.Request) -> Json:
        """Replace the DNS table: {"records": [{"name", "type", "value"}]}."""
        table = await read_body(request, control_models.DnsTable)
        return self._set_dns([record.model_dump() for record in table.records])

    async def add_dns(self, request: web.Request) -> Json:
        """Add one record: {"name", "type", "value"}; a TXT value is quoted."""
        record = await read_body(request, control_models.DnsRecord)
        return self._set_dns([*self._world.dns_table.records, record.model_dump()])

    async def remove_dns(self, request: web.Request) -> Json:
        """Remove all records of a name."""
        name = canonical(request.match_info["name"])
        return self._set_dns([row for row in self._world.dns_table.records if canonical(row["name"]) != name])

    def _set_dns(self, records: list[dict[str, str]]) -> Json:
        self._world.dns_table.records = records
        self._world.store.put("dns", "all", {"records": records})
        return {"records": records}

    async def reset(self, _: web.Request) -> dict[str, Any]:
        """Forget everything but the ports and the account token; the old ledger is kept under a number."""
        await self._simulator.reset()
        return self._world.counts()
