"""`emailctl completion`: what a shell needs to complete commands, options and choices."""

import click
from click.shell_completion import get_completion_class

from shared.cli.exits import Unusable

_PROGRAM = "emailctl"
_VARIABLE = "_EMAILCTL_COMPLETE"


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the script that completes emailctl in SHELL.

    \b
    Examples:
      eval "$(emailctl completion bash)"                                          # in ~/.bashrc
      eval "$(emailctl completion zsh)"                                           # in ~/.zshrc
      emailctl completion fish > ~/.config/fish/completions/emailctl.fish
    """
    found = get_completion_class(shell)
    if found is None:
        raise Unusable(f"There is no completion for {shell}.")
    root = ctx.find_root().command
    # The base class: bash's own first runs a bash here, to see how old it is.
    source = found.source_template % found(root, {}, _PROGRAM, _VARIABLE).source_vars()
    click.echo(source)
