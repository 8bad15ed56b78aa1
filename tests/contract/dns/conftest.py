from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from moto.server import ThreadedMotoServer

from shared.gateways.route53.zone import Route53Zone, make_route53_client
from shared.ports.dns import DnsZone
from tests.fakes.dns import FakeZone
from tests.fakes.pace import FreePace

if TYPE_CHECKING:
    from mypy_boto3_route53 import Route53Client

ZONE_NAME = "dev.ardamails.com"


@pytest.fixture(scope="session")
def route53() -> Iterator["Route53Client"]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    _, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("AWS_ACCESS_KEY_ID", "testing")
        environment.setenv("AWS_SECRET_ACCESS_KEY", "testing")
        client = make_route53_client(f"http://127.0.0.1:{port}")
        yield client
        client.close()
    server.stop()


@pytest.fixture
def hosted_zone_id(route53: "Route53Client") -> str:
    created = route53.create_hosted_zone(Name=ZONE_NAME, CallerReference="test")
    return created["HostedZone"]["Id"]


@pytest.fixture(params=["fake", "route53"])
def zone(request: pytest.FixtureRequest) -> DnsZone:
    if request.param == "fake":
        return FakeZone(ZONE_NAME)
    client, zone_id = request.getfixturevalue("route53"), request.getfixturevalue("hosted_zone_id")
    return Route53Zone(client, zone_id=zone_id, zone_name=f"{ZONE_NAME}.", pace=FreePace())
