"""``trueup plan``: one reconcile run, and its summary."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trueup.flows import configuration, screen
from trueup.flows.runs import announce, check_before, earlier, orchestrated, reconcile_once
from trueup.transforms.vocabulary import Exit, Outcome

if TYPE_CHECKING:
    from pathlib import Path

    from trueup.transforms.history import PriorRun
    from trueup.transforms.settings import Settings

EXIT_OF = {
    Outcome.READY: Exit.DONE,
    Outcome.NOTHING_TO_DO: Exit.DONE,
    Outcome.REFUSED: Exit.REFUSED,
    Outcome.FAILED: Exit.FAILED,
}


def make_plan(config: Path, *, only: tuple[str, ...] = (), as_json: bool = False) -> int:
    """Plan once and show the result; returns the exit code."""
    from trueup.connectors.trying import try_credentials
    from trueup.flows.only_check import check_only

    settings = configuration.load(config)
    check_before(settings)
    if only:
        check_only(earlier(settings), only)
    with orchestrated(lambda: try_credentials(settings), show=not as_json):
        run = reconcile_once(settings, only=only, tried=True)
    return conclude(settings, run, as_json=as_json)


def conclude(settings: Settings, run: PriorRun, *, as_json: bool) -> int:
    """Show a freshly sealed run, tell who wants to be told, and return the exit code."""
    from trueup.transforms.errors import TrueupError

    if as_json:
        screen.document(summary(run))
    else:
        from trueup.reports import terminal_summary

        screen.say(terminal_summary(run, earlier(settings)))
    announce(settings, run)
    if run.manifest.outcome is Outcome.FAILED and (as_json or not screen.is_seen_whole()):
        screen.complain(TrueupError(run.manifest.error))
    elif as_json:
        for refusal in run.manifest.refusals:
            screen.note(f"Refused: {refusal.message} {refusal.remedy}")
    return EXIT_OF[run.manifest.outcome]


def summary(run: PriorRun) -> dict[str, Any]:
    """The document of ``plan --json``."""
    manifest = run.manifest
    return {
        "run_id": manifest.run_id,
        "outcome": manifest.outcome.value,
        "state": run.state,
        "fingerprint": manifest.fingerprint,
        "counts": manifest.counts,
        "changes": manifest.changes,
        "refusals": [refusal.as_json() for refusal in manifest.refusals],
        "report": str(run.files.report_place),
    }
