"""The roles are the same everywhere, and together they hear every queue once."""

import importlib
from collections import Counter

import pytest
from dramatiq.cli import make_argument_parser
from granian.cli import cli as granian

from shared import config
from shared.messaging import queues
from tests.architecture import deployments
from tests.architecture.deployments import Deployment, without_address
from tests.architecture.pools import ENVIRONMENT, Pool
from workers.main import POOLS

COMPOSE = next(deployment for deployment in deployments.ALL if deployment.name == "compose")
DEPLOYMENTS = pytest.mark.parametrize("deployment", deployments.ALL, ids=str)
ROLES = pytest.mark.parametrize("role", sorted(COMPOSE.commands))


def consumed(command: tuple[str, ...]) -> list[str]:
    """The queues of a pool's command. A command of Dramatiq that names none would consume all."""
    if command[0] != "dramatiq":
        return []
    return list(make_argument_parser().parse_args(command[1:]).queues or queues.ALL)


def can_be_started(address: str) -> bool:
    """`module:name`, as the command lines spell it."""
    module, _, name = address.partition(":")
    return callable(getattr(importlib.import_module(module), name, None))


def threads(command: tuple[str, ...]) -> int:
    """Of one process."""
    if command[0] == "dramatiq":
        return int(make_argument_parser().parse_args(command[1:]).threads)
    if command[0] == "granian":
        return int(command[command.index("--blocking-threads") + 1])
    return 1


@DEPLOYMENTS
def test_every_queue_is_consumed_by_exactly_one_role(deployment: Deployment) -> None:
    count = Counter(queue for command in deployment.commands.values() for queue in consumed(command))
    assert count == Counter(queues.ALL)


@DEPLOYMENTS
def test_a_role_consumes_what_the_actors_of_its_pool_answer(
    deployment: Deployment, pools: list[Pool]
) -> None:
    answered = {pool.name: set(pool.actors.values()) for pool in pools}
    found = {
        command[1].removeprefix("workers.main:"): set(consumed(command))
        for command in deployment.commands.values()
        if command[0] == "dramatiq"
    }
    assert found == answered


@DEPLOYMENTS
def test_the_same_roles_run_everywhere(deployment: Deployment) -> None:
    assert deployment.commands.keys() == COMPOSE.commands.keys()


@DEPLOYMENTS
def test_every_pool_is_a_role_of_its_name(deployment: Deployment) -> None:
    assert POOLS.keys() - deployment.commands.keys() == set()


@ROLES
def test_a_role_has_the_same_command_everywhere(role: str) -> None:
    commands = {without_address(deployment.commands[role]) for deployment in deployments.ALL}
    assert len(commands) == 1, commands


def test_migrations_have_the_same_command_everywhere() -> None:
    assert len({deployment.migration for deployment in deployments.ALL}) == 1


@ROLES
def test_a_role_starts_something_that_is_there(role: str) -> None:
    command = COMPOSE.commands[role]
    match command[0]:
        case "dramatiq":
            assert can_be_started(make_argument_parser().parse_args(command[1:]).broker)
        case "granian":
            with granian.make_context("granian", list(command[1:])) as context:
                assert context.params["factory"] is True
                assert can_be_started(context.params["app"])
        case module:
            assert can_be_started(f"{module}:main")


@ROLES
def test_no_thread_of_a_role_waits_for_a_connection_to_the_database(role: str) -> None:
    database = config.read(ENVIRONMENT).database
    assert threads(COMPOSE.commands[role]) <= database.pool_size


def test_the_chart_says_of_each_role_what_its_command_consumes() -> None:
    roles = deployments.chart_values()["roles"]
    assert {name: role["queues"] for name, role in roles.items()} == {
        name: consumed(tuple(role["command"])) for name, role in roles.items()
    }


@ROLES
def test_a_role_of_compose_waits_for_the_migrations(role: str) -> None:
    needs = deployments.compose_roles()[role]["depends_on"]
    assert needs["migrate"] == {"condition": "service_completed_successfully"}
