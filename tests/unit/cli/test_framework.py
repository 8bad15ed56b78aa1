"""What every command has in common: how it ends, who does it, what it shows, what it never shows."""

import json
from datetime import UTC, datetime
from pathlib import Path

import click
import pytest
import yaml
from click.shell_completion import ShellComplete
from click.testing import CliRunner

from shared.cli.exits import EmailctlError
from shared.cli.main import cli
from shared.cli.output import Column, Format, Output, cell
from shared.cli.session import Tools
from shared.config import read
from tests.unit.cli.catalogue import LEAVES
from tests.unit.cli.world import World
from tests.unit.web.api import KEY

CATCH_UP = ("webhooks", "catch-up", "--all", "--from", "2026-11-01T01:00Z", "--until", "2026-11-01T02:00Z")


@pytest.mark.parametrize("name", LEAVES)
def test_every_command_shows_examples_that_begin_with_its_name(name: str) -> None:
    told = CliRunner().invoke(cli, [*name.split(), "--help"])
    assert told.exit_code == 0
    assert f"emailctl {name}" in told.stdout.partition("Examples:")[2]


@pytest.mark.parametrize("name", LEAVES)
def test_every_option_says_what_it_is_for(name: str) -> None:
    options = [one for one in LEAVES[name].params if isinstance(one, click.Option)]
    assert [one.name for one in options if not one.help and one.name != "api_key"] == []


def test_the_exit_codes_are_the_documented_ones() -> None:
    codes = {kind.__name__: kind.exit_code for kind in EmailctlError.__subclasses__()}
    assert codes == {
        "Unusable": 2,
        "NotConfigured": 3,
        "NotReached": 4,
        "Refused": 5,
        "Absent": 6,
        "PartlyFailed": 7,
        "Found": 8,
    }


def test_a_write_without_an_author_is_refused_with_advice(world: World) -> None:
    told = world.run(*CATCH_UP, "--reason", "x", EMAIL_AUTHOR=None)
    assert told.exit_code == 2
    assert "--author" in told.stderr
    assert "EMAIL_AUTHOR" in told.stderr


@pytest.mark.parametrize("author", ["", "   ", "no\nlines", "jürgen", "x" * 256])
def test_an_author_is_printable_and_ascii_as_the_api_wants_it(world: World, author: str) -> None:
    assert world.run(*CATCH_UP, "--reason", "x", "--author", author).exit_code == 2


def test_settings_that_cannot_be_used_are_all_named_and_no_traceback_is(world: World) -> None:
    told = CliRunner().invoke(cli, ["webhooks", "keys"], obj=Tools(read=lambda: read({})))
    assert told.exit_code == 3
    assert "extras.database.url" in told.stderr
    assert "Traceback" not in told.output


def test_a_database_that_is_away_is_told_in_a_sentence(world: World) -> None:
    world.store.down = True
    told = world.run("webhooks", "health")
    assert told.exit_code == 4
    assert "EMAIL_DATABASE_URL" in told.stderr
    assert told.stdout == ""


@pytest.mark.parametrize("missing", ["EMAIL_API_URL", "EMAIL_TENANT", "ARDA_API_KEY"])
def test_what_the_api_needs_is_asked_for_by_its_name(world: World, missing: str) -> None:
    told = world.with_api().run("suppression", "ls", **{missing: None})
    assert told.exit_code == 3
    assert missing in told.stderr


def test_the_key_may_be_in_a_file(world: World, tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text(f"{KEY}\n")
    assert (
        world.with_api().run("suppression", "ls", ARDA_API_KEY=None, ARDA_API_KEY_FILE=str(path)).exit_code
        == 0
    )
    gone = world.run("suppression", "ls", "--api-key-file", tmp_path / "none", ARDA_API_KEY=None)
    assert gone.exit_code == 3


def test_the_key_is_no_argument_and_in_no_help(world: World) -> None:
    told = world.with_api().run("suppression", "ls", "--api-key", KEY)
    assert told.exit_code == 2
    assert "--api-key " not in world.run("suppression", "ls", "--help").stdout


def test_a_key_that_is_not_valid_is_a_matter_of_configuration(world: World) -> None:
    told = world.with_api().run("suppression", "ls", ARDA_API_KEY="a-key-of-somebody-else")
    assert told.exit_code == 3
    assert "a-key-of-somebody-else" not in told.output


def test_an_api_that_is_not_there_is_told_in_a_sentence(world: World) -> None:
    world.with_api().api_is_down = True
    told = world.run("suppression", "ls")
    assert told.exit_code == 4
    assert "EMAIL_API_URL" in told.stderr


def test_an_api_whose_database_is_away_is_not_reached(world: World) -> None:
    world.with_api().store.down = True
    assert world.run("suppression", "ls").exit_code == 4


def test_the_base_path_may_be_part_of_the_url_or_not(world: World) -> None:
    for url in ("https://mail.example.com/", "https://mail.example.com/v1/shop-access/email"):
        assert world.with_api().run("suppression", "ls", EMAIL_API_URL=url).exit_code == 0


def test_an_address_that_is_not_the_modules_is_no_success(world: World) -> None:
    told = world.with_api().run("suppression", "ls", EMAIL_API_URL="https://mail.example.com/elsewhere")
    assert told.exit_code == 6


def test_what_destroys_is_asked_for_and_refused_where_nobody_can_answer(world: World) -> None:
    world.with_api().run("suppression", "add", "person@example.com", "--reason", "x")
    lift = ("suppression", "lift", "person@example.com", "--reason", "y")
    alone = world.run(*lift)
    assert (alone.exit_code, "--yes" in alone.stderr) == (5, True)
    assert world.run(*lift, answer="n\n").exit_code == 1
    assert "person@example.com" in world.run("suppression", "ls").stdout
    assert world.run(*lift, answer="y\n").exit_code == 0


def test_results_are_on_standard_output_and_the_rest_is_not(world: World) -> None:
    told = world.with_api().run("suppression", "ls")
    assert (told.stdout, told.stderr) == ("", "No such entry.\n")
    assert json.loads(world.run("suppression", "ls", "-o", "json").stdout) == []


def test_progress_elsewhere_than_on_a_terminal_is_a_line_now_and_then(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with Output().progress("working", 1000) as advance:
        for _ in range(1000):
            advance(1)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.splitlines()[-1] == "working: 1000 of 1000"
    assert len(captured.err.splitlines()) == 20


def test_progress_without_a_total_is_told_ever_more_rarely(capsys: pytest.CaptureFixture[str]) -> None:
    with Output().progress("looking") as advance:
        for _ in range(1000):
            advance(1)
    assert capsys.readouterr().err.splitlines() == [f"looking: {2**n}" for n in range(10)]


def test_a_note_cannot_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    Output().rows([Column("note", "NOTE")], [{"note": "\x1b[31mred\x07 [bold]not markup[/bold]"}], empty="")
    told = capsys.readouterr().out
    assert "\x1b" not in told
    assert "\x07" not in told
    assert "[bold]not markup[/bold]" in told


def test_long_cells_are_whole_where_nobody_watches(capsys: pytest.CaptureFixture[str]) -> None:
    Output().rows([Column("a", "A"), Column("b", "B")], [{"a": "x" * 500, "b": "end"}], empty="")
    assert "x" * 500 in capsys.readouterr().out


def test_colours_are_off_where_no_color_is_set(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = []
    for value in ("", "1"):
        monkeypatch.setenv("FORCE_COLOR", "1")
        monkeypatch.setenv("TERM", "xterm-256color")
        monkeypatch.setenv("NO_COLOR", value)
        Output().table([Column("a", "A", "red")], [{"a": "x"}])
        shown.append(capsys.readouterr().out)
    assert "\x1b[31m" in shown[0]
    assert "\x1b[31m" not in shown[1]


def test_times_are_utc_for_people_and_milliseconds_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    at = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
    assert cell(at) == "2026-11-02 09:00:00Z"
    Output(Format.JSON).value({"at": at})
    assert json.loads(capsys.readouterr().out) == {"at": 1793610000000}


def test_yaml_says_the_same_as_json(world: World) -> None:
    world.with_api().run("suppression", "add", "person@example.com", "--reason", "ünïcode: yes #1")
    as_yaml = world.run("suppression", "ls", "-o", "yaml")
    assert yaml.safe_load(as_yaml.stdout) == world.run_json("suppression", "ls")
    assert "ünïcode" in as_yaml.stdout


def test_a_value_in_yaml_cannot_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    Output(Format.YAML).value({"note": "\x1b[31mred\x9b\x07"})
    told = capsys.readouterr().out
    assert not {"\x1b", "\x9b", "\x07"} & set(told)
    assert yaml.safe_load(told) == {"note": "\x1b[31mred\x9b\x07"}


def test_how_things_are_is_told_elsewhere_than_on_a_terminal_when_it_changes(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with Output().watching() as tell:
        for state in ("PENDING", "PENDING", "OK", "OK", "PENDING"):
            tell(state)
    assert capsys.readouterr().err.splitlines() == ["PENDING", "OK", "PENDING"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_completion_of_a_shell_is_a_script_that_asks_emailctl(shell: str) -> None:
    told = CliRunner().invoke(cli, ["completion", shell])
    assert told.exit_code == 0
    assert f"_EMAILCTL_COMPLETE={shell}_complete" in told.stdout
    assert "%(" not in told.stdout


def test_every_command_that_shows_something_shows_it_to_programs_too() -> None:
    plain = {"completion", "recovery export", "suppression export", "webhooks reinstall"}
    without = {
        name for name, command in LEAVES.items() if not any("--output" in one.opts for one in command.params)
    }
    assert without == plain


def test_the_shell_completes_commands_and_choices() -> None:
    complete = ShellComplete(cli, {}, "emailctl", "_EMAILCTL_COMPLETE")
    assert {one.value for one in complete.get_completions([], "")} >= {"suppression", "tenant", "webhooks"}
    assert {one.value for one in complete.get_completions(["webhooks", "keys", "-o"], "")} == {
        "table",
        "json",
        "yaml",
    }
    filters = complete.get_completions(["dead-letter", "ls", "--filter"], "c")
    assert {one.value for one in filters} == {"class=", "configuration="}
