"""People at work: the console, and the command line."""

import json
import re
from collections.abc import Iterator, Sequence

from tests.acceptance.canary import allowed
from tests.acceptance.canary.search import Haystack
from tests.acceptance.canary.tenants import Tenant
from tests.acceptance.canary.world import World

_SIGN_IN = "/console/sign-in"
_PAGES_MAX = 40
_PATIENCE_SECONDS = 180.0

Command = tuple[Sequence[str], dict[str, str]]


def at_the_console(world: World) -> None:
    """With a wrong key, with the key for a name, and as it should be; then every page that another one leads to."""
    key = world.places["operator_key"]
    assert _signed_in(world, "somebody", world.api_key) == 403
    assert _signed_in(world, key, key) == 400
    assert _signed_in(world, "somebody", key) == 303
    ahead, seen = ["/console", "/console/no-such-page"], set[str]()
    while ahead and len(seen) < _PAGES_MAX:
        seen.add(path := ahead.pop(0))
        page = world.stranger.send("GET", path).text
        links = re.findall(r'href="(/console[^"#]*)"', page)
        ahead += [link for link in dict.fromkeys(links) if link not in seen and link not in ahead]
    assert len(seen) > 2, "one page leads to another"


def _signed_in(world: World, name: str, key: str) -> int:
    form = world.stranger.send("GET", _SIGN_IN).text
    token = re.search(r'name="csrf_token" value="([^"]+)"', form)
    assert token is not None, "a form has its token"
    filled = {"csrf_token": token[1], "name": name, "key": key, "next": ""}
    return world.stranger.send("POST", _SIGN_IN, filled).status_code


def at_the_command_line(world: World, tenant: Tenant, job: str) -> Iterator[Haystack]:
    """What commands show, and how they end when something is wrong."""
    asked = [
        {"arguments": list(arguments), "environment": environment}
        for arguments, environment in (*_commands(tenant, job), *_wrong_commands(world, tenant))
    ]
    process = world.start("tests.acceptance.canary.emailctl", EMAIL_API_URL=world.places["web_url"])
    lines = "\n".join(map(json.dumps, asked)).encode()
    told, _ = process.communicate(lines, timeout=_PATIENCE_SECONDS)
    for answer in map(json.loads, told.splitlines()):
        arguments, code, said = answer["arguments"], answer["code"], answer["said"]
        assert said, f"{arguments} says something"
        may = allowed.COMMANDS.get(tuple(arguments[:2]), frozenset()) if code == 0 else frozenset()
        yield Haystack(f"emailctl {' '.join(arguments)}, which ended with {code}", said.encode(), may)


def _commands(tenant: Tenant, job: str) -> Iterator[Command]:
    of_tenant = {"EMAIL_TENANT": tenant.client.tenant_id}
    for line in (
        "config show -o json",
        "config check",
        "doctor -o json",
        "keys status",
        "webhooks keys",
        "webhooks health",
        "drift servers -o json",
        "drift servers --others",
        "drift ls -o json",
        "dead-letter ls -o json",
        "queue ls",
        "suppression ls --lifted",
        f"configuration show {tenant.eid} -o json",
        "job query -o json",
        f"job trace {job}",
    ):
        yield line.split(), of_tenant


def _wrong_commands(world: World, tenant: Tenant) -> Iterator[Command]:
    """Somebody else's key, a database that is not there, and a number that is none."""
    of_tenant = {"EMAIL_TENANT": tenant.client.tenant_id}
    url = world.places["database_url"]
    yield ("suppression", "ls"), {**of_tenant, "ARDA_API_KEY": world.canaries.named("the server token")}
    yield ("keys", "status"), {"EMAIL_DATABASE_URL": f"{url}?port=1"}
    yield ("keys", "status"), {"EMAIL_DATABASE_POOL_SIZE": url}
    yield ("config", "check"), {"EMAIL_REDIS_URL": url.replace("@", "/@")}
