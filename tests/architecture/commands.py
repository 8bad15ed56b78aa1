"""Calls of `emailctl` as documents write them, and as click reads them."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from shared.cli.main import cli

_FENCE = re.compile(r"^ *(?P<mark>`{3,}|~{3,})[^\n]*\n(?P<code>.*?)^ *(?P=mark)", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`([^`]+)`")
_CALL = re.compile(r"(?<![\w./-])(?:emailctl|python -m shared\.cli\.main)[ ]+(?=[^\s|&;)}])(?P<rest>[^\n]*)")
# $(...) with no other in it.
_SUBSTITUTED = re.compile(r"\$\(([^()]*)\)")
# What ends a command of a shell, or is no word of it.
_PUNCTUATION = frozenset("|&;()<>")


@dataclass(frozen=True)
class Call:
    """`whole`: of a block, to be run as it stands; else a mention, which may leave out what is required."""

    words: tuple[str, ...]
    whole: bool


class Unreadable(AssertionError):
    """click would not take it, and why."""


def calls_in(path: Path) -> list[Call]:
    text = path.read_text(encoding="utf-8")
    blocks = "\n".join(found["code"] for found in _FENCE.finditer(text))
    prose = (" ".join(code.split()) for code in _CODE.findall(_FENCE.sub("", text)))
    return [*_calls(blocks, whole=True), *_calls("\n".join(prose), whole=False)]


def _calls(text: str, *, whole: bool) -> Iterator[Call]:
    told = re.sub(r"\\\n\s*", " ", text)
    while inner := _SUBSTITUTED.search(told):
        yield from _calls(inner[1], whole=whole)
        told = f"{told[: inner.start()]}$IT{told[inner.end() :]}"
    for found in _CALL.finditer(told):
        if words := tuple(_words(found["rest"])):
            yield Call(words, whole)


def _words(rest: str) -> Iterator[str]:
    """Up to the end of the command. A last `...` says 'and so on', unless an option wants it."""
    lexer = shlex.shlex(rest, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    before = ""
    try:
        for word in lexer:
            if set(word) <= _PUNCTUATION or word == "$@" or (word == "..." and not before.startswith("-")):
                return
            yield (before := word)
    except ValueError:  # a quote that the document closes on another line
        return


def read(call: Call) -> None:
    """As click would, but for placeholders. Raises `Unreadable`."""
    command: click.Command = cli
    words = list(call.words)
    context = click.Context(command, info_name="emailctl")
    try:
        while isinstance(command, click.Group) and words and words != ["--help"]:
            name, found, words = command.resolve_command(context, words)
            assert found is not None
            command, context = found, click.Context(found, parent=context, info_name=name)
        if not isinstance(command, click.Group):
            _read_parameters(command, context, words, whole=call.whole)
        elif call.whole and words != ["--help"]:
            raise click.UsageError(f"a command of {context.command_path} is missing")
    except click.UsageError as fault:
        raise Unreadable(f"emailctl {shlex.join(call.words)}: {fault.format_message()}") from None


def _read_parameters(
    command: click.Command, context: click.Context, words: list[str], *, whole: bool
) -> None:
    given, left, _ = command.make_parser(context).parse_args(list(words))
    if left:
        raise click.UsageError(f"unexpected {left}")
    for parameter in command.get_params(context):
        value = given.get(str(parameter.name))
        if _is_there(value):
            _read_value(parameter, context, value)
        elif parameter.required and whole and parameter.envvar is None:
            raise click.MissingParameter(ctx=context, param=parameter)


def _is_there(value: Any) -> bool:
    """click marks what is not given by None, an empty tuple, or a member of an enumeration of its own."""
    return value not in (None, ()) and type(value).__name__ != "Sentinel"


def _read_value(parameter: click.Parameter, context: click.Context, value: Any) -> None:
    told = value if isinstance(value, list | tuple) else (value,)
    is_placeholder = any(_stands_for(one, parameter) for one in told if isinstance(one, str))
    if not is_placeholder and not isinstance(parameter.type, click.File | click.Path):
        parameter.type_cast_value(context, value)


def _stands_for(value: str, parameter: click.Parameter) -> bool:
    """$EID, <tenant>, TENANT: whoever types it puts something else there. Choices may be capitals themselves."""
    if isinstance(parameter.type, click.Choice) and value != parameter.human_readable_name:
        return bool(re.search(r"\$|<", value))
    return bool(re.search(r"\$|<|^\.{3}$|^[A-Z][A-Z_]*$", value))
