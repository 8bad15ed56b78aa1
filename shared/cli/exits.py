"""How a command ends. The codes are part of the interface: scripts and runbooks decide by them.

    EmailctlError
    |-- Unusable         2  the command line itself: what was given cannot be used
    |-- NotConfigured    3  settings, keys or credentials are missing or not valid
    |-- NotReached       4  somebody did not answer; what of it was done is not known, and it may be run again
    |-- Refused          5  it was understood and will not be done, now or ever
    |-- Absent           6  no such thing, or another tenant's
    |-- PartlyFailed     7  some items were done and others were not: the output says which
    `-- Found            8  nothing failed, and there is something to look at

0: done. 1: broken off by the operator, or a fault of ours.
"""

from collections.abc import Mapping
from typing import IO, Any, ClassVar

import click

from shared.domain.errors import (
    Conflict,
    EmailModuleError,
    InvalidValue,
    KeyMaterialError,
    NotFound,
    ProviderRefused,
    StoreUnavailable,
)


class EmailctlError(click.ClickException):
    """Its message is one sentence that says what to do. `problem`: what the API said, where it was the API."""

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, problem: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.problem = problem or {}


class Unusable(EmailctlError):
    exit_code = 2


class NotConfigured(EmailctlError):
    exit_code = 3


class NotReached(EmailctlError):
    exit_code = 4


class Refused(EmailctlError):
    exit_code = 5


class Absent(EmailctlError):
    exit_code = 6


class PartlyFailed(EmailctlError):
    exit_code = 7


class Found(EmailctlError):
    exit_code = 8

    def show(self, file: IO[Any] | None = None) -> None:
        """Without the word that other ends begin with: this is none."""
        click.echo(self.message, file=file, err=file is None)


def of_module(error: EmailModuleError) -> EmailctlError:
    """What the module's own errors come to where a command speaks to the rows and the provider itself."""
    match error:
        case InvalidValue(field=field, advice=advice):
            return Unusable(f"{field}: {advice}.")
        case NotFound():
            return Absent(f"{error}.")
        case Conflict():
            return Refused(f"It changed meanwhile ({error}): look again, then decide again.")
        case ProviderRefused():
            return Refused(f"The provider refused ({error}).")
        case KeyMaterialError():
            return NotConfigured(f"A server token cannot be read ({error}): look at EMAIL_KEY_MATERIAL_FILE.")
    return _not_reached(error)


def _not_reached(error: EmailModuleError) -> EmailctlError:
    if isinstance(error, StoreUnavailable):
        return NotReached(f"The database did not answer ({error}): look at EMAIL_DATABASE_URL, try again.")
    return NotReached(f"The provider did not answer ({error}): try again later.")
