"""``trueup rollback``: checks the wish, plans the way back, shows it."""

from __future__ import annotations

import difflib
from dataclasses import asdict, dataclass
from pathlib import Path

from flows import build, configuration, flow_runs, screen
from flows.orchestrator import orchestrator
from flows.plan_command import conclude, sealed_run
from transforms.errors import Misused
from transforms.words import Kind


@dataclass(frozen=True, slots=True)
class Way:
    """Which way back: exactly one of ``run``, ``before`` and ``from_file``."""

    run: str = ""
    before: str = ""
    from_file: str = ""
    only: tuple[str, ...] = ()
    attributes: tuple[str, ...] = ()
    overwrite: bool = False
    delete_created: bool = False


def plan_rollback(config: Path, way: Way, *, as_json: bool = False) -> int:
    """Plan a rollback and show it like any plan; returns the exit code."""
    from connectors.archive import open_archive, refuse_damaged
    from connectors.secrets import reveal

    if sum(map(bool, (way.run, way.before, way.from_file))) != 1:
        raise Misused(
            "A rollback takes exactly one of: a run to undo, --before RUN, --from FILE.",
            remedy="List the runs with: trueup runs",
        )
    settings = configuration.load(config)
    configuration.require(settings, write=True)
    reveal(settings.target.token, key="target.token", folder=settings.folder)
    if way.from_file and not Path(way.from_file).is_file():
        raise Misused(f"There is no file {way.from_file}.", remedy="Name a CSV or XLSX report.")
    _check_attributes(way.attributes, tuple(one.path for one in build.load_mapping(settings).attributes))
    archive = open_archive(settings)
    wish = asdict(way)
    for word in ("run", "before"):
        if wish[word]:
            named = archive.load(wish[word])
            refuse_damaged(named)
            wish[word] = named.run_id
    with orchestrator() as server, screen.bars(show=not as_json):
        from flows.rollback import rollback

        server.ready()
        files = build.begin(settings, Kind.ROLLBACK, only=way.only, wish=wish)
        with flow_runs.marked(settings, Kind.ROLLBACK):
            flow = rollback.with_options(flow_run_name=files.run_id)
            state = flow(str(config.resolve()), str(files.path), return_state=True)
        run = sealed_run(settings, files.run_id, state)
    return conclude(settings, run, as_json=as_json)


def _check_attributes(wanted: tuple[str, ...], known: tuple[str, ...]) -> None:
    """Refuse a path the mapping does not manage: a misspelt one would quietly restore nothing."""
    for path in wanted:
        if path not in known:
            close = difflib.get_close_matches(path, known, n=1)
            guess = f"Did you mean {close[0]}?" if close else f"Managed are: {', '.join(known)}."
            raise Misused(f"--attribute {path}: the mapping manages no such attribute.", remedy=guess)
