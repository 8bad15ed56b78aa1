"""/domains, with the DNS checks."""

from sandbox.postmark import dkim, dns
from sandbox.postmark.addresses import is_domain
from sandbox.postmark.entities import Domain, Json
from sandbox.postmark.errors import ApiError
from sandbox.postmark.routing import Call, Route
from sandbox.postmark.world import World

FIRST_ID = 500_001
RETURN_PATH_TARGET = "pm.mtasv.net"
SPF_VALUE = "v=spf1 a mx include:spf.mtasv.net ~all"
PUBLIC_DOMAINS = frozenset(
    [
        "gmail.com",
        "googlemail.com",
        "yahoo.com",
        "hotmail.com",
        "outlook.com",
        "live.com",
        "aol.com",
        "icloud.com",
        "gmx.net",
        "gmx.de",
        "web.de",
    ]
)


def dkim_fields(domain: Domain | None) -> Json:
    """What a domain and its signatures show alike; blanks for a signature whose domain was deleted."""
    if domain is None:
        domain = Domain(0, "", "", "")
    return {
        "SPFVerified": True,  # by default since 2019
        "SPFHost": domain.name,
        "SPFTextValue": SPF_VALUE,
        "DKIMVerified": domain.dkim_verified,
        "WeakDKIM": False,
        "DKIMHost": domain.dkim_host,
        "DKIMTextValue": domain.dkim_value,
        "DKIMPendingHost": domain.pending_host,
        "DKIMPendingTextValue": domain.pending_value,
        "DKIMRevokedHost": domain.revoked_host,
        "DKIMRevokedTextValue": domain.revoked_value,
        "SafeToRemoveRevokedKeyFromDNS": bool(domain.revoked_host),
        "DKIMUpdateStatus": domain.update_status,
        "ReturnPathDomain": domain.return_path_domain,
        "ReturnPathDomainVerified": domain.return_path_verified,
        "ReturnPathDomainCNAMEValue": RETURN_PATH_TARGET,
    }


def show(domain: Domain) -> Json:
    return {"Name": domain.name, **dkim_fields(domain), "ID": domain.id}


def _row(domain: Domain) -> Json:
    names = ("Name", "SPFVerified", "DKIMVerified", "WeakDKIM", "ReturnPathDomainVerified", "ID")
    whole = show(domain)
    return {name: whole[name] for name in names}


def add_domain(world: World, name: str, return_path: str) -> Domain:
    now = world.clock.now()
    domain = Domain(
        id=world.state.next_id("domain", FIRST_ID),
        name=name.lower(),
        pending_host=dkim.new_host(name.lower(), now),
        pending_value=dkim.new_value(world.settings.dkim_key_bits),
        return_path_domain=return_path,
    )
    world.state.domains.put(domain)
    return domain


def checked_return_path(value: object, name: str, code: int) -> str:
    """Empty, or a subdomain of the domain. Raises ApiError with the given code."""
    if value in (None, ""):
        return ""
    if not isinstance(value, str) or not is_domain(value) or not value.lower().endswith(f".{name.lower()}"):
        raise ApiError(code, f"The ReturnPathDomain must be a subdomain of '{name}'.")
    return value.lower()


async def list_domains(call: Call) -> Json:
    count, offset = call.page(500)
    found = sorted(call.world.state.domains, key=lambda domain: domain.name)
    return {"TotalCount": len(found), "Domains": [_row(domain) for domain in found[offset : offset + count]]}


async def get_domain(call: Call) -> Json:
    return show(_find(call))


async def create_domain(call: Call) -> Json:
    given = call.object(514, "The domain name is required.")
    name = _checked_name(given.get("name"))
    return_path = checked_return_path(given.get("returnpathdomain"), name, 511)
    if call.world.state.domains.named(name) is not None:
        raise ApiError(512, "This domain already exists.")
    return show(add_domain(call.world, name, return_path))


def _checked_name(name: object) -> str:
    if not isinstance(name, str) or not name.strip():
        raise ApiError(514, "The domain name is required.")
    if len(name) > 255:
        raise ApiError(515, "The domain name may have up to 255 characters.")
    if not is_domain(name):
        raise ApiError(516, "The format of the domain name is invalid.")
    if name.lower() in PUBLIC_DOMAINS:
        raise ApiError(503, f"The public domain '{name}' is not allowed.")
    return name.lower()


async def edit_domain(call: Call) -> Json:
    domain = _find(call)
    given = call.object(502, "No data was given to update the domain with.")
    if "returnpathdomain" not in given:
        raise ApiError(502, "No data was given to update the domain with.")
    set_return_path(domain, checked_return_path(given["returnpathdomain"], domain.name, 511))
    return _saved(call, domain)


def set_return_path(domain: Domain, return_path: str) -> None:
    if return_path != domain.return_path_domain:
        domain.return_path_domain = return_path
        domain.return_path_verified = False


async def delete_domain(call: Call) -> Json:
    domain = _find(call)
    call.world.state.domains.remove(domain)
    return {"ErrorCode": 0, "Message": f"Domain {domain.name} removed."}


async def verify_dkim(call: Call) -> Json:
    domain = _find(call)
    host, value = domain.pending_host, domain.pending_value
    if host and await dns.has_txt(call.world.zone, host, value) and domain.pending_host == host:
        dkim.confirm_pending(domain)
    return _saved(call, domain)


async def verify_return_path(call: Call) -> Json:
    domain = _find(call)
    host = domain.return_path_domain
    domain.return_path_verified = bool(host) and await dns.has_cname(
        call.world.zone, host, RETURN_PATH_TARGET
    )
    return _saved(call, domain)


async def verify_spf(call: Call) -> Json:
    whole = show(_find(call))
    return {name: whole[name] for name in ("SPFHost", "SPFVerified", "SPFTextValue")}


async def rotate_dkim(call: Call) -> Json:
    domain = _find(call)
    if domain.pending_host:
        raise ApiError(505, "This DKIM is already being renewed.")
    dkim.rotate(domain, call.world.clock.now(), call.world.settings.dkim_key_bits)
    return _saved(call, domain)


def _saved(call: Call, domain: Domain) -> Json:
    if call.world.state.domains.get(domain.id) is domain:  # it may have been deleted during the DNS query
        call.world.state.domains.put(domain)
    return show(domain)


def _find(call: Call) -> Domain:
    number = call.number("id")
    domain = call.world.state.domains.get(number) if number is not None else None
    if domain is None:
        raise ApiError(510, "The domain was not found.")
    return domain


ROUTES = [
    Route("GET", "/domains", "Account", list_domains),
    Route("POST", "/domains", "Account", create_domain),
    Route("GET", "/domains/{id}", "Account", get_domain),
    Route("PUT", "/domains/{id}", "Account", edit_domain),
    Route("DELETE", "/domains/{id}", "Account", delete_domain),
    Route("PUT", "/domains/{id}/verifyDkim", "Account", verify_dkim),
    Route("PUT", "/domains/{id}/verifyReturnPath", "Account", verify_return_path),
    Route("POST", "/domains/{id}/verifyspf", "Account", verify_spf),
    Route("POST", "/domains/{id}/rotatedkim", "Account", rotate_dkim),
]
