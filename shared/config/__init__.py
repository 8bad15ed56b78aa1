"""Settings: HOCON in, one typed value out. The only place that reads the environment."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pyhocon import ConfigFactory, ConfigTree
from pyhocon.config_parser import ConfigParser
from pyparsing import ParseBaseException

from shared.config.settings import Settings
from shared.domain.errors import EmailModuleError

REFERENCE = Path(__file__).with_name("reference.conf")
ROOT = "modules.v1.shop-access.email"


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
    variables, faults = _with_files(environment)
    try:
        tree = _resolved(variables)
        plain = tree.get_config(ROOT).as_plain_ordered_dict()
    except (ParseBaseException, OSError, ValueError, KeyError) as error:
        raise InvalidSettings([*faults, f"{_source(environment)}: {error}"]) from error
    return _typed(plain, faults)


def _with_files(environment: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """NAME_FILE stands for NAME: secrets are mounted as files."""
    variables = dict(environment)
    faults = []
    for name, path in environment.items():
        target = name.removesuffix("_FILE")
        if target == name or target in environment or target not in _known_variables():
            continue
        try:
            variables[target] = Path(path).read_text(encoding="utf-8").rstrip("\n")
        except OSError as error:
            faults.append(f"{name}: cannot read the file it names: {error.strerror}")
    return variables, faults


def _known_variables() -> frozenset[str]:
    text = REFERENCE.read_text(encoding="utf-8")
    return frozenset(part.split("}", 1)[0] for part in text.split("${?")[1:])


def _resolved(variables: Mapping[str, str]) -> ConfigTree:
    tree = ConfigFactory.parse_string(REFERENCE.read_text(encoding="utf-8"), resolve=False)
    override = variables.get("EMAIL_CONFIG_FILE")
    if override:
        changes = ConfigFactory.parse_string(Path(override).read_text(encoding="utf-8"), resolve=False)
        tree = ConfigTree.merge_configs(tree, changes)
    for name in _known_variables():
        if variables.get(name):
            tree.put(name, variables[name])
    ConfigParser.resolve_substitutions(tree)
    return tree


def _typed(plain: Mapping[str, Any], faults: list[str]) -> Settings:
    values = {**plain.get("extras", {}), "routes": plain.get("routes", {})}
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
    return inside if inside.startswith("routes") else f"extras.{inside}"


def _source(environment: Mapping[str, str]) -> str:
    return environment.get("EMAIL_CONFIG_FILE", "reference.conf")
