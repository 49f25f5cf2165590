"""What runs by itself, and who is told of it; and the sandbox, which is served likewise."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from trueup.flows import screen
from trueup.flows.commands.options import DEFAULT, Config, Json

app = typer.Typer()


@app.command(short_help="Plan every night on the schedule.")
def serve(
    *,
    review: Annotated[str, typer.Option("--review", help="HOST:PORT: serve the team's review there as well.")] = "",
    config: Config = DEFAULT,
) -> None:
    """Plan every night on the schedule; apply only where [approval.auto] allows it."""
    from trueup.flows.serve import serve_schedule

    raise typer.Exit(serve_schedule(config, review=review))


@app.command(short_help="Give each target's nights to Prefect's workers.")
def deploy(
    configs: Annotated[list[Path], typer.Argument(metavar="CONFIG...", help="One configuration per target.")],
    *,
    pool: Annotated[str, typer.Option("--pool", help="The work pool whose workers run the nights.")],
    schedule: Annotated[str, typer.Option("--schedule", help="In place of [schedule] cron.")] = "",
    single_host: Annotated[
        str, typer.Option("--single-host", help="The host whose folder the archive is; its workers only.")
    ] = "",
    as_json: Json = False,
) -> None:
    """Make one Prefect deployment per configuration; any worker of the pool runs any night."""
    from trueup.flows.deploy import Wish, deploy_command

    wish = Wish(pool=pool, cron=schedule, host=single_host)
    raise typer.Exit(deploy_command(tuple(configs), wish, as_json=as_json))


@app.command(short_help="Say whether a Prefect server is kept; end it.")
def server(
    *,
    stop: Annotated[bool, typer.Option("--stop", help="End it, as soon as no command uses it.")] = False,
    config: Config = DEFAULT,
    as_json: Json = False,
) -> None:
    """Say whether a temporary Prefect server is kept for the commands that follow, or end it."""
    del config  # taken as by every command
    from trueup.flows.commands.server import server_command

    raise typer.Exit(server_command(stop=stop, as_json=as_json))


@app.command(short_help="Say whether the service lives.")
def health(*, config: Config = DEFAULT, as_json: Json = False) -> None:
    """Say whether trueup serve gives signs of life; reads a file, signs in nowhere. Ready for work: trueup doctor."""
    from trueup.flows.commands.health import health_command

    raise typer.Exit(health_command(config, as_json=as_json))


@app.command(short_help="Show who is told of runs, and try it.")
def notify(
    *,
    test: Annotated[bool, typer.Option("--test", help="Send a message through every channel now.")] = False,
    config: Config = DEFAULT,
    as_json: Json = False,
) -> None:
    """Show the channels of [notify] and whether the last message arrived; with --test, send one through each."""
    from trueup.flows.commands.notify import notify_command

    raise typer.Exit(notify_command(config, test=test, as_json=as_json))


@app.command(short_help="Serve a tenant and a directory on loopback to try.")
def sandbox(
    *,
    users: Annotated[int | None, typer.Option("--users", help="Scale the sample to this many accounts.")] = None,
    port: Annotated[int, typer.Option("--port", help="The tenant's; the directory takes the next. 0: any.")] = 8640,
    weakness: Annotated[
        list[str] | None, typer.Option("--weakness", help="A manner of the directory, see docs/sandbox.md. Repeatable.")
    ] = None,
    config: Config = DEFAULT,
    as_json: Json = False,
) -> None:
    """Serve an Entra tenant and a SCIM directory on loopback to try things on."""
    del config  # taken as by every command; the sandbox prints one to use
    import threading

    from trueup.flows.commands.sandbox import serve as serve_sandbox

    serve_sandbox(
        threading.Event(),
        screen.raw_line,
        users=users,
        port=port,
        weaknesses=tuple(weakness or ()),
        as_json=as_json,
    )


@app.command(short_help="Watch the whole job on the sandbox.")
def demo(
    *,
    folder: Annotated[Path, typer.Option("--folder", help="Where the demo's archive and reports go.")] = Path(
        "data/demo"
    ),
    users: Annotated[int | None, typer.Option("--users", help="Scale the sample to this many accounts.")] = None,
) -> None:
    """Watch the whole job on the sandbox: plan, review, apply, verify, a refused night, roll back."""
    from trueup.flows.commands.demo import run_demo

    raise typer.Exit(run_demo(folder, users=users))
