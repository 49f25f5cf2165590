"""``trueup mapping …``: the mapping language from the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from trueup.flows.commands.options import DEFAULT, Config, Json

app = typer.Typer(no_args_is_help=True, help="Look into the attribute mapping and test it.")

Cases = Annotated[Path, typer.Argument(help="Cases: {id, expression, inputs, output, flow, …}, as JSON.")]


@app.command()
def check(
    file: Cases,
    *,
    config: Config = DEFAULT,
    as_json: Json = False,
) -> None:
    """Run mapping tests of your own. Needs neither source nor target."""
    del config  # taken as by every command; the cases stand for themselves
    from trueup.flows.commands.mapping import check_cases

    raise typer.Exit(check_cases(file, as_json=as_json))


@app.command(short_help="Show how an expression is read, and its SQL.")
def explain(
    expression: Annotated[str, typer.Argument(help="In Entra's expression language, e.g. 'ToLower([mail])'.")],
    *,
    config: Config = DEFAULT,
    as_json: Json = False,
) -> None:
    """Show how an expression is read and the SQL it becomes; a caret marks a mistake."""
    del config  # taken as by every command; the expression stands for itself
    from trueup.flows.commands.mapping import explain_expression

    raise typer.Exit(explain_expression(expression, as_json=as_json))


@app.command(name="test", short_help="Show what the mapping makes of one person.")
def trace(
    *,
    user: Annotated[str, typer.Option("--user", help="Object id, user name or e-mail.")],
    run: Annotated[str, typer.Option("--run", help="Whose snapshot; else the newest.")] = "",
    attribute: Annotated[
        list[str] | None, typer.Option("--attribute", help="Only this target attribute. Repeatable.")
    ] = None,
    config: Config = DEFAULT,
    as_json: Json = False,
) -> None:
    """Show what the mapping makes of one person, with every value on the way."""
    from trueup.flows.commands.mapping import trace_person

    raise typer.Exit(trace_person(config, user, run=run, attributes=tuple(attribute or ()), as_json=as_json))


@app.command(name="import", short_help="Write TOML for a schema exported from Entra.")
def import_(
    file: Annotated[Path, typer.Argument(help="A synchronizationSchema document, as Graph returns it.")],
    *,
    output: Annotated[Path | None, typer.Option("--output", help="A file; else stdout.")] = None,
    skip: Annotated[
        list[str] | None, typer.Option("--skip", help="Leave out the row of this target attribute. Repeatable.")
    ] = None,
    config: Config = DEFAULT,
) -> None:
    """Write the readable TOML that means what a schema exported from Entra means."""
    del config  # taken as by every command; the document stands for itself
    from trueup.flows.commands.mapping import import_schema

    raise typer.Exit(import_schema(file, output=output, skip=tuple(skip or ())))


@app.command()
def show(*, config: Config = DEFAULT, as_json: Json = False) -> None:
    """List every target attribute with its expression."""
    from trueup.flows.commands.mapping import show_mapping

    raise typer.Exit(show_mapping(config, as_json=as_json))
