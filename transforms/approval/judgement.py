"""Who accepted which plan: what makes an approval valid, and what makes it void.

An approval is bound to the plan's fingerprint, names what is left out and which limits are overridden, and ends
by itself. Pure: acts are read and written by the archive, the fingerprint is recomputed by the caller.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from trueup.transforms.approval.left_out import Selection, compute, write_left_out
from trueup.transforms.approval.run_state import (
    APPLY_ACTS,
    interrupted_other,
    may_be_rejected,
    not_begun_refusals,
    overtaken,
    refusal,
)
from trueup.transforms.approval.staleness import explained
from trueup.transforms.approval.validity import (
    AUTO,
    allowed_by_all,
    ends_at,
    folded,
    in_force,
    is_auto,
    lifts_own,
    refuse_unless_signed_in,
    still_needed,
    valid_approvals,
    voice_of,
)
from trueup.transforms.errors import Misused, Refused
from trueup.transforms.values.labels import allow_options, limit_label, limits_called
from trueup.transforms.vocabulary import Act, Outcome, Via

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from trueup.transforms.errors import Refusal
    from trueup.transforms.history import History, PriorRun
    from trueup.transforms.manifest import ActRecord, Identity
    from trueup.transforms.settings import Settings

__all__ = [
    "AUTO",
    "Approval",
    "ApprovalRequest",
    "auto_approval",
    "beyond_auto",
    "effective_approval",
    "judge_approval",
    "may_be_rejected",
    "what_was_left_out",
    "write_what_is_left_out",
]


@dataclass(frozen=True, slots=True)
class ApprovalRequest:
    """What somebody wants to accept."""

    who: str
    only: tuple[str, ...] = ()
    """Keys, attributes, decisions: of each kind that is named, nothing else is accepted."""
    exclude: tuple[str, ...] = ()
    """Keys, attributes, decisions that are left out."""
    allow: Mapping[str, str] = field(default_factory=dict)
    """Limit → reason."""
    fingerprint_prefix: str = ""
    """Beginning of the fingerprint the reviewer saw; empty when none was given."""
    reason: str = ""
    identity: Identity | None = None
    """Who it is, where somebody signed in."""
    via: Via = Via.SHELL
    own: tuple[str, ...] = ()
    """Keys of the approver's own rows, left out until somebody else who signed in approves as well."""


@dataclass(frozen=True, slots=True)
class Approval:
    """An approval that holds: one to be stored, or what the stored ones come to."""

    who: tuple[str, ...]
    fingerprint: str
    expires: datetime
    selections: tuple[Selection, ...] = ()
    """One per approver; what any of them left out is left out."""
    allowed: Mapping[str, str] = field(default_factory=dict)
    details: dict[str, Any] = field(default_factory=dict)
    """For the act: ``only``, ``exclude`` (people as keys), ``left_out`` (rows ``key``, ``attribute``, ``because``),
    ``not_selected`` (how many rows ``only`` did not choose), ``allowed``, ``expires``, ``auto``, ``still_needed`` (how
    many more people must approve)."""
    missing: int = 0
    """How many more people must approve before apply may go on."""


def judge_approval(
    run: PriorRun,
    history: History,
    request: ApprovalRequest,
    settings: Settings,
    fingerprint: str,
    *,
    at: datetime,
) -> Approval:
    """The approval to be stored as an act; nothing is stored here.

    Args:
        run: the sealed run.
        history: all runs against the same target.
        request: who accepts what.
        settings: ``[approval]`` and ``[matching]``.
        fingerprint: recomputed now, from the run's files and the configuration as it is.
        at: now.

    Raises:
        Misused: no name, a limit allowed without a reason or without being exceeded, a selector that fits nothing
            or several people, or a selection that leaves nothing to apply.
        Refused: the run cannot be approved; every reason is in it.
    """
    who = _name(request.who)
    refuse_unless_signed_in(run, settings, request.via)
    refusals = [
        *not_begun_refusals(run),
        *overtaken(run, history),
        *interrupted_other(run, history),
        *_fingerprint_refusals(run, request.fingerprint_prefix, fingerprint),
    ]
    if refusals:
        raise Refused(explained(refusals, run, history))
    allowed = _allowed(run, request.allow)
    own = request.own if settings.approval.approvers == 1 else ()
    wanted = [Selection(request.only, request.exclude), *([Selection(exclude=own)] if own else [])]
    left = compute(run.files, wanted, unique=unique_paths(settings))
    expires = at + timedelta(hours=settings.approval.valid_hours)
    selection = left.selections[0]
    missing = still_needed(run, settings, voice_of(who, request.identity), fingerprint, at)
    return Approval(
        who=(who,),
        fingerprint=fingerprint,
        expires=expires,
        selections=left.selections,
        allowed=allowed,
        missing=missing,
        details={
            "only": list(selection.only),
            "exclude": list(selection.exclude),
            "own": list(request.own),
            "left_out": [row.as_json() for row in left.rows if not row.unselected],
            "not_selected": sum(1 for row in left.rows if row.unselected),
            "allowed": dict(allowed),
            "expires": expires.isoformat(),
            "auto": False,
            "still_needed": missing,
        },
    )


def effective_approval(
    run: PriorRun, settings: Settings, *, fingerprint: str, at: datetime, history: History | None = None
) -> Approval:
    """What the run's approvals come to at this moment: apply may go on with exactly this.

    Args:
        run: the run with its acts.
        settings: ``[approval]``.
        fingerprint: recomputed now.
        at: now.
        history: all runs against the same target; with it, an overtaken run is refused even where the act that
            says so is missing.

    Raises:
        Refused: ``approval_missing``, ``approval_expired`` (the caller writes the ``expired`` act),
            ``approvers_missing``, ``approval_of_another_plan``, ``limit_not_allowed``, ``run_superseded``,
            ``run_overtaken``, ``run_rejected`` …
    """
    refusals = not_begun_refusals(run, applying=True)
    if history is not None:
        refusals = explained([*refusals, *overtaken(run, history)], run, history)
    if refusals:
        raise Refused(refusals)
    valid = valid_approvals(run, settings, fingerprint, at)
    allowed = allowed_by_all(valid)
    tripped = [one.limit_name for one in run.manifest.refusals]
    if missing := [name for name in tripped if name not in allowed]:
        raise Refused([_not_allowed(run, name, tripped) for name in missing])
    return Approval(
        who=tuple(act.who for act in valid),
        fingerprint=fingerprint,
        expires=min(ends_at(act) for act in valid),
        selections=_selections(run, settings, valid),
        allowed=allowed,
        details={"auto": any(is_auto(act) for act in valid)},
    )


def auto_approval(run: PriorRun, settings: Settings, *, at: datetime) -> Approval | None:
    """The approval ``[approval.auto]`` gives, recorded as such; None where a person must look."""
    approval, manifest = settings.approval, run.manifest
    if approval.required or manifest.outcome is not Outcome.READY or run.state != Outcome.READY:
        return None
    if beyond_auto(run, settings) or not manifest.fingerprint:
        return None
    expires = at + timedelta(hours=approval.valid_hours)
    details = {
        "only": [],
        "exclude": [],
        "left_out": [],
        "not_selected": 0,
        "allowed": {},
        "expires": expires.isoformat(),
        "auto": True,
        "via": Via.AUTO.value,
    }
    return Approval((AUTO,), manifest.fingerprint, expires, (Selection(),), {}, details)


def goes_on_by_itself(run: PriorRun, settings: Settings, *, at: datetime) -> bool:
    """Whether a night that applies by itself was killed after its plan was sealed: then its rest needs no person.

    What was planned by hand, approved by a person, or broken off on purpose is a person's to go on with.
    """
    if settings.approval.required or run.manifest.only or run.manifest.expected is None:
        return False
    if run.state == Outcome.READY:
        return auto_approval(run, settings, at=at) is not None
    approvals = [act for act in run.acts if act.act is Act.APPROVED]
    if not approvals or not approvals[-1].details.get("auto"):
        return False
    return run.state == Act.APPROVED or (
        run.state == Act.INTERRUPTED and not any(a.act in APPLY_ACTS for a in run.acts)
    )


def beyond_auto(run: PriorRun, settings: Settings) -> tuple[str, ...]:
    """What of the plan ``[approval.auto]`` does not cover, each with its figures; empty when all is within.

    Deletes count as changes and as deactivations.
    """
    auto, manifest = settings.approval.auto, run.manifest
    deletes = manifest.counts.get("delete", 0)
    changes = manifest.changes + deletes
    ending = deletes + max(
        manifest.counts.get("deactivate", 0),
        *(use.used for use in manifest.limits if use.name == "deactivate"),
        0,
    )
    holds = manifest.counts.get("hold", 0)
    beyond = (
        (changes > auto.max_changes, f"{changes:g} changes, max_changes is {auto.max_changes}"),
        (ending > auto.max_deactivations, f"{ending:g} deactivations, max_deactivations is {auto.max_deactivations}"),
        (bool(holds) and not auto.allow_holds, f"{holds} held people, allow_holds is false"),
    )
    return tuple(words for applies, words in beyond if applies)


def write_what_is_left_out(run: PriorRun, approval: Approval, settings: Settings, into: Path) -> int:
    """Write what the approval leaves out (``key``, ``attribute`` or null, ``because``) as Parquet; returns the rows."""
    return write_left_out(run.files, approval.selections, into, unique=unique_paths(settings))


def what_was_left_out(run: PriorRun, settings: Settings, aside: Path) -> Path:
    """What the last apply of ``run`` left out (``key``, ``attribute``): the file its act added.

    For runs applied before acts had such a file it is worked out from the approvals that held then, into ``aside``.
    """
    into = aside / "left_out.parquet"
    approvals: list[ActRecord] = []
    for act in reversed(run.acts):
        if act.act not in APPLY_ACTS:
            continue
        for name in act.files:
            if name.startswith("left_out-"):
                path = run.files.file(name)
                return path if path.exists() else path.with_suffix(".part")
        approvals = in_force(run, act)
        break
    write_left_out(run.files, _selections(run, settings, approvals), into, unique=unique_paths(settings))
    return into


def unique_paths(settings: Settings) -> frozenset[str]:
    """Target attributes of which no two profiles may have the same value."""
    return frozenset({"userName", *settings.matching.by})


def selection_of(act: ActRecord, others: Iterable[ActRecord] = ()) -> Selection:
    """What an ``approved`` act accepts; the approver's own rows too, once one of ``others`` is somebody else's."""
    own = () if lifts_own(act, others) else tuple(act.details.get("own", ()))
    return Selection(tuple(act.details.get("only", ())), (*act.details.get("exclude", ()), *own))


def _selections(run: PriorRun, settings: Settings, acts: Sequence[ActRecord]) -> tuple[Selection, ...]:
    """What these approvals accept, one selection each.

    What depends on a selection is worked out anew. Should this version leave out less of it than an approver was told,
    as one that judged otherwise did then, a further selection leaves that out all the same.
    """
    given = tuple(selection_of(act, acts) for act in acts)
    told = {row for act in acts for row in _told(run, settings, act, is_lifted=lifts_own(act, acts))}
    if more := sorted(told - _left_out(run, settings, given, among=told)) if told else []:
        return (*given, Selection(exclude=tuple(f"{key}/{path}" if path else key for key, path in more)))
    return given


def _told(run: PriorRun, settings: Settings, act: ActRecord, *, is_lifted: bool) -> set[tuple[str, str]]:
    """``(key, attribute)``, or the person as a whole without one, of what the act says is left out and still is."""
    told = {(str(row["key"]), str(row["attribute"] or "")) for row in act.details.get("left_out", ())}
    own = tuple(act.details.get("own", ())) if is_lifted and told else ()
    return told - _left_out(run, settings, [Selection(exclude=own)], among=told) if own else told


def _left_out(
    run: PriorRun, settings: Settings, selections: Iterable[Selection], *, among: set[tuple[str, str]]
) -> set[tuple[str, str]]:
    """Those ``among`` what selections leave out, or leave out as whole people."""
    rows = compute(run.files, selections, unique=unique_paths(settings), applying=True).rows
    left = {(row.key, row.attribute or "") for row in rows}
    return {(key, path) for key, path in among if {(key, path), (key, "")} & left}


def _name(who: str) -> str:
    name = unicodedata.normalize("NFC", who.strip())
    if not name or len(name) > 200 or any(unicodedata.category(letter)[0] == "C" for letter in name):
        raise Misused("An approval needs a name of one line.", remedy='Say who approves: --as "NAME"')
    if folded(name) == AUTO:
        raise Misused(f"{AUTO!r} is the name of automatic approvals.", remedy='Say who approves: --as "NAME"')
    return name


def _fingerprint_refusals(run: PriorRun, prefix: str, fingerprint: str) -> list[Refusal]:
    if not fingerprint or fingerprint != run.manifest.fingerprint:
        return [
            refusal(
                "fingerprint_mismatch",
                f"Run {run.run_id} does not have the fingerprint it was sealed with: files or configuration changed.",
                "Plan again: trueup plan",
            )
        ]
    if prefix and not fingerprint.startswith(prefix.strip().lower() or "-"):
        return [
            refusal(
                "fingerprint_not_reviewed",
                f"The fingerprint given is not that of run {run.run_id}: what you reviewed is another plan.",
                f"Read the report of {run.run_id}, and give the fingerprint that stands there.",
            )
        ]
    return []


def _allowed(run: PriorRun, allow: Mapping[str, str]) -> dict[str, str]:
    """Each exceeded limit with the reason it is overridden for; a family (``changed``) covers its attributes.

    An attribute is named by its path or by short words (``changed:department``).
    """
    tripped = {one.limit_name: one for one in run.manifest.refusals}
    given: dict[str, str] = {}
    for word, reason in allow.items():
        name = word.strip().removeprefix("limit_")
        covered = limits_called(name, tripped)
        if not covered:
            over = ", ".join(sorted(limit_label(limit, tripped) for limit in tripped)) or "none"
            raise Misused(f"--allow {name}: this run does not exceed that limit.", remedy=f"Exceeded: {over}.")
        if len(covered) > 1 and ":" in name:
            raise Misused(f"--allow {name} fits several limits.", remedy=f"Name one: {', '.join(sorted(covered))}.")
        if not reason.strip():
            raise Misused(f"--allow {name} needs a reason.", remedy='Say why: --reason "…"; it is kept in the act.')
        given.update(dict.fromkeys(covered, reason.strip()))
    if missing := [name for name in tripped if name not in given]:
        raise Refused([_not_allowed(run, name, list(tripped)) for name in missing])
    return given


def _not_allowed(run: PriorRun, name: str, tripped: list[str]) -> Refusal:
    allowing = allow_options(tripped, tripped)
    message = next((one.message for one in run.manifest.refusals if one.limit_name == name), "")
    return refusal(
        "limit_not_allowed",
        f"Run {run.run_id} exceeds the limit {limit_label(name, tripped)!r}, which nobody overrode. {message}".rstrip(),
        f'Read the report; then: trueup approve {run.run_id} {allowing} --reason "…"',
    )
