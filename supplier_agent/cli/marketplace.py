"""Commands about the marketplace: what it listed and answered."""

import typer

from supplier_agent.cli import recordings

marketplace = typer.Typer(no_args_is_help=True, help="What the marketplace listed and answered.")


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.add_typer(marketplace, name="marketplace")


marketplace.command()(recordings.record)


@marketplace.callback()
def _group() -> None:
    pass
