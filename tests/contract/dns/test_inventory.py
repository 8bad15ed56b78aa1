"""What the zone holds, as drift checks read it: every record set or an error."""

from collections import Counter

import pytest

from shared.domain.dns import DnsRecord, MailDns, records_for
from shared.domain.errors import Conflict, ProviderUnavailable
from shared.ports.lease import looked_after
from shared.ports.store import transaction_open
from tests.contract.dns.worlds import ZONE_NAME, ZoneWorld

DKIM = f"20261102090000pm._domainkey.acme.{ZONE_NAME}"
BOUNCES = f"pm-bounces.acme.{ZONE_NAME}"
# Longer than two character-strings of 255 bytes.
LONG_KEY = "k=rsa; p=" + "A1b2" * 150
PAIR = records_for(MailDns(DKIM, LONG_KEY, BOUNCES, "pm.mtasv.net"))
# What every zone is born with.
BORN = 2


def _listed(world: ZoneWorld) -> list[DnsRecord]:
    """But for the zone's own two."""
    records = [record for page in world.inventory.record_pages() for record in page]
    assert [(record.name, record.type, record.value) for record in records[:BORN]] == [
        (ZONE_NAME, "NS", ""),
        (ZONE_NAME, "SOA", ""),
    ]
    return records[BORN:]


def _texts(*names: str) -> list[DnsRecord]:
    return [DnsRecord(f"{name}.{ZONE_NAME}", "TXT", f"of {name}") for name in names]


def _numbered(count: int) -> list[DnsRecord]:
    """In the order in which they are listed."""
    return _texts(*(f"t{number:04}" for number in range(count)))


def _write(world: ZoneWorld, records: list[DnsRecord]) -> None:
    # Route 53 counts a record that is written over twice, and takes 1,000.
    for begin in range(0, len(records), 500):
        world.zone.upsert(records[begin : begin + 500])


def test_a_new_zone_holds_nothing_of_ours(world: ZoneWorld) -> None:
    assert _listed(world) == []
    assert len(list(world.inventory.record_pages())) == 1


def test_what_was_written_is_listed_as_plain_text_with_its_ttl(world: ZoneWorld) -> None:
    world.zone.upsert(PAIR)
    world.place(DnsRecord(f"slow.{ZONE_NAME}", "CNAME", "elsewhere.example.com.", 86_400))
    slow = DnsRecord(f"slow.{ZONE_NAME}", "CNAME", "elsewhere.example.com", 86_400)
    assert Counter(_listed(world)) == Counter([*PAIR, slow])


def test_what_is_listed_is_what_is_found(world: ZoneWorld) -> None:
    quoted, anything = DnsRecord(f"q.{ZONE_NAME}", "TXT", 'say "no" to C:\\'), _texts("*")
    world.zone.upsert([*PAIR, quoted, *anything])
    listed = _listed(world)
    assert len(listed) == 4
    for record in listed:
        assert world.zone.find(record.name, record.type) == record


def test_what_was_deleted_is_listed_no_more(world: ZoneWorld) -> None:
    world.zone.upsert([*PAIR, *_texts("*")])
    world.zone.delete([(DKIM, "TXT"), (f"*.{ZONE_NAME}", "TXT")])
    assert _listed(world) == [PAIR[1]]


def test_names_are_listed_as_people_write_them(world: ZoneWorld) -> None:
    """Route 53 lists the asterisk as an octal code, and letters in small only."""
    names = [f"*.{ZONE_NAME}", f"*.acme.{ZONE_NAME}", f"a@b.{ZONE_NAME}", f"_dmarc.{ZONE_NAME}"]
    world.zone.upsert([DnsRecord(name, "TXT", "x") for name in names])
    world.place(DnsRecord(f"Acme.{ZONE_NAME}".upper(), "TXT", "x"))
    assert {record.name for record in _listed(world)} == {*names, f"acme.{ZONE_NAME}"}


def test_types_that_we_never_write_and_aliases_have_no_value(world: ZoneWorld) -> None:
    world.place(DnsRecord(f"acme.{ZONE_NAME}", "MX", "10 mail.example.com.", 600))
    world.place(DnsRecord(f"www.{ZONE_NAME}", "A", "192.0.2.1", 60))
    world.place_alias(f"cdn.{ZONE_NAME}")
    assert Counter(_listed(world)) == Counter(
        [
            DnsRecord(f"acme.{ZONE_NAME}", "MX", "", 600),
            DnsRecord(f"www.{ZONE_NAME}", "A", "", 60),
            DnsRecord(f"cdn.{ZONE_NAME}", "A", "", 0),
        ]
    )


def test_weighted_record_sets_of_one_name_are_listed_one_by_one(world: ZoneWorld) -> None:
    for identifier in ("one", "two", "three"):
        world.place(DnsRecord(DKIM, "TXT", f"k=rsa; p={identifier}"), identifier=identifier)
    listed = _listed(world)
    assert {(record.name, record.type) for record in listed} == {(DKIM, "TXT")}
    assert sorted(record.value for record in listed) == ["k=rsa; p=one", "k=rsa; p=three", "k=rsa; p=two"]


def test_records_are_listed_by_reversed_labels_with_a_dot_after_the_last(world: ZoneWorld) -> None:
    world.zone.upsert(_texts("b", "a", "x.a", "a-b", "a0", "*"))
    assert _listed(world) == _texts("*", "a-b", "a", "x.a", "a0", "b")


@pytest.mark.parametrize(("more", "last_pages"), [(-1, []), (0, []), (1, [1])])
def test_all_pages_together_have_every_record_once(
    world: ZoneWorld, more: int, last_pages: list[int]
) -> None:
    """No page follows a full one unless there is something on it."""
    records = _numbered(2 * world.page_size + more - BORN)
    _write(world, records)
    assert _listed(world) == records
    sizes = [len(page) for page in world.inventory.record_pages()]
    assert sizes == [world.page_size, world.page_size + min(more, 0), *last_pages]


@pytest.mark.parametrize("on_the_page", [0, 1, 2, 3])
def test_weighted_record_sets_are_each_listed_once_wherever_a_page_ends(
    world: ZoneWorld, on_the_page: int
) -> None:
    before = _numbered(world.page_size - BORN - on_the_page)
    _write(world, before)
    weighted = [DnsRecord(f"w.{ZONE_NAME}", "TXT", f"of {number}") for number in range(3)]
    for record in weighted:
        world.place(record, identifier=record.value)
    last = _texts("z")
    _write(world, last)
    assert _listed(world) == [*before, *weighted, *last]


def test_a_page_that_ends_before_an_escaped_name_goes_on_with_it(world: ZoneWorld) -> None:
    before, after = _numbered(world.page_size - BORN), _texts("*.u", "a.u")
    _write(world, [*before, *after])
    assert _listed(world) == [*before, *after]


def test_what_is_written_and_deleted_meanwhile_moves_nothing_past_the_reader(world: ZoneWorld) -> None:
    records = _numbered(world.page_size + 3)
    _write(world, records)
    pages = world.inventory.record_pages()
    seen = [*next(pages)]
    world.zone.delete([(records[0].name, "TXT"), (records[1].name, "TXT")])
    world.zone.upsert(_texts("before", "t0001a"))
    seen += [record for page in pages for record in page]
    assert seen[BORN:] == records


def test_a_page_goes_on_when_the_name_it_would_begin_with_is_gone(world: ZoneWorld) -> None:
    records = _numbered(world.page_size + 3)
    _write(world, records)
    pages = world.inventory.record_pages()
    seen = [*next(pages)]
    gone = records[world.page_size - BORN]
    world.zone.delete([(gone.name, gone.type)])
    seen += [record for page in pages for record in page]
    assert seen[BORN:] == [record for record in records if record != gone]


def test_a_provider_that_fails_in_the_middle_is_an_error_and_not_an_end(world: ZoneWorld) -> None:
    records = _numbered(world.page_size)
    _write(world, records)
    world.fail_on_page(2)
    pages = world.inventory.record_pages()
    assert list(next(pages))[BORN:] == records[: world.page_size - BORN]
    with pytest.raises(ProviderUnavailable) as unavailable:
        next(pages)
    assert unavailable.value.code == "Throttling"
    assert _listed(world) == records


def test_the_lease_is_looked_at_before_every_page(world: ZoneWorld) -> None:
    _write(world, _numbered(world.page_size))
    looks: list[None] = []
    with looked_after(lambda: looks.append(None)):
        for number, _ in enumerate(world.inventory.record_pages(), start=1):
            assert len(looks) == number
    assert len(looks) == 2


def test_a_lease_lost_on_the_way_ends_the_listing_before_its_next_page(world: ZoneWorld) -> None:
    def lost() -> None:
        raise Conflict("the lease is another's")

    _write(world, _numbered(world.page_size))
    pages = world.inventory.record_pages()
    next(pages)
    with looked_after(lost), pytest.raises(Conflict):
        next(pages)


def test_a_page_inside_a_transaction_is_a_fault_of_ours(world: ZoneWorld) -> None:
    _write(world, _numbered(world.page_size))
    pages = world.inventory.record_pages()
    next(pages)
    reset = transaction_open.set(True)
    try:
        with pytest.raises(RuntimeError, match="transaction"):
            next(pages)
    finally:
        transaction_open.reset(reset)
