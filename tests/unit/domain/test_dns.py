import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.dns import DnsRecord, checked_in_zone, records_for, txt_chunks
from shared.domain.errors import InvalidValue
from tests import factories

ZONE = "dev.ardamails.com"


def test_a_domain_has_a_dkim_txt_and_a_return_path_cname() -> None:
    wanted = factories.mail_dns()
    dkim, return_path = records_for(wanted)
    assert (dkim.type, dkim.name, dkim.value) == ("TXT", wanted.dkim_host, wanted.dkim_value)
    assert (return_path.type, return_path.name) == ("CNAME", wanted.return_path_host)
    assert return_path.value == wanted.return_path_target
    assert (dkim.ttl_seconds, return_path.ttl_seconds) == (300, 300)


@pytest.mark.parametrize("name", ["acme.dev.ardamails.com", "a.b.DEV.ardamails.com.", "x." + ZONE])
@pytest.mark.parametrize("zone", [ZONE, ZONE + ".", ZONE.upper()])
def test_a_name_inside_the_zone_is_taken(name: str, zone: str) -> None:
    record = DnsRecord(name, "TXT", "v")
    assert checked_in_zone(record, zone) is record


@pytest.mark.parametrize(
    "name", [ZONE, "evildev.ardamails.com", "acme.stage.ardamails.com", "com", "", ZONE + ".evil.com"]
)
def test_a_name_outside_the_zone_is_refused(name: str) -> None:
    with pytest.raises(InvalidValue):
        checked_in_zone(DnsRecord(name, "TXT", "v"), ZONE)


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=1200))
def test_chunks_join_to_the_value_and_none_is_longer_than_255_bytes(value: str) -> None:
    chunks = txt_chunks(value)
    assert "".join(chunks) == value
    assert all(len(chunk.encode()) <= 255 for chunk in chunks)
    assert all(len(chunk) == 255 for chunk in chunks[:-1])


def test_an_empty_value_is_one_empty_chunk() -> None:
    assert txt_chunks("") == [""]


def test_a_value_whose_characters_are_not_bytes_is_refused() -> None:
    with pytest.raises(InvalidValue):
        txt_chunks("p=é")
