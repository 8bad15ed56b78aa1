"""Settings: HOCON in, one typed value out. The only place that reads the environment."""

import os
import re
from collections.abc import Mapping
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pyhocon import ConfigException, ConfigFactory, ConfigTree
from pyhocon.config_parser import ConfigParser
from pyhocon.exceptions import ConfigSubstitutionException
from pyparsing import ParseBaseException

from shared.config.settings import Settings
from shared.domain.errors import EmailModuleError

REFERENCE = Path(__file__).with_name("reference.conf")
ROOT = "modules.v1.shop-access.email"

_VARIABLE = re.compile(r"\$\{\??([A-Z][A-Z0-9_]*)}")
_COMMENT = re.compile(r"^ *#.*$", re.MULTILINE)


class InvalidSettings(EmailModuleError):
    """`faults`: everything that is wrong, one line each, so that one start is enough to mend it all."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("the settings cannot be used:\n" + "\n".join(f"  - {fault}" for fault in faults))
        self.faults = faults


def read(environment: Mapping[str, str] | None = None) -> Settings:
    """Defaults, then the file that EMAIL_CONFIG_FILE names, with the environment filled in.

    Raises `InvalidSettings` with the full list of faults. Values are never quoted in it.
    """
    environment = os.environ if environment is None else environment
    source = environment.get("EMAIL_CONFIG_FILE") or REFERENCE.name
    try:
        override = _override(environment)
        variables, faults = _variables(environment, {*_VARIABLE.findall(_reference() + override)})
        plain = _resolved(override, variables).get_config(ROOT).as_plain_ordered_dict()
    except (ParseBaseException, ConfigException, OSError, ValueError) as error:
        raise InvalidSettings([f"{source}: {_what(error)}"]) from None
    return _typed(plain, faults)


@cache
def _reference() -> str:
    """Without its comments, line for line: pyhocon takes longer over them than over the settings."""
    return _COMMENT.sub("", REFERENCE.read_text(encoding="utf-8"))


@cache
def _defaults(variables: frozenset[str]) -> ConfigTree:
    """The reference, parsed but not resolved: the costly part of a read. To be copied before it is changed.

    Lines about other variables are left out: pyhocon would look for them in the process itself.
    """
    lines = (
        line if variables.issuperset(_VARIABLE.findall(line)) else "" for line in _reference().splitlines()
    )
    return ConfigFactory.parse_string("\n".join(lines), resolve=False)


def _override(environment: Mapping[str, str]) -> str:
    path = environment.get("EMAIL_CONFIG_FILE")
    return Path(path).read_text(encoding="utf-8") if path else ""


def _variables(environment: Mapping[str, str], names: set[str]) -> tuple[dict[str, str], list[str]]:
    """NAME_FILE stands for NAME: secrets are mounted as files. What is empty counts as not set."""
    variables, faults = {}, []
    for name in sorted(names):
        value, path = environment.get(name), environment.get(f"{name}_FILE")
        try:
            variables[name] = value or (Path(path).read_text(encoding="utf-8").rstrip("\r\n") if path else "")
        except (OSError, UnicodeDecodeError) as error:
            faults.append(f"{name}_FILE: cannot read the file it names: {type(error).__name__}")
    return {name: value for name, value in variables.items() if value}, faults


def _resolved(override: str, variables: Mapping[str, str]) -> ConfigTree:
    tree = deepcopy(_defaults(frozenset(variables.keys() & {*_VARIABLE.findall(_reference())})))
    if override:
        tree = ConfigTree.merge_configs(tree, ConfigFactory.parse_string(override, resolve=False))
    for name, value in variables.items():
        tree.put(name, value)
    ConfigParser.resolve_substitutions(tree)
    return tree


def _what(error: Exception) -> str:
    """Where, not what: the texts of parsers quote what they stumbled over, which may be a secret."""
    if isinstance(error, ParseBaseException):
        return f"line {error.lineno}, column {error.column}: this is no HOCON"
    if isinstance(error, OSError):
        return f"cannot be read: {error.strerror}"
    return str(error) if isinstance(error, ConfigSubstitutionException) else type(error).__name__


def _typed(plain: Mapping[str, Any], faults: list[str]) -> Settings:
    faults += [f"{name}: no such setting" for name in sorted(plain.keys() - {"extras", "routes"})]
    extras = plain.get("extras")
    if not isinstance(extras, Mapping):
        raise InvalidSettings([*faults, "extras: Input should be a group of settings"])
    values = {**extras, "routes": plain.get("routes")}
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        found = [f"{_path(detail['loc'])}: {detail['msg']}" for detail in error.errors(include_input=False)]
        raise InvalidSettings(faults + found) from None
    if faults:
        raise InvalidSettings(faults)
    return settings


def _path(location: tuple[int | str, ...]) -> str:
    inside = ".".join(str(part) for part in location)
    return inside if location[0] == "routes" else f"extras.{inside}"
