"""Commands about the marketplace: what it listed and answered."""

import typer

marketplace = typer.Typer(no_args_is_help=True, help="What the marketplace listed and answered.")


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.add_typer(marketplace, name="marketplace")


@marketplace.callback()
def _group() -> None:
    """Keep `record` a command of the group, although it is the only one."""
