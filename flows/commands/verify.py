"""``trueup verify``: what a run wrote against what is there now; or the archive against itself."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from trueup.flows import configuration, screen
from trueup.flows.measure import measure
from trueup.flows.runs import shown_run
from trueup.transforms.errors import Refusal, Refused
from trueup.transforms.vocabulary import Act, Exit, Outcome

if TYPE_CHECKING:
    from trueup.transforms.history import PriorRun
    from trueup.transforms.settings import Settings


def verify_run(config: Path, run_id: str, *, as_json: bool) -> int:
    """Re-read what the run wrote and show what differs; 0 when converged, 4 with a residual."""
    settings = configuration.load(config)
    configuration.require(settings, write=True)
    with screen.bars(show=not as_json):
        document, run = verify_one(settings, run_id)
    if as_json:
        screen.document(document)
    else:
        from trueup.reports import verified_summary

        screen.say(verified_summary(run, document))
    return Exit.DONE if document["converged"] else Exit.PARTLY


def verify_one(settings: Settings, run_id: str) -> tuple[dict[str, Any], PriorRun]:
    """Re-read, archive the result as an act, and return the document of ``verify --json``.

    Raises:
        Refused: the run was never applied, or is damaged.
    """
    from trueup.connectors.archive import add_act_with, open_archive, refuse_damaged
    from trueup.connectors.archive.places import aside
    from trueup.connectors.scim.read_back import verify
    from trueup.transforms.approval.judgement import what_was_left_out

    archive = open_archive(settings)
    run = shown_run(archive, run_id)
    refuse_damaged(run)
    if run.manifest.outcome is Outcome.NOTHING_TO_DO:
        return {"run_id": run.run_id, "converged": True, "residual": 0, "records": []}, run
    if not run.files.outcome.exists():
        raise Refused(
            Refusal(
                code="not_applied",
                message=f"Run {run.run_id} was not applied, so there is nothing to verify.",
                remedy=f"Apply it first: trueup apply {run.run_id}",
            )
        )
    with TemporaryDirectory(prefix="verify-", dir=aside(archive.path)) as drafts:
        draft = Path(drafts) / "verified.parquet"
        left_out = what_was_left_out(run, settings, Path(drafts))
        result = verify(settings, run.files, into=draft, left_out=left_out, progress=screen.progress)
        details = {"converged": result.converged, "residual": result.residual, **result.details}
        add_act_with(run, Act.VERIFIED, "trueup", draft, at=datetime.now(UTC), details=details)
    measure(settings)
    document = {
        "run_id": run.run_id,
        "converged": result.converged,
        "residual": result.residual,
        "records": list(result.records),
    }
    return document, archive.load(run.run_id)


def verify_archive(config: Path, *, as_json: bool) -> int:
    """Check every run's hashes and chains; 3 when anything is damaged."""
    from trueup.flows.commands.archive import verify_archive_command

    return verify_archive_command(config, as_json=as_json)
