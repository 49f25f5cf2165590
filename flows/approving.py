"""A person's word on a plan, bound to its fingerprint and stored as an act; flows and commands share it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trueup.flows import clearance, run_context
from trueup.flows.measure import measure
from trueup.flows.names import named
from trueup.flows.runs import meant_run
from trueup.transforms.errors import Misused
from trueup.transforms.vocabulary import Act, Via

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trueup.connectors.archive.acts import ActContent
    from trueup.transforms.history import PriorRun
    from trueup.transforms.manifest import Identity
    from trueup.transforms.settings import Settings


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants to approve."""

    who: str = ""
    only: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    """Both: keys, attributes, decisions; ``@FILE`` holds one per line."""
    allow: Mapping[str, str] = field(default_factory=dict)
    """Limits to override, each with the reason why."""
    fingerprint: str = ""
    note: str = ""
    """On the whole plan, kept with the approval."""
    notes: Mapping[str, str] = field(default_factory=dict)
    """Key → a note on the person, kept with the approval."""
    via: Via = Via.SHELL
    """How ``who`` is known."""
    identity: Identity | None = None
    """Of the person who signed in; kept in the act."""
    own: tuple[str, ...] = ()
    """Keys of their own rows."""
    after: int | None = None
    """How many acts they had seen; None: whatever is there."""


def approve_one(settings: Settings, run_id: str, wish: Wish) -> tuple[PriorRun, dict[str, Any]]:
    """Store the approval as an act; returns the run with it, and the act's details.

    Raises:
        Misused: a limit is allowed without a reason, or a selector fits nothing.
        Refused: the run cannot be approved; each reason is named.
    """
    from trueup.connectors.archive import add_act, open_archive, refuse_damaged
    from trueup.transforms.approval.judgement import ApprovalRequest, judge_approval

    if not all(reason.strip() for reason in wish.allow.values()):
        raise Misused("--allow needs a reason.", remedy='Say why: --allow LIMIT --reason "…"; it is kept in the act.')
    archive = open_archive(settings)
    run = meant_run(archive, run_id)
    refuse_damaged(run)
    fingerprint = clearance.same_fingerprint(settings, run)
    request = ApprovalRequest(
        who=clearance.reviewer(wish.who),
        only=from_files(wish.only),
        exclude=from_files(wish.exclude),
        allow={limit: reason.strip() for limit, reason in wish.allow.items()},
        fingerprint_prefix=wish.fingerprint,
        identity=wish.identity,
        via=wish.via,
        own=wish.own,
    )
    now = datetime.now(UTC)
    with named(lambda: [run.files]):
        approval = judge_approval(run, archive.history(settings.target.url), request, settings, fingerprint, at=now)
    details = {**approval.details, **decided_by(wish.via, wish.identity)}
    if wish.notes:
        details["notes"] = [{"key": key, "note": words} for key, words in wish.notes.items()]
    add_act(
        run,
        Act.APPROVED,
        request.who,
        at=now,
        fingerprint=fingerprint,
        details=details,
        reason=wish.note,
        after=wish.after,
    )
    measure(settings)
    return archive.load(run.run_id), details


def decided_by(via: Via, identity: Identity | None = None) -> dict[str, Any]:
    """For an act's details: how it was known who decided."""
    return {"via": via.value, **({"identity": identity.as_json()} if identity else {})}


def from_files(selectors: tuple[str, ...]) -> tuple[str, ...]:
    """Selectors with each ``@FILE`` replaced by the file's lines."""
    found: list[str] = []
    for selector in selectors:
        if not selector.startswith("@"):
            found.append(selector)
            continue
        try:
            lines = Path(selector[1:]).read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise Misused(
                f"The file {selector[1:]} cannot be read.", remedy="It holds one person, attribute or decision a line."
            ) from error
        found.extend(line.strip() for line in lines if line.strip())
    return tuple(found)


def without_people(settings: Settings, selectors: tuple[str, ...]) -> tuple[str, ...]:
    """``selectors``, where they name attributes and decisions only.

    Raises:
        Misused: one of them is a key, or a file of keys.
    """
    from trueup.transforms.vocabulary import WRITING

    known = {*WRITING, *(attribute.path for attribute in run_context.load_mapping(settings).attributes)}
    if unknown := len({*selectors} - known):
        raise Misused(
            f"Of what is to be left out, {unknown} fits neither an attribute of the mapping nor a decision.",
            remedy="Leave out people with: trueup approve RUN --exclude KEY. What is entered here stays in Prefect.",
        )
    return selectors


def reject_one(
    settings: Settings,
    run_id: str,
    *,
    who: str,
    reason: str,
    fingerprint: str = "",
    known: Mapping[str, Any] | None = None,
    after: int | None = None,
) -> PriorRun:
    """Store the rejection as an act; returns the run with it.

    Args:
        settings: the configuration.
        run_id: the run.
        who: their name.
        reason: why.
        fingerprint: the beginning of the one they saw.
        known: ``decided_by(…)``, else a shell's.
        after: how many acts they had seen; None: whatever is there.

    Raises:
        Misused: ``fingerprint`` is not the beginning of the run's.
        Refused: the run is already applied, or over.
    """
    from trueup.connectors.archive import add_act, apply_lock, open_archive
    from trueup.transforms.approval.judgement import may_be_rejected

    archive = open_archive(settings)
    run = meant_run(archive, run_id)
    with apply_lock(archive.path, settings.target.url, f"reject {run.run_id}"):
        run = archive.load(run.run_id)
        if not run.manifest.fingerprint.startswith(fingerprint.strip()):
            raise Misused(
                f"Run {run.run_id} has another fingerprint than the one given.", remedy="Reject the run you reviewed."
            )
        may_be_rejected(run)
        details = dict(known or decided_by(Via.SHELL))
        said: ActContent = {"reason": reason, "details": details, "after": after}
        add_act(run, Act.REJECTED, clearance.reviewer(who), at=datetime.now(UTC), **said)
    measure(settings)
    return archive.load(run.run_id)
