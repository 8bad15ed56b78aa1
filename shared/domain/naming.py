"""Names a tenant's configuration is known by. Never stored, never hard-coded: always made here, from the slug.

slug `acme`, zone `dev.ardamails.com`
sending domain      acme.dev.ardamails.com
Postmark server     ardamails-dev-acme
From                noreply@acme.dev.ardamails.com
return path         pm-bounces.acme.dev.ardamails.com
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from shared.domain.dns import canonical
from shared.domain.errors import InvalidValue

DEFAULT_LOCAL_PART = "noreply"
RETURN_PATH_LABEL = "pm-bounces"

_SLUG = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
# RFC 5322 dot-atom in lower case; the length limit is RFC 5321 4.5.3.1.1.
_LOCAL_PART = re.compile(r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_LOCAL_PART_MAX = 64


@dataclass(frozen=True, slots=True)
class Names:
    sending_domain: str
    server_name: str
    from_address: str
    return_path_domain: str


def names_for(slug: str, from_local_part: str, zone_name: str) -> Names:
    """The one place where names come from; `zone_name` is the partition's mail zone, with or without its last dot."""
    sending_domain = f"{slug}.{canonical(zone_name)}"
    labels_without_tld = sending_domain.split(".")[:-1]
    return Names(
        sending_domain=sending_domain,
        server_name="-".join(reversed(labels_without_tld)),
        from_address=f"{from_local_part}@{sending_domain}",
        return_path_domain=f"{RETURN_PATH_LABEL}.{sending_domain}",
    )


def slug_of_server(server_name: str, zone_name: str, *, other_zones: Iterable[str] = ()) -> str | None:
    """The way back from a server's name; None when it is not of this zone's pattern.

    A name does not show where a label ends: `ardamails-dev-acme` may be `acme` of `dev.ardamails.com` or `dev-acme` of
    `ardamails.com`. `other_zones` are those of other partitions in the same account: the longest that fits has it.
    """
    prefix = _server_prefix(zone_name)
    longer = [other for other in map(_server_prefix, other_zones) if len(other) > len(prefix)]
    if not server_name.startswith(prefix) or server_name.startswith(tuple(longer)):
        return None
    slug = server_name.removeprefix(prefix)
    return slug if _SLUG.fullmatch(slug) else None


def slug_of_record(record_name: str, zone_name: str) -> str | None:
    """Whose a name in the zone is; None for names of nobody, such as the zone's own."""
    inside, found, rest = canonical(record_name).rpartition("." + canonical(zone_name))
    if not found or rest:
        return None
    slug = inside.rpartition(".")[2]
    return slug if _SLUG.fullmatch(slug) else None


def _server_prefix(zone_name: str) -> str:
    return names_for("", "", zone_name).server_name


def checked_slug(slug: str) -> str:
    if not _SLUG.fullmatch(slug):
        raise InvalidValue(
            "sendingDomainSlug",
            "use 1 to 63 of a-z, 0-9 and '-', beginning and ending with a letter or digit",
        )
    return slug


def checked_local_part(local_part: str) -> str:
    if len(local_part) > _LOCAL_PART_MAX or not _LOCAL_PART.fullmatch(local_part):
        raise InvalidValue(
            "fromLocalPart",
            "use a lower-case address part of at most 64 characters, such as 'noreply'",
        )
    return local_part
