"""`/configuration/{eId}/verification`."""

from web.examples.common import CONFIGURATION, HOUR, NOW
from web.operation import Example

DKIM, RETURN_PATH = "20261101._domainkey.acme.dev.ardamails.com", "pm-bounces.acme.dev.ardamails.com"
DKIM_VALUE, TARGET = "k=rsa; p=MIGfMA0GCSqGSIb3", "pm.mtasv.net"
WAITS = {
    "waits": Example(
        title="The provider has found one of the two records",
        given="a configuration that waits for its verification",
        path={"eId": CONFIGURATION},
        status=200,
        answer={
            "state": "AWAITING_VERIFICATION",
            "since": NOW,
            "startedAt": NOW,
            "nextCheckAt": NOW + 30_000,
            "windowEndsAt": NOW + 24 * HOUR,
            "waitsFor": "Postmark has not found the DKIM record yet. "
            "The zone holds what it should, so this is a matter of time (TTL 300 s).",
            "records": [
                {
                    "name": DKIM,
                    "type": "TXT",
                    "expected": DKIM_VALUE,
                    "seen": DKIM_VALUE,
                    "state": "matches",
                    "verifiedByPostmark": False,
                },
                {
                    "name": RETURN_PATH,
                    "type": "CNAME",
                    "expected": TARGET,
                    "seen": TARGET,
                    "state": "matches",
                    "verifiedByPostmark": True,
                },
            ],
            "checks": [
                {
                    "firstAt": NOW + 20_000,
                    "lastAt": NOW + 20_000,
                    "times": 1,
                    "dkimVerified": False,
                    "returnPathVerified": True,
                    "dkimSeen": DKIM_VALUE,
                    "returnPathSeen": TARGET,
                    "providerFault": None,
                    "zoneFault": None,
                }
            ],
        },
    )
}
