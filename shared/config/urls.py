"""URLs of servers, with passwords in them."""

import re
from typing import Annotated

from pydantic import AfterValidator, SecretStr

# Its end may be the path of a socket; options follow a question mark.
_FORM = re.compile(
    r"[a-z][a-z0-9+]*://([^@/?#]*@)?(\[[^]@]*\]|[^][:/@?#]*)(:[0-9]*)?(/[^@?#]*)?([?].*)?", re.DOTALL
)


def _well_formed(url: SecretStr) -> SecretStr:
    """Drivers quote what they take for a host or a port: it must not be a piece of a password."""
    if not _FORM.fullmatch(url.get_secret_value()):
        raise ValueError("use scheme://user:password@host:port/name, with user and password percent-encoded")
    return url


ServerUrl = Annotated[SecretStr, AfterValidator(_well_formed)]
