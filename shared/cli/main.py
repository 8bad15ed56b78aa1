"""`emailctl`: what operators do from a command line. One group a file; docs/cli.md says how to use it."""

import sys
from typing import Any

import click

from shared.cli.completion import completion
from shared.cli.configuration import configuration
from shared.cli.dead_letter import dead_letter
from shared.cli.doctor import doctor
from shared.cli.drift import drift
from shared.cli.exits import EmailctlError, of_module
from shared.cli.exports import exports
from shared.cli.job import job
from shared.cli.key_versions import keys
from shared.cli.queue import queue
from shared.cli.recovery import recovery
from shared.cli.retention import retention
from shared.cli.session import Session, Tools
from shared.cli.settings import config
from shared.cli.suppression import suppression
from shared.cli.tenant import tenant
from shared.cli.webhooks import webhooks
from shared.domain.errors import EmailModuleError


class Root(click.Group):
    """Whatever goes wrong on purpose ends as one sentence and an exit code, wherever it was raised."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except EmailModuleError as error:
            raise of_module(error) from None


@click.group(
    cls=Root,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="Exit codes: 0 done, 1 broken off, 2 usage, 3 configuration, 4 not reached, 5 refused, 6 not found, "
    "7 partly failed, 8 something to look at.",
)
@click.pass_context
def cli(ctx: click.Context) -> None:
    """Operate ShopAccess/Email.

    Commands on configurations, jobs and suppressions speak to the API (EMAIL_API_URL, ARDA_API_KEY or
    ARDA_API_KEY_FILE, EMAIL_TENANT). The others work on the rows themselves, and want the settings that the module's
    own processes have.

    \b
    Examples:
      emailctl doctor
      emailctl configuration ls
      emailctl job trace 019b0000-0000-7000-8000-000000000002 --follow
    """
    tools = ctx.obj if isinstance(ctx.obj, Tools) else Tools()
    ctx.obj = Session(tools)


for command in (
    completion,
    config,
    configuration,
    dead_letter,
    doctor,
    drift,
    exports,
    job,
    keys,
    queue,
    recovery,
    retention,
    suppression,
    tenant,
    webhooks,
):
    cli.add_command(command)


def main() -> None:
    """Raises nothing: a fault of ours is a sentence, too. `python -X dev` shows where it was."""
    try:
        cli(prog_name="emailctl")
    # The last of all: whatever nobody foresaw. Its words may quote a row or a secret, so only its kind is shown.
    except Exception as fault:
        if sys.flags.dev_mode:
            raise
        EmailctlError(f"A fault of emailctl itself ({type(fault).__name__}): please report it.").show()
        sys.exit(EmailctlError.exit_code)


if __name__ == "__main__":
    main()
