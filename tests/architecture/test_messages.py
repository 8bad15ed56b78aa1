"""What is rung for is heard once, and what travels is an id."""

import dataclasses
import inspect
from collections import Counter
from typing import get_args, get_type_hints
from uuid import UUID

import pytest

from shared.messaging import messages, queues
from shared.messaging.messages import TYPES, Message, actor_name
from tests.architecture.pools import Pool


def test_every_message_type_has_exactly_one_actor(pools: list[Pool]) -> None:
    count = Counter(actor for pool in pools for actor in pool.actors)
    assert {actor_name(message_type): count[actor_name(message_type)] for message_type in TYPES} == {
        actor_name(message_type): 1 for message_type in TYPES
    }


def test_every_actor_answers_a_message_type(pools: list[Pool]) -> None:
    actors = {actor for pool in pools for actor in pool.actors}
    assert actors - {actor_name(message_type) for message_type in TYPES} == set()


def test_every_actor_listens_where_its_message_is_put(pools: list[Pool]) -> None:
    listens = {actor: queue for pool in pools for actor, queue in pool.actors.items()}
    assert listens == {actor_name(message_type): message_type.queue for message_type in TYPES}


def test_every_message_class_of_the_module_is_among_the_types() -> None:
    classes = {
        member
        for _, member in inspect.getmembers(messages, dataclasses.is_dataclass)
        if member.__module__ == messages.__name__
    }
    assert classes == set(TYPES) == set(get_args(Message))


@pytest.mark.parametrize("message_type", TYPES, ids=actor_name)
def test_a_message_carries_an_id_and_nothing_else(message_type: type[Message]) -> None:
    assert [field.name for field in dataclasses.fields(message_type)] == ["id"]
    assert get_type_hints(message_type)["id"] is UUID


def test_every_queue_belongs_to_one_pool(pools: list[Pool]) -> None:
    count = Counter(queue for pool in pools for queue in set(pool.actors.values()))
    assert count == Counter(queues.ALL)
