"""What docker-compose.yml sets up at each `up`: `python -m sandbox.containers`.

Fills the AWS stand-in, and writes into one folder what the other containers are told: passwords, tokens and keys, made
at random on the first start and kept from then on, and deploy-time values as the stand-in exports them.
"""

import argparse
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from secrets import token_urlsafe
from typing import Self

from sandbox import exports, valkey
from sandbox.aws import Cloud, Partition, Secrets, client
from sandbox.exports import ACCOUNT_TOKEN, KEY_MATERIAL
from sandbox.files import write
from sandbox.roles import SETTINGS
from sandbox.stack.world import Credentials

# Of our containers, which run as one account; and of the servers', each of which has another.
OURS, EVERYBODYS = 0o600, 0o644


@dataclass(frozen=True)
class Address:
    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """`host:port`. ValueError when it is not."""
        host, _, port = text.rpartition(":")
        if not host:
            raise ValueError(text)
        return cls(host, int(port))

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True)
class Folder:
    """Where the containers find what they are told."""

    path: Path

    def keep(self, name: str, text: str, mode: int = OURS) -> str:
        """What an earlier start wrote, else `text`."""
        if not (self.path / name).exists():
            self.write(name, text, mode)
        return (self.path / name).read_text()

    def write(self, name: str, text: str, mode: int = OURS) -> None:
        write(self.path / name, text, mode=mode)


def write_keys(folder: Folder) -> Secrets:
    """Of callers and operators; and those that the partition's vault is to hold."""
    made = Credentials.random()
    folder.keep("api-key", made.api_key)
    folder.keep("operator-key", made.operator_key)
    folder.keep("reader-key", made.reader_key)
    return Secrets(
        folder.keep(ACCOUNT_TOKEN, made.account_token), folder.keep(KEY_MATERIAL, made.key_material)
    )


def write_database(folder: Folder, server: Address) -> None:
    folder.keep("postgres-password", token_urlsafe(24), EVERYBODYS)
    password = folder.keep("database-password", token_urlsafe(24), EVERYBODYS)
    folder.write("database-url", f"postgresql://email:{password}@{server}/email")


def write_broker(folder: Folder, server: Address, data: Path) -> None:
    password = folder.keep("broker-password", token_urlsafe(24), EVERYBODYS)
    folder.write("redis-url", f"redis://:{password}@{server}/0")
    configured = valkey.configuration(port=server.port, password=password, data=data)
    folder.write("valkey.conf", configured, EVERYBODYS)


def write_deploy_time(folder: Folder, cloud: Cloud) -> None:
    """Fills the stand-in if it is empty, be it new or started again, and reads what its partition exports."""
    if not client("route53", cloud.url).list_hosted_zones()["HostedZones"]:
        cloud.set_up(pid=0)
    told = exports.read(cloud.url, cloud.partition)
    folder.write("mail-zone-id", told.zone_id)
    folder.write("mail-zone-name", told.zone_name)
    for name, content in told.files.items():
        folder.write(name, content)


def main(arguments: Sequence[str] | None = None) -> None:
    given = parse(arguments)
    folder = Folder(given.world)
    secrets = write_keys(folder)
    write_database(folder, given.postgres)
    write_broker(folder, given.valkey, given.valkey_data)
    folder.write("sandbox.conf", SETTINGS)
    partition = Partition(os.environ["EMAIL_INFRASTRUCTURE"], os.environ["EMAIL_PARTITION"])
    cloud = Cloud(given.aws_state, Path(os.devnull), given.aws.port, partition, secrets, host=given.aws.host)
    write_deploy_time(folder, cloud)


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m sandbox.containers", description=__doc__)

    def address(name: str, of: str) -> None:
        parser.add_argument(name, type=Address.parse, required=True, metavar="HOST:PORT", help=of)

    def folder(name: str, of: str) -> None:
        parser.add_argument(name, type=Path, required=True, metavar="FOLDER", help=of)

    folder("--world", "where the containers find what they are told")
    address("--aws", "of the AWS stand-in")
    folder("--aws-state", "where that records its changes")
    address("--postgres", "of the database server, as the roles reach it")
    address("--valkey", "of the broker, as the roles reach it")
    folder("--valkey-data", "where that keeps its file")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
