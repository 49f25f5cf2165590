"""Nights against a directory over HTTP: read, plan, apply, verify, and what the next night would do."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from tests.support.first_plans import first_plan
from tests.support.plan_world import ATTRIBUTES, LOOSE, MANAGER, OF, Planned, World
from tests.support.scim_directory import Directory
from tests.support.scim_runs import brisk, settings_for
from trueup.connectors.scim import snapshot
from trueup.connectors.scim.read_back import VerifyResult, verify
from trueup.connectors.scim_writer.applying import apply_run
from trueup.transforms.attributes import ManagedAttribute
from trueup.transforms.history import History, PriorRun, last_learned
from trueup.transforms.manifest import ActRecord
from trueup.transforms.planning.earlier_runs import known_links, names_not_created
from trueup.transforms.planning.plan import make_plan
from trueup.transforms.planning.request import RollbackRequest
from trueup.transforms.rollback.plan import make_rollback_plan
from trueup.transforms.vocabulary import WRITING, Act, Kind
from trueup.transforms.work import plan_work

if TYPE_CHECKING:
    from pathlib import Path

    from trueup.connectors.scim_writer.result import ApplyResult

PHONE = 'phoneNumbers[type eq "work"].value'
MOBILE = 'phoneNumbers[type eq "mobile"].value'
NICK = "nickName"
_COLUMNS = {PHONE: "phone", MOBILE: "mobile", NICK: "nick", "displayName": "display"}


@dataclass(frozen=True)
class Night:
    """One night that was applied and read back."""

    planned: Planned
    run: PriorRun
    result: ApplyResult
    verified: VerifyResult

    @property
    def residual(self) -> dict[tuple[str, str | None], str]:
        """(key, attribute) → class of what is not as planned."""
        return {(row["key"], row["attribute"]): row["class"] for row in self.verified.records}


@dataclass
class Nights:
    """A tenant whose people are given, and a real directory."""

    folder: Path
    url: str
    users: list[dict[str, Any]] = field(default_factory=list)
    target: dict[str, Any] = field(default_factory=dict)
    beside: tuple[str, ...] = (PHONE, NICK)
    """What is managed beside the usual."""
    world: World = field(init=False)

    def __post_init__(self) -> None:
        """Limits are wide open: what is tried is the target."""
        more = [ManagedAttribute(path, source_columns=(_COLUMNS[path],)) for path in self.beside]
        by_hand = {path: _column(path) for path in self.beside}
        self.world = World(self.folder, attributes=(*ATTRIBUTES, *more), mapped=by_hand)
        self.world.settings = settings_for(Directory(url=self.url), limits=LOOSE, **self.target)

    def plan(self) -> Planned:
        """What tonight would do."""
        world = self.world
        world.users = [dict(user) for user in self.users]
        files = world.files()
        self._read(files)
        request = world.request(files)
        return Planned(files, make_plan(request) if world.runs else first_plan(request))

    def night(self) -> Night:
        """Plan, apply and verify."""
        return self.apply(self.plan())

    def roll_back(self, run: PriorRun, **wish: Any) -> Night:
        """Take ``run`` back."""
        files = self.world.files()
        self._read(files)
        request = RollbackRequest(
            files=files,
            attributes=self.world.attributes,
            schema=self.world.schema,
            settings=self.world.settings,
            history=History(tuple(self.world.runs)),
            at=self.world.at,
            undo=run,
            **wish,
        )
        return self.apply(Planned(files, make_rollback_plan(request)), kind=Kind.ROLLBACK)

    def apply(self, planned: Planned, *, kind: Kind = Kind.RECONCILE) -> Night:
        """Carry it out over HTTP, to the end."""
        world, files = self.world, planned.files
        work = plan_work(files)
        learned = last_learned(History(tuple(world.runs)), digest=world.schema.digest)
        try:
            result = apply_run(world.settings, files, work, stop=threading.Event(), learned=learned, pace=brisk())
        finally:
            work.close()
        assert not result.interrupted, result.errors
        verified = verify(world.settings, files, into=files.path / "verified-001.parquet")
        act = ActRecord(
            act=Act.PARTIALLY_APPLIED if result.is_partial else Act.APPLIED,
            number=1,
            at=world.at,
            who="tester",
            previous_sha256="",
            details=result.details,
        )
        run = world.seal(planned, kind=kind, acts=(act,))
        world.runs[0] = run = replace(run, state=str(act.act))
        return Night(planned, run, result, verified)

    def _read(self, files: Any) -> None:
        world = self.world
        history = History(tuple(world.runs))
        known, sought = known_links(history, files.work / "known_target.parquet"), names_not_created(history)
        by = world.settings.matching.by
        taken = snapshot(world.settings, world.attributes, by, files, known=known, sought=sought)
        world.schema = taken.schema


def writes(planned: Planned) -> dict[str, str]:
    """Key → decision of everybody a plan would write."""
    return {key: word for key, word in planned.decisions.items() if word in WRITING}


def _column(path: str) -> Any:
    return lambda user: user.get(_COLUMNS[path])


__all__ = ["MANAGER", "MOBILE", "NICK", "OF", "PHONE", "Night", "Nights", "writes"]
