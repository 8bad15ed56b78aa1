"""Server tokens by their key version."""

from dataclasses import replace

from shared.domain.configuration import EmailConfiguration
from shared.ports.sealed_tokens import SealedToken, VersionUse
from shared.ports.store import Store
from tests.factories import CREATED, LONG_AGO, configuration, later, provisioned


def add(store: Store, token: str | None, **given: object) -> EmailConfiguration:
    made = replace(configuration(**given), provisioned=provisioned(server_token=token))
    with store.begin() as tx:
        tx.configurations.add(made, CREATED)
    return made


def test_each_version_is_told_with_its_rows_and_the_oldest_of_them(store: Store) -> None:
    for token, minutes in [("a1.kv1:AA", 3), ("a1.kv1:BB", 1), ("a1.k2026-11.k2:CC", 2), ("nonsense", 4)]:
        add(store, token, created_at=later(minutes=minutes))
    add(store, None, created_at=LONG_AGO)
    with store.begin() as tx:
        assert tx.sealed_tokens.uses() == {
            "v1": VersionUse(2, later(minutes=1)),
            "2026-11.k2": VersionUse(1, later(minutes=2)),
            "": VersionUse(1, later(minutes=4)),
        }


def test_what_another_version_sealed_is_behind_in_slices_that_follow_one_another(store: Store) -> None:
    behind = sorted(add(store, f"a1.kv1:{number}").e_id for number in "ABC")
    add(store, "a1.kv2:DD")
    with store.begin() as tx:
        first = tx.sealed_tokens.behind("v2", after=None, limit=2)
        assert [*first, *tx.sealed_tokens.behind("v2", after=first[-1], limit=2)] == behind


def test_a_token_is_sealed_anew_only_as_long_as_it_is_the_one_that_was_read(store: Store) -> None:
    made = add(store, "a1.kv1:AA")
    with store.begin() as tx:
        read = tx.sealed_tokens.get(made.e_id)
        assert read == SealedToken(made.e_id, made.tenant_id, "a1.kv1:AA")
        assert tx.sealed_tokens.reseal(read, "a1.kv2:AA")
    with store.begin() as tx:
        assert not tx.sealed_tokens.reseal(read, "a1.kv3:AA")
        held = tx.configurations.get(made.e_id)
    assert held is not None
    assert held.provisioned.server_token == "a1.kv2:AA"
    assert held.version == made.version


def test_a_configuration_without_a_token_has_none_to_be_read(store: Store) -> None:
    made = add(store, None)
    with store.begin() as tx:
        assert tx.sealed_tokens.get(made.e_id) is None
