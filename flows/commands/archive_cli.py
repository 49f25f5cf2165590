"""``trueup archive …``: the archive as a whole, moved or copied."""

from __future__ import annotations

from typing import Annotated

import typer

from trueup.flows.commands.options import DEFAULT, Config, Json

app = typer.Typer(no_args_is_help=True, help="Copy the archive, or move it to another place.")


@app.callback()
def archive() -> None:
    """Copy the archive, or move it to another place."""


@app.command(short_help="Copy all runs into a folder or an object store.")
def copy(
    source: Annotated[str, typer.Argument(metavar="FROM", help="A folder, or s3://…, az://… or gs://….")],
    to: Annotated[
        str,
        typer.Argument(
            metavar="TO", help="A folder or an object store: empty, or with an unfinished copy to go on with."
        ),
    ],
    *,
    move: Annotated[bool, typer.Option("--move", help="Work goes on in TO; FROM is closed.")] = False,
    config: Config = DEFAULT,
    as_json: Json = False,
) -> None:
    """Copy an archive, each file held against its hash. A copy is for reading; with --move it takes FROM's place."""
    from trueup.flows.commands.archive import copy_command

    raise typer.Exit(copy_command(config, source, to, move=move, as_json=as_json))
