import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.errors import InvalidValue
from shared.domain.naming import (
    checked_local_part,
    checked_slug,
    names_for,
    slug_of_record,
    slug_of_server,
)


def test_every_name_is_made_from_slug_local_part_and_zone() -> None:
    names = names_for("acme", "noreply", "dev.ardamails.com")
    assert names.sending_domain == "acme.dev.ardamails.com"
    assert names.server_name == "ardamails-dev-acme"
    assert names.from_address == "noreply@acme.dev.ardamails.com"
    assert names.return_path_domain == "pm-bounces.acme.dev.ardamails.com"


@pytest.mark.parametrize("zone", ["dev.ardamails.com.", "Dev.ArdaMails.com"])
def test_a_zone_has_the_same_names_however_it_is_spelled(zone: str) -> None:
    assert names_for("acme", "noreply", zone) == names_for("acme", "noreply", "dev.ardamails.com")


def test_a_deeper_zone_and_a_long_tld_lose_only_the_last_label() -> None:
    assert names_for("a-b", "x", "eu.prod.example.email").server_name == "example-prod-eu-a-b"


@pytest.mark.parametrize("slug", ["a", "7", "acme", "a-1", "a--b", "x" * 63])
def test_a_slug_of_letters_digits_and_inner_hyphens_is_taken(slug: str) -> None:
    assert checked_slug(slug) == slug


@pytest.mark.parametrize("slug", ["", "-a", "a-", "A", "a_b", "a.b", "x" * 64, "a\n", "é", "a b"])
def test_any_other_slug_is_refused_by_the_name_of_its_field(slug: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        checked_slug(slug)
    assert caught.value.field == "sendingDomainSlug"


@pytest.mark.parametrize("local_part", ["noreply", "a.b", "o'brien", "x" * 64, "news+eu"])
def test_a_dot_atom_is_a_local_part(local_part: str) -> None:
    assert checked_local_part(local_part) == local_part


@pytest.mark.parametrize("local_part", ["", ".a", "a.", "a..b", "A", "x" * 65, "a b", "a@b", '"a"', "a\n"])
def test_any_other_local_part_is_refused_by_the_name_of_its_field(local_part: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        checked_local_part(local_part)
    assert caught.value.field == "fromLocalPart"


@given(slug=st.from_regex(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", fullmatch=True))
def test_a_servers_name_and_each_records_name_lead_back_to_the_slug(slug: str) -> None:
    zone = "dev.ardamails.com"
    names = names_for(slug, "noreply", zone)
    assert slug_of_server(names.server_name, zone) == slug
    assert slug_of_record(names.return_path_domain + ".", zone) == slug
    assert slug_of_record(f"20260102pm._DomainKey.{names.sending_domain}", zone) == slug


@pytest.mark.parametrize(
    "name", ["playground", "ardamails-dev", "ardamails-dev-", "ardamails-stage-acme", "ardamails-dev-Acme"]
)
def test_a_server_that_is_not_of_the_partitions_pattern_is_nobodys(name: str) -> None:
    assert slug_of_server(name, "dev.ardamails.com") is None


def test_a_server_of_a_partition_whose_zone_is_below_ours_is_theirs() -> None:
    name = "ardamails-dev-acme"
    assert slug_of_server(name, "ardamails.com") == "dev-acme"
    assert slug_of_server(name, "ardamails.com", other_zones=["dev.ardamails.com"]) is None
    # And the other way round: a shorter one takes nothing away.
    assert slug_of_server(name, "dev.ardamails.com", other_zones=["ardamails.com"]) == "acme"


@pytest.mark.parametrize(
    "name",
    ["dev.ardamails.com", "acme.stage.ardamails.com", "_dmarc.dev.ardamails.com", "xdev.ardamails.com"],
)
def test_a_record_of_the_zone_itself_or_of_another_zone_is_nobodys(name: str) -> None:
    assert slug_of_record(name, "dev.ardamails.com") is None
