"""Address lists as Postmark reads them, with the texts it answers for the illegal ones."""

import re
from dataclasses import dataclass
from email.utils import getaddresses
from functools import lru_cache

from sandbox.postmark.errors import ApiError

_LOCAL = r"[^\s@<>(),;:\"\[\]\\]+"
_DOMAIN = r"\w(?:[\w-]*\w)?(?:\.\w(?:[\w-]*\w)?)+"
_PLAIN = re.compile(f"{_LOCAL}@{_DOMAIN}")
_DOMAIN_ONLY = re.compile(_DOMAIN)


@dataclass(frozen=True)
class Mailbox:
    email: str
    name: str = ""

    @property
    def local_part(self) -> str:
        return self.email.rpartition("@")[0]

    @property
    def domain(self) -> str:
        return self.email.rpartition("@")[2].lower()

    def full(self) -> dict[str, str]:
        return {"Email": self.email, "Name": self.name}


def is_domain(text: str) -> bool:
    return _DOMAIN_ONLY.fullmatch(text) is not None


def is_address(text: str) -> bool:
    return _PLAIN.fullmatch(text) is not None


def parse_list(field: str, text: str) -> list[Mailbox]:
    """Mailboxes of a comma separated list. Raises ApiError 300."""
    if not text:
        return []
    if _PLAIN.fullmatch(text):
        return [Mailbox(text)]
    pairs = [(name, address) for name, address in getaddresses([text]) if name or address]
    if text.strip() and not pairs:
        raise ApiError(300, f"Invalid '{field}' address: '{text}'.")
    return [_mailbox(field, name, address) for name, address in pairs]


@lru_cache(maxsize=1024)  # a tenant's mail has one From
def parse_from(text: str) -> Mailbox:
    """The single mailbox of a From. Raises ApiError 300."""
    pairs = getaddresses([text])
    if len(pairs) != 1 or not is_address(pairs[0][1]):
        raise ApiError(300, f"Invalid 'From' address: '{text}'.")
    return Mailbox(pairs[0][1], pairs[0][0])


def _mailbox(field: str, name: str, address: str) -> Mailbox:
    if is_address(address):
        return Mailbox(address, name)
    if "@" not in address:
        text = f"Illegal email address '{address}'. It must contain the '@' symbol."
        raise ApiError(300, f"Error parsing '{field}': {text}")
    domain = address.rpartition("@")[2]
    if not is_domain(domain):
        raise ApiError(
            300, f"Error parsing '{field}': Illegal email domain '{domain}' in address '{address}'."
        )
    raise ApiError(300, f"Invalid '{field}' address: '{address}'.")
