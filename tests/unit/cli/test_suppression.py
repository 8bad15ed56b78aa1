"""A tenant's list from the command line, over the API itself."""

import csv
from pathlib import Path

import pytest

from shared.cli import csv_pieces
from shared.cli.importing import Tally, import_pieces
from shared.domain.suppression import SuppressionEntry, SuppressionReason
from shared.messaging.messages import LiftSuppressions
from tests import factories
from tests.unit.cli.world import OPERATOR, World

PERSON = "person@example.com"
WHY = ("--reason", "ticket 4711")


@pytest.fixture
def world(world: World) -> World:
    return world.with_api()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "addresses.csv"


def entries(world: World) -> dict[str, SuppressionEntry]:
    return {entry.address: entry for entry in world.store._state.entries.values()}


def put(
    world: World, reason: SuppressionReason = SuppressionReason.MANUAL, address: str = PERSON
) -> SuppressionEntry:
    with world.store.begin() as tx:
        return tx.suppressions.add(factories.suppression(address=address, reason=reason))


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def imports(world: World) -> int:
    return sum(str(request.path_url).endswith("/import") for request in world.requests)


def test_add_puts_an_address_on_the_list_with_author_and_reason(world: World) -> None:
    (row,) = world.run_json("suppression", "add", f" {PERSON.upper()} ", *WHY)
    assert (row["address"], row["active"], row["reason"], row["author"]) == (PERSON, True, "MANUAL", OPERATOR)
    assert entries(world)[PERSON].note == "ticket 4711"


def test_add_of_what_is_no_address_says_what_to_mend(world: World) -> None:
    told = world.run("suppression", "add", "nobody", *WHY)
    assert told.exit_code == 5
    assert "address: give one bare address" in told.stderr


def test_lift_finds_the_entry_of_an_address_and_has_the_provider_asked(world: World) -> None:
    world.add_configuration()
    put(world)
    (row,) = world.run_json("suppression", "lift", PERSON, *WHY, "--yes")
    assert (row["active"], row["provider"]) == (False, "asked")
    assert [type(message) for message in world.doorbell.rung] == [LiftSuppressions]


def test_lift_takes_the_entry_s_own_id(world: World) -> None:
    world.run("suppression", "lift", put(world).e_id, *WHY, "--yes")
    assert not entries(world)[PERSON].active


def test_a_complaint_is_not_lifted(world: World) -> None:
    put(world, SuppressionReason.SPAM_COMPLAINT)
    told = world.run("suppression", "lift", PERSON, *WHY, "--yes")
    assert told.exit_code == 5
    assert "complained" in told.stderr
    assert entries(world)[PERSON].active


def test_lift_of_what_is_not_on_the_list_is_not_found(world: World) -> None:
    assert world.run("suppression", "lift", PERSON, *WHY, "--yes").exit_code == 6
    assert world.run("suppression", "lift", factories.TENANT, *WHY, "--yes").exit_code == 6
    assert world.run("suppression", "lift", "something", *WHY, "--yes").exit_code == 2


def test_lift_wants_a_reason(world: World) -> None:
    put(world)
    assert world.run("suppression", "lift", PERSON, "--yes").exit_code == 2
    assert entries(world)[PERSON].active


def test_ls_shows_active_entries_unless_told_otherwise(world: World) -> None:
    put(world)
    put(world, SuppressionReason.SPAM_COMPLAINT, "other@example.com")
    world.run("suppression", "lift", PERSON, *WHY, "--yes")
    assert [row["address"] for row in world.run_json("suppression", "ls")] == ["other@example.com"]
    assert len(world.run_json("suppression", "ls", "--lifted")) == 2
    assert world.run_json("suppression", "ls", "--address", PERSON) == []
    assert len(world.run_json("suppression", "ls", "--address", PERSON.upper(), "--lifted")) == 1
    assert len(world.run_json("suppression", "ls", "--reason-is", "SPAM_COMPLAINT")) == 1
    assert world.run_json("suppression", "ls", "--reason-is", "MANUAL") == []


def test_ls_turns_pages_up_to_the_limit(world: World) -> None:
    for number in range(620):
        put(world, address=f"p{number}@example.com")
    assert len(world.run_json("suppression", "ls")) == 100
    assert len(world.run_json("suppression", "ls", "--limit", 510)) == 510
    assert len({row["address"] for row in world.run_json("suppression", "ls", "--limit", 5000)}) == 620


def test_import_adds_what_is_new_and_says_what_was_there(world: World, file: Path) -> None:
    put(world)
    file.write_text(f'address,note\n{PERSON},again\nnew@example.com,"two\nlines"\n', encoding="utf-8")
    told = world.run_json("suppression", "import", file)
    assert (told["read"], told["added"], told["alreadyThere"], told["errorsTotal"]) == (2, 1, 1, 0)
    assert entries(world)["new@example.com"].note == "two lines"
    assert entries(world)["new@example.com"].author == OPERATOR


def test_wrong_lines_are_told_with_the_file_s_own_numbers_whatever_piece_they_were_in(
    world: World, file: Path
) -> None:
    lines = ["address,note"]
    for number in range(10):
        lines += [f'p{number}@example.com,"a\nb"', ""]
    text = "\n".join(lines).replace("p4@", "p4").replace("p9@", "p9")
    file.write_bytes(b"\xef\xbb\xbf" + text.encode())
    tally = Tally()
    some = csv_pieces.pieces(file, lines_max=3)
    import_pieces(world.api(), some, author=OPERATOR, every_fault=False, tally=tally, advance=lambda _: None)
    assert [text.split("\n")[fault.line - 1][:3] for fault in tally.faults] == ["p4e", "p9e"]
    assert {fault.field for fault in tally.faults} == {"address"}
    assert (len(entries(world)), imports(world)) == (8, 4)


def test_a_large_file_goes_in_pieces_with_its_progress(world: World, file: Path) -> None:
    many = csv_pieces.LINES + 1
    file.write_text(
        "\n".join(["address", *(f"p{number}@example.com" for number in range(many - 1)), "wrong"]),
        encoding="utf-8",
    )
    told = world.run("suppression", "import", file)
    assert told.exit_code == 7
    assert (imports(world), len(entries(world))) == (2, many - 1)
    assert f"importing: {csv_pieces.LINES} of {many}" in told.stderr
    assert str(many + 1) in told.stdout, "the line's number in the file"


def test_every_wrong_line_is_told_even_where_the_api_tells_the_first_hundred(
    world: World, file: Path, tmp_path: Path
) -> None:
    bad = {7 + 2 * number for number in range(250)}
    cells = ["wrong" if line in bad else f"p{line}@example.com" for line in range(2, 1002)]
    file.write_text("\n".join(["address", *cells]), encoding="utf-8")
    wrong = tmp_path / "wrong.csv"
    told = world.run("suppression", "import", file, "--errors", wrong)
    assert "1000 of 1000 lines read: 750 added, 0 there already, 250 wrong." in told.stdout
    assert {int(row["line"]) for row in read(wrong)} == bad


def test_without_a_file_for_them_wrong_lines_are_told_and_more_is_pointed_to(
    world: World, file: Path
) -> None:
    file.write_text("\n".join(["address", *["wrong"] * 150]), encoding="utf-8")
    told = world.run("suppression", "import", file)
    assert told.exit_code == 7
    assert "--errors" in told.stderr
    assert imports(world) == 1


def test_importing_again_changes_nothing(world: World, file: Path) -> None:
    file.write_text("address\na@example.com\nb@example.com\n", encoding="utf-8")
    world.run("suppression", "import", file)
    before = entries(world)
    told = world.run_json("suppression", "import", file)
    assert (told["added"], told["alreadyThere"]) == (0, 2)
    assert entries(world) == before


def test_an_import_that_breaks_off_says_how_far_it_came(world: World, file: Path) -> None:
    many = csv_pieces.LINES + 1
    file.write_text(
        "\n".join(["address", *(f"p{number}@example.com" for number in range(many))]), encoding="utf-8"
    )
    world.api_is_down_after = 1
    told = world.run("suppression", "import", file)
    assert told.exit_code == 4
    assert f"{many - 1} of {many} lines read: {many - 1} added" in told.stdout
    assert len(entries(world)) == many - 1


@pytest.mark.parametrize(
    ("content", "advice"),
    [
        (b"", "names the columns"),
        (b"mail\nperson@example.com\n", "address for one"),
        (b'address\n"person@example.com\n', "line 2"),
        ("address\njürgen@example.com\n".encode("latin-1"), "UTF-8"),
    ],
)
def test_a_file_that_is_none_is_refused_before_anything_is_added(
    world: World, file: Path, content: bytes, advice: str
) -> None:
    file.write_bytes(content)
    told = world.run("suppression", "import", file)
    assert told.exit_code == 5
    assert advice in told.stderr
    assert entries(world) == {}


def test_pieces_hold_as_many_lines_and_bytes_as_the_api_takes(file: Path) -> None:
    cells = [*("x" * 30 for _ in range(5)), *("y" for _ in range(9))]
    file.write_text("\n".join(["address", *cells]), encoding="utf-8")
    some = list(csv_pieces.pieces(file, lines_max=4, bytes_max=100))
    assert [len(piece.lines) for piece in some] == [3, 4, 4, 3]
    assert [piece.number_of(2) for piece in some] == [2, 5, 9, 13]
    assert csv_pieces.count(file) == 14


def test_an_export_imports_as_it_was(world: World, tmp_path: Path) -> None:
    put(world)
    with world.store.begin() as tx:
        tx.suppressions.add(factories.suppression(address="=sum@example.com", note='=1+1 "quoted", so'))
    path = tmp_path / "out.csv"
    assert world.run("suppression", "export", "--file", path).exit_code == 0
    other = World(world.settings).with_api()
    assert other.run("suppression", "import", path).exit_code == 0
    assert {key: one.note for key, one in entries(other).items()} == {
        key: one.note for key, one in entries(world).items()
    }


def test_export_writes_to_standard_output_and_lifted_ones_when_asked(world: World) -> None:
    put(world)
    world.run("suppression", "lift", PERSON, *WHY, "--yes")
    assert PERSON not in world.run("suppression", "export").stdout
    lifted = world.run("suppression", "export", "--lifted").stdout
    assert PERSON in lifted
    assert "liftedAt" in lifted.splitlines()[0]


def test_an_export_that_fails_leaves_the_old_file_as_it_was(world: World, tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    path.write_text("old")
    assert world.run("suppression", "export", "--file", path).exit_code == 5, "it is not written over unasked"
    world.api_is_down = True
    assert world.run("suppression", "export", "--file", path, "--yes").exit_code == 4
    assert [(one.name, one.read_text()) for one in tmp_path.iterdir()] == [("out.csv", "old")]


def test_another_tenant_s_list_is_another_list(world: World) -> None:
    put(world)
    world.env["EMAIL_TENANT"] = str(factories.OTHER_TENANT)
    assert world.run_json("suppression", "ls", "--lifted") == []
    assert PERSON not in world.run("suppression", "export").stdout
