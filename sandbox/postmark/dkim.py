"""The DKIM key of a domain: making one, rotating it, and its life cycle on verification."""

import base64
import secrets
from datetime import UTC, datetime

from sandbox.postmark.entities import Domain

# SubjectPublicKeyInfo of an RSA key up to its modulus, by key size. The modulus is random: nobody signs.
_PREFIX = {
    1024: "30819f300d06092a864886f70d010101050003818d0030818902818100",
    2048: "30820122300d06092a864886f70d01010105000382010f003082010a0282010100",
}
_EXPONENT_65537 = "0203010001"


def new_value(bits: int) -> str:
    modulus = bytearray(secrets.token_bytes(bits // 8))
    modulus[0] |= 0x80
    modulus[-1] |= 0x01
    der = bytes.fromhex(_PREFIX[bits]) + bytes(modulus) + bytes.fromhex(_EXPONENT_65537)
    return f"k=rsa; p={base64.b64encode(der).decode()}"


def new_host(domain: str, at: float, other_than: str = "") -> str:
    """Named after the second of its making; a second key in the same second takes the next."""
    moment = int(at)
    while True:
        host = f"{datetime.fromtimestamp(moment, UTC):%Y%m%d%H%M%S}pm._domainkey.{domain}"
        if host != other_than:
            return host
        moment += 1


def rotate(domain: Domain, at: float, bits: int) -> None:
    domain.pending_host = new_host(domain.name, at, other_than=domain.dkim_host)
    domain.pending_value = new_value(bits)
    domain.update_status = "Pending"


def confirm_pending(domain: Domain) -> None:
    """The pending record was found: it becomes the key in use, the former one waits to be removed."""
    domain.revoked_host, domain.revoked_value = domain.dkim_host, domain.dkim_value
    domain.dkim_host, domain.dkim_value = domain.pending_host, domain.pending_value
    domain.pending_host = domain.pending_value = ""
    domain.dkim_verified = True  # for good: a record that is removed later does not take it back
    domain.update_status = "Verified"
