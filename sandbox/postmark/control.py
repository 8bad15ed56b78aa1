"""The control API: what tests and operators may do that customers of Postmark may not."""

from typing import Any

from aiohttp import web

from sandbox.postmark.assembly import Simulator
from sandbox.postmark.control_http import ControlRoute, Handler, as_json
from sandbox.postmark.control_records import Records
from sandbox.postmark.control_steering import Steering
from sandbox.postmark.entities import Json
from sandbox.postmark.fault_rules import RuleSet
from sandbox.postmark.settings import Settings

_MAX_BODY_BYTES = 16 * 1024 * 1024


def application(simulator: Simulator) -> web.Application:
    routes = [*Steering(simulator).routes, *Records(simulator.world).routes]

    async def show_help(_: web.Request) -> Json:
        """This list, and the schemas of fault rules and settings."""
        listed = [{"method": route.method, "path": route.path, "does": route.does} for route in routes]
        return {
            "routes": listed,
            "faults": RuleSet.model_json_schema(),
            "settings": Settings.model_json_schema(),
        }

    @web.middleware
    async def commit(request: web.Request, handler: Handler) -> Any:
        try:
            return await handler(request)
        finally:
            simulator.world.store.commit()  # before the answer: a change that was confirmed survives

    routes.insert(0, ControlRoute("GET", "/", show_help))
    app = web.Application(middlewares=[as_json, commit], client_max_size=_MAX_BODY_BYTES)
    for route in routes:
        app.router.add_route(route.method, route.path, route.handler)  # the middleware makes the responses
    return app
