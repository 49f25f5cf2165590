"""The command line: one function per command, each loading only what it needs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from trueup.flows import screen
from trueup.flows.commands import archive_cli, mapping_cli, service_cli
from trueup.flows.commands.beginning import begin
from trueup.flows.commands.ending import end_quickly, run_to_its_end
from trueup.flows.commands.options import DEFAULT, Config, Json

app = typer.Typer(
    name="trueup",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help=(
        "Keep a company's people directory true to Microsoft Entra ID.\n\n"
        "An ordinary morning:  trueup plan  ·  trueup show latest  ·  trueup approve latest  ·  trueup apply latest\n\n"
        "Something was wrong:  trueup rollback RUN\n\n"
        "First time here:  trueup demo  shows the whole job on a sandbox; then  trueup init  and  trueup doctor."
    ),
)

Run = Annotated[str, typer.Argument(help="A run id, the beginning of one, latest, or latest:any.")]
Only = Annotated[list[str] | None, typer.Option("--only", help="A person: object id, user name or e-mail. Repeatable.")]


def tell_version(*, wanted: bool) -> None:
    """Print the version and exit."""
    if wanted:
        from importlib.metadata import version

        typer.echo(f"trueup {version('trueup')}")
        raise typer.Exit


@app.callback()
def trueup(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=tell_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Take what stands before the command."""


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(help="Where to write trueup.toml.")] = Path(),
    *,
    force: Annotated[bool, typer.Option("--force", help="Overwrite a file that is there.")] = False,
) -> None:
    """Write a trueup.toml to start from."""
    from trueup.flows.commands.init import write_configuration

    screen.say(write_configuration(folder, force=force))


@app.command(short_help="Test both ends, the permissions and the archive.")
def doctor(
    *,
    schema: Annotated[
        Path | None, typer.Option("--schema", help="Save the mapping of the tenant's own provisioning job here.")
    ] = None,
    relearn: Annotated[
        bool, typer.Option("--relearn", help="First forget what applies have learnt of the target.")
    ] = False,
    config: Config = DEFAULT,
    as_json: Json = False,
) -> None:
    """Test the connection to both ends, the permissions and the archive."""
    from trueup.flows.commands.doctor import examine

    raise typer.Exit(examine(config, as_json=as_json, schema=schema, relearn=relearn))


@app.command(short_help="Report what would change; write nothing to the target.")
def plan(*, only: Only = None, config: Config = DEFAULT, as_json: Json = False) -> None:
    """Snapshot both sides, check the data, and report what would change. Writes nothing to the target."""
    from trueup.flows.commands.plan import make_plan

    raise typer.Exit(make_plan(config, only=tuple(only or ()), as_json=as_json))


@app.command()
def show(
    run: Run = "latest",
    *,
    form: Annotated[str, typer.Option("--format", help="text, html, md, xlsx, csv, ndjson, parquet or json.")] = "text",
    output: Annotated[Path | None, typer.Option("--output", help="A file; else stdout.")] = None,
    data_docs: Annotated[
        Path | None, typer.Option("--data-docs", help="Build Great Expectations Data Docs in this folder.")
    ] = None,
    config: Config = DEFAULT,
    as_json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
) -> None:
    """Show a run: its state, what it would change, or what it did."""
    from trueup.flows.commands.show import show_run

    show_run(config, run, form="json" if as_json else form, output=output, data_docs=data_docs)


@app.command(short_help="Show why a run decides as it does about one person.")
def why(
    key: Annotated[str, typer.Argument(help="Object id, user name, e-mail, or profile:ID.")],
    *,
    run: Annotated[
        str, typer.Option("--run", help="A run id, the beginning of one, latest, or latest:any.")
    ] = "latest",
    config: Config = DEFAULT,
    as_json: Json = False,
) -> None:
    """Show one person in a run: what is known, what was decided, and why."""
    from trueup.flows.commands.why import tell_why

    raise typer.Exit(tell_why(config, key, run=run, as_json=as_json))


@app.command(short_help="Read the report in a browser and decide there.")
def review(
    run: Run = "latest",
    *,
    port: Annotated[int, typer.Option("--port", help="On loopback; 0 picks a free one.")] = 0,
    name: Annotated[str, typer.Option("--as", help="Who reviews; else the system's user.")] = "",
    listen: Annotated[
        str, typer.Option("--listen", help="HOST:PORT: serve all runs to a team that signs in; see docs/review.md.")
    ] = "",
    targets: Annotated[
        Path | None, typer.Option("--targets", help="With --listen: a folder of configurations to show the state of.")
    ] = None,
    config: Config = DEFAULT,
) -> None:
    """Read the report in a browser and approve or reject it there, row by row; with --listen, as a team."""
    if listen:
        from trueup.flows.review.serving import serve_team_review

        raise typer.Exit(serve_team_review(config, listen, targets))
    from trueup.flows.commands.review import review_run

    review_run(config, run, port=port, who=name)


@app.command()
def approve(
    run: Run,
    *,
    name: Annotated[str, typer.Option("--as", help="Who approves; else the system's user.")] = "",
    only: Annotated[
        list[str] | None, typer.Option("--only", help="KEY, ATTRIBUTE or DECISION; @FILE for one per line. Repeatable.")
    ] = None,
    exclude: Annotated[
        list[str] | None,
        typer.Option("--exclude", help="KEY, ATTRIBUTE, DECISION, KEY/ATTRIBUTE to leave out; @FILE. Repeatable."),
    ] = None,
    allow: Annotated[
        list[str] | None,
        typer.Option("--allow", help="A limit to override, e.g. deactivate or changed:department. Repeatable."),
    ] = None,
    reason: Annotated[str, typer.Option("--reason", help="Why; needed with --allow.")] = "",
    fingerprint: Annotated[
        str, typer.Option("--fingerprint", help="The beginning of the fingerprint you reviewed; must match.")
    ] = "",
    config: Config = DEFAULT,
    as_json: Json = False,
) -> None:
    """Accept a plan, wholly or in part. Nothing is written yet."""
    from trueup.flows.approving import Wish
    from trueup.flows.commands.approve import approve_run

    wish = Wish(
        who=name,
        only=tuple(only or ()),
        exclude=tuple(exclude or ()),
        allow=dict.fromkeys(allow or (), reason),
        fingerprint=fingerprint,
    )
    raise typer.Exit(approve_run(config, run, wish, as_json=as_json))


@app.command()
def reject(
    run: Run,
    *,
    reason: Annotated[str, typer.Option("--reason", help="Why.")] = "",
    name: Annotated[str, typer.Option("--as", help="Who rejects; else the system's user.")] = "",
    config: Config = DEFAULT,
    as_json: Json = False,
) -> None:
    """Turn a plan down; it can then never be applied."""
    from trueup.flows.commands.approve import reject_run

    raise typer.Exit(reject_run(config, run, who=name, reason=reason, as_json=as_json))


@app.command(name="apply")
def apply_(run: Run, *, config: Config = DEFAULT, as_json: Json = False) -> None:
    """Write exactly what was approved to the target, and read it back. Resumes an interrupted apply."""
    from trueup.flows.commands.apply import apply_run

    raise typer.Exit(apply_run(config, run, as_json=as_json))


@app.command(short_help="Show what differs from what a run wrote.")
def verify(
    run: Annotated[str, typer.Argument(help="A run id, the beginning of one, latest, or latest:any.")] = "latest",
    *,
    archive: Annotated[bool, typer.Option("--archive", help="Check every run's hashes and chains instead.")] = False,
    config: Config = DEFAULT,
    as_json: Json = False,
) -> None:
    """Re-read what a run wrote and show what differs; or check the archive itself."""
    from trueup.flows.commands.verify import verify_archive, verify_run

    code = verify_archive(config, as_json=as_json) if archive else verify_run(config, run, as_json=as_json)
    raise typer.Exit(code)


@app.command(short_help="Plan a rollback: a run like any other.")
def rollback(
    run: Annotated[str, typer.Argument(help="The run to undo; leave out with --before or --from.")] = "",
    *,
    before: Annotated[str, typer.Option("--before", help="Put the directory back as it was before this run.")] = "",
    from_file: Annotated[
        Path | None, typer.Option("--from", help="A directory report (CSV or XLSX) as the desired state.")
    ] = None,
    column: Annotated[
        list[str] | None,
        typer.Option("--column", help='With --from: "HEADER=SCIM path", email or id instead. Repeatable.'),
    ] = None,
    only: Only = None,
    attribute: Annotated[list[str] | None, typer.Option("--attribute", help="Only this SCIM path. Repeatable.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Also take back edits others made since.")] = False,
    delete_created: Annotated[
        bool, typer.Option("--delete-created", help="Delete profiles the run created, instead of deactivating them.")
    ] = False,
    config: Config = DEFAULT,
    as_json: Json = False,
) -> None:
    """Plan the way back: a run like any other, to be reviewed, approved and applied."""
    from trueup.flows.commands.rollback import Way, plan_rollback

    way = Way(
        run=run,
        before=before,
        from_file=str(from_file.resolve()) if from_file else "",
        columns=tuple(column or ()),
        only=tuple(only or ()),
        attributes=tuple(attribute or ()),
        overwrite=overwrite,
        delete_created=delete_created,
    )
    raise typer.Exit(plan_rollback(config, way, as_json=as_json))


@app.command()
def release(
    what: Annotated[str, typer.Argument(help="A rolled-back run, or one person's key.")],
    *,
    name: Annotated[str, typer.Option("--as", help="Who releases; else the system's user.")] = "",
    reason: Annotated[str, typer.Option("--reason", help="Why.")] = "",
    config: Config = DEFAULT,
    as_json: Json = False,
) -> None:
    """End the protection of a rollback: the source decides again."""
    from trueup.flows.commands.archive import release_command

    raise typer.Exit(release_command(config, what, who=name, as_json=as_json, reason=reason))


@app.command()
def runs(*, config: Config = DEFAULT, as_json: Json = False) -> None:
    """List all runs, newest first; of a folder, each target's newest."""
    if config.is_dir():
        from trueup.flows.commands.targets import targets_command

        raise typer.Exit(targets_command(config, as_json=as_json))
    from trueup.flows.commands.archive import runs_command

    raise typer.Exit(runs_command(config, as_json=as_json))


@app.command(short_help="Show one person's history over all runs.")
def history(
    key: Annotated[str, typer.Argument(help="Object id, user name, e-mail, or profile:ID.")],
    *,
    config: Config = DEFAULT,
    as_json: Json = False,
) -> None:
    """Show what changed for one person, when, and who approved it, over all runs."""
    from trueup.flows.commands.archive import history_command

    raise typer.Exit(history_command(config, key, as_json=as_json))


@app.command(short_help="Remove the data of old runs; the chain stays whole.")
def prune(
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Remove; without it, only say what would go.")] = False,
    config: Config = DEFAULT,
    as_json: Json = False,
) -> None:
    """Remove the data of runs older than keep_days; manifests and acts stay, so that chains still verify."""
    from trueup.flows.commands.archive import prune_command

    raise typer.Exit(prune_command(config, yes=yes, as_json=as_json))


@app.command(short_help="Take one person's data out of all runs.")
def erase(
    key: Annotated[
        list[str], typer.Argument(help="Object id, user name, e-mail, or profile:ID; several for one person.")
    ],
    *,
    reason: Annotated[str, typer.Option("--reason", help="request, retention, legal or mistake.")],
    name: Annotated[str, typer.Option("--as", help="Who erases; else the system's user.")] = "",
    config: Config = DEFAULT,
    as_json: Json = False,
) -> None:
    """Take one person's data out of all runs, and out of what lies beside them; hashes and chains still verify."""
    from trueup.flows.commands.erase import erase_command

    raise typer.Exit(erase_command(config, key, reason=reason, who=name, as_json=as_json))


@app.command(short_help="Open the archive in the DuckDB shell.")
def views(*, config: Config = DEFAULT) -> None:
    """Write DuckDB views over all runs and say how to open them in the DuckDB shell."""
    from trueup.flows.commands.archive import views_command

    raise typer.Exit(views_command(config))


@app.command(short_help="Ask the archive in SQL.")
def sql(
    statement: Annotated[str, typer.Argument(help="One SELECT, DESCRIBE or SUMMARIZE over the archive's views.")],
    *,
    form: Annotated[str, typer.Option("--format", help="table, csv, json or parquet.")] = "table",
    output: Annotated[Path | None, typer.Option("--output", help="A file; else stdout.")] = None,
    config: Config = DEFAULT,
    as_json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
) -> None:
    """Answer one SQL statement over all nights; nothing can be written. Views: docs/analysis.md."""
    from trueup.flows.commands.analysis import sql_command

    raise typer.Exit(sql_command(config, statement, form="json" if as_json else form, output=output))


@app.command(short_help="Show all nights: on the screen, or as a page.")
def nights(
    *,
    output: Annotated[Path | None, typer.Option("--output", help="Write the page into this file.")] = None,
    config: Config = DEFAULT,
    as_json: Json = False,
) -> None:
    """Show all nights; with --output as one self-contained page."""
    from trueup.flows.commands.analysis import nights_command

    raise typer.Exit(nights_command(config, output=output, as_json=as_json))


@app.command(short_help="Hand people, nights and moves to other tools.")
def export(
    folder: Annotated[Path, typer.Argument(help="Where the export lies; what is new is added.")],
    *,
    to: Annotated[str, typer.Option("--to", help="parquet or duckdb.")] = "parquet",
    config: Config = DEFAULT,
) -> None:
    """Write people, nights and moves by night as Parquet or a DuckDB file; nights that stand there are left."""
    from trueup.flows.commands.analysis import export_command

    raise typer.Exit(export_command(config, folder, to=to))


app.add_typer(service_cli.app)
app.add_typer(mapping_cli.app, name="mapping")
app.add_typer(archive_cli.app, name="archive")


def main() -> None:
    """Run the command line and end with the exit code of the README's table."""
    begin()
    told = end_quickly()
    code = run_to_its_end(app)
    told(code)
    sys.exit(code)
