"""What a run has come to know of itself so far, errors and refusals included."""

from __future__ import annotations

import contextlib
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from trueup.flows import screen, termination, unforeseen
from trueup.transforms.errors import Misused, Refusal, Refused, TrueupError
from trueup.transforms.vocabulary import WRITING, Kind, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prefect.futures import PrefectFuture

    from trueup.connectors.scim.profiles import TargetSnapshot
    from trueup.connectors.source import SourceSnapshot
    from trueup.expectations.gates import CheckResult
    from trueup.flows.alone import Named
    from trueup.transforms.planning.request import PlanResult


@dataclass(slots=True)
class Draft:
    """What a run has come to know of itself so far; becomes its manifest."""

    kind: Kind
    parent_run: str | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    """Manifest fields as stages fill them."""
    refusals: list[Refusal] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    errors: list[TrueupError] = field(default_factory=list)
    stage: str = "beginning"

    @contextlib.contextmanager
    def taking(self) -> Iterator[None]:
        """End the block at the first error and remember it with its stage, so that the run is sealed and says so."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 - it is not dropped: it ends the block, and the run is sealed as failed with its stage and its kind
            termination.go_on(error)
            self._take(error, self.stage)

    def result(self, future: PrefectFuture[Any], stage: str) -> Any:
        """What a submitted task gave, or None with the reason remembered."""
        found = future.result(raise_on_failure=False)
        if isinstance(found, BaseException):
            self._take(found, stage)
            return None
        return found

    def _take(self, error: BaseException, stage: str) -> None:
        if isinstance(error, Refused):
            # Both sides may have met the same damage.
            self.refusals.extend(one for one in error.refusals if one not in self.refusals)
        elif isinstance(error, TrueupError):
            self.errors.append(error)
        else:
            told = unforeseen.told(error, stage)
            told.remedy = f"Nothing was written to the target. {told.remedy}"
            self.errors.append(told)
            screen.trace(error)

    @property
    def is_sound(self) -> bool:
        """Whether nothing broke so far; a refusal does not count as broken."""
        return not self.errors

    @property
    def misuse(self) -> Misused | None:
        """Configuration that only the other side could find wrong (an unknown application): no run, a correction."""
        return next((error for error in self.errors if isinstance(error, Misused)), None)

    def read(self, source: SourceSnapshot, target: TargetSnapshot) -> None:
        """Take over what the reads proved."""
        self.notes.extend(source.notes)
        columns = defaultdict[str, list[str]](list)
        for column, why in sorted(source.unreadable.items()):
            columns[why].append(column)
        self.notes.extend(f"Not readable: {', '.join(names)} ({why})." for why, names in columns.items())
        self.facts.update(
            users=source.users,
            profiles=target.profiles,
            completeness={"source": source.completeness, "target": target.completeness},
            delta=source.delta,
            target_state=target.state,
        )

    def read_named(self, named: Named) -> None:
        """Take over what was read of the people named, where nobody else was."""
        self.read(named.source, named.target)
        self.notes.append(named.note)
        self.facts.update(only=named.keys, partial_read=True)

    def read_target(self, target: TargetSnapshot) -> None:
        """Take over what the read of the target proved, where the source is not read."""
        self.facts.update(
            profiles=target.profiles, completeness={"target": target.completeness}, target_state=target.state
        )

    def checked(self, result: CheckResult) -> None:
        """Take over what the checks found."""
        self.refusals.extend(result.refusals)
        self.notes.extend(result.notes)
        self.facts["findings"] = dict(result.findings)

    def planned(self, result: PlanResult) -> None:
        """Take over what was decided."""
        self.refusals.extend(result.refusals)
        self.notes.extend(result.notes)
        self.facts.update(
            counts=dict(result.counts),
            changes=result.changes,
            users=result.users,
            profiles=result.profiles,
            limits=result.limits,
            first_run=result.first_run,
            baseline_run=result.baseline_run,
        )

    def told_counts(self) -> str:
        """People by decision, in words."""
        return ", ".join(f"{count:,} {word}" for word, count in self.facts["counts"].items() if count) or "nobody"

    def told_findings(self) -> str:
        """Findings by severity, in words."""
        found = self.facts["findings"]
        return ", ".join(f"{count:,} {word}" for word, count in found.items() if count) or "no findings"

    @property
    def outcome(self) -> Outcome:
        """How the run would end now."""
        if self.errors:
            return Outcome.FAILED
        if self.refusals:
            return Outcome.REFUSED
        counts = self.facts.get("counts", {})
        return Outcome.READY if any(counts.get(word, 0) for word in WRITING) else Outcome.NOTHING_TO_DO
