from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from moto.server import ThreadedMotoServer

from sandbox import aws_server
from shared.gateways.route53.client import make_route53_client
from shared.ports.dns import DnsZone
from tests.contract.dns.worlds import ZONE_NAME, FakeZoneWorld, Route53World, ZoneWorld

if TYPE_CHECKING:
    from mypy_boto3_route53 import Route53Client


@pytest.fixture(scope="session")
def route53() -> Iterator["Route53Client"]:
    aws_server.install()
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
def world(request: pytest.FixtureRequest) -> Iterator[ZoneWorld]:
    if request.param == "fake":
        yield FakeZoneWorld()
        return
    world = Route53World(request.getfixturevalue("route53"), request.getfixturevalue("hosted_zone_id"))
    yield world
    world.close()


@pytest.fixture
def zone(world: ZoneWorld) -> DnsZone:
    return world.zone
