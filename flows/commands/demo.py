"""``trueup demo``: the whole job on the sandbox, over HTTP, with the directory's own answers as the witness."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import httpx
from rich.rule import Rule
from rich.text import Text

from trueup.flows import configuration, screen
from trueup.flows.approving import Wish
from trueup.flows.commands.apply import apply_run
from trueup.flows.commands.approve import approve_run
from trueup.flows.commands.plan import make_plan
from trueup.flows.commands.rollback import Way, plan_rollback
from trueup.flows.commands.verify import verify_run
from trueup.flows.orchestrator import orchestrator
from trueup.reports.sentences import counted
from trueup.sandbox.tenant import edits
from trueup.transforms.errors import Failed
from trueup.transforms.vocabulary import Decision, Exit, Outcome

if TYPE_CHECKING:
    from pathlib import Path

    from trueup.sandbox import Sandbox
    from trueup.transforms.history import PriorRun

WHO = "demo reviewer"
PAGE = 100


def run_demo(folder: Path, *, users: int | None = None) -> int:
    """Play two days, a bad night and the way back; returns 0 when the directory's own answers bear it out."""
    from trueup.sandbox import running

    folder = folder.resolve()
    archive = folder / "runs"
    shutil.rmtree(archive, ignore_errors=True)
    archive.mkdir(parents=True)
    with running(users=users) as sandbox, sandbox.in_environment(), orchestrator() as server:
        config = folder / "trueup.toml"
        config.write_text(sandbox.configuration(archive), encoding="utf-8")
        _title("A tenant and a directory on loopback")
        _say(f"Entra ID sandbox {sandbox.graph_url}, SCIM directory {sandbox.scim_url}.")
        accounts, profiles = len(sandbox.tenant.users()), len(raw(sandbox))
        _say(f"{accounts} accounts; {profiles} profiles, half right and partly edited by hand.")
        server.ready()
        return Demo(sandbox, config).play()


class Demo:
    """One sitting of the demo."""

    def __init__(self, sandbox: Sandbox, config: Path) -> None:
        """Play on ``sandbox`` with the configuration file ``config``."""
        self.sandbox = sandbox
        self.config = config
        self.problems: list[str] = []

    def play(self) -> int:
        """All steps in order; returns the exit code."""
        first = self._first_run()
        self._held_person(first)
        self._again()
        self._bad_night()
        before = raw(self.sandbox)
        second = self._second_day(before)
        self._way_back(second, before)
        _title("The end")
        _say(f"Reports and archive: {self.config.parent}")
        _say(f"The report of the first run: {first.files.report_place}")
        for problem in self.problems:
            _say(f"NOT AS IT SHOULD BE: {problem}")
        return Exit.FAILED if self.problems else Exit.DONE

    def _first_run(self) -> PriorRun:
        _title("Night one: plan")
        self._expect(make_plan(self.config), {0, 3}, "the first plan")
        run = self._latest()
        _title("In the morning: approve, apply, verify")
        self._accept(run)
        self._expect(apply_run(self.config, run.run_id), {0}, "the first apply")
        self._expect(verify_run(self.config, run.run_id, as_json=False), {0}, "the first verify")
        return self._latest()

    def _held_person(self, run: PriorRun) -> None:
        from trueup.flows.commands.why import tell_why

        held = _one_with(run, Decision.HOLD)
        if held:
            _title("Somebody is held: why?")
            tell_why(self.config, held, run=run.run_id, as_json=False)

    def _again(self) -> None:
        _title("Plan again: nothing to do")
        self._expect(make_plan(self.config), {0}, "the second plan")
        self._check("the second plan found work again", holds=self._latest().manifest.outcome is Outcome.NOTHING_TO_DO)

    def _bad_night(self) -> None:
        from trueup.sandbox import sample

        _title("A bad night: half the tenant is missing at the source")
        before = raw(self.sandbox)
        with self.sandbox.tenant.undone_afterwards():
            edits.play(self.sandbox.tenant, sample.edits("bad_night_half_missing"))
            self._expect(make_plan(self.config), {3}, "the plan of the bad night")
        self._check("the bad night changed the directory", holds=raw(self.sandbox) == before)
        _say("Refused, and the directory is untouched: its own answers before and after are the same.")

    def _second_day(self, before: dict[str, Any]) -> PriorRun:
        from trueup.sandbox import sample

        _title("Day two: people moved, left, joined")
        edits.play(self.sandbox.tenant, sample.edits("second_day"))
        self._expect(make_plan(self.config), {0, 3}, "the plan of day two")
        run = self._latest()
        self._accept(run)
        self._expect(apply_run(self.config, run.run_id), {0}, "the apply of day two")
        after = raw(self.sandbox)
        more, differ = len(after) - len(before), differing(before, after)
        _say(f"The directory, asked directly: {counted(more, 'more profile')}, {differ} differ.")
        return self._latest()

    def _way_back(self, run: PriorRun, before: dict[str, Any]) -> None:
        _title("The way back: undo day two")
        self._expect(plan_rollback(self.config, Way(run=run.run_id)), {0, 3}, "the rollback's plan")
        undo = self._latest()
        self._accept(undo)
        self._expect(apply_run(self.config, undo.run_id), {0}, "the rollback's apply")
        after = raw(self.sandbox)
        left = differing(before, {key: after.get(key) for key in before})
        created = [profile for key, profile in after.items() if key not in before]
        self._check(f"{left} profiles are not as they were before day two", holds=left == 0)
        self._check("a created profile is still active", holds=not any(profile["active"] for profile in created))
        _say(
            f"The directory, asked directly: {len(before)} profiles are as they were before day two; "
            f"of those created that day ({len(created)}) none is active."
        )

    def _accept(self, run: PriorRun) -> None:
        limits = tuple(refusal.limit_name for refusal in run.manifest.refusals if refusal.overridable)
        prefix = run.manifest.fingerprint[:12]
        wish = Wish(who=WHO, allow=dict.fromkeys(limits, "This is a demonstration."), fingerprint=prefix)
        self._expect(approve_run(self.config, run.run_id, wish, as_json=False), {0}, "an approval")

    def _latest(self) -> PriorRun:
        from trueup.connectors.archive import open_archive

        return open_archive(configuration.load(self.config)).load("latest")

    def _expect(self, code: int, allowed: set[int], what: str) -> None:
        if code not in allowed:
            raise Failed(f"The demo stops: {what} ended with exit code {code}.")

    def _check(self, otherwise: str, *, holds: bool) -> None:
        if not holds:
            self.problems.append(otherwise)


def raw(sandbox: Sandbox) -> dict[str, Any]:
    """Every profile as the directory itself gives it over HTTP, by id, without what a server stamps on."""
    found: dict[str, Any] = {}
    headers = {"Authorization": f"Bearer {sandbox.scim_token}"}
    with httpx.Client(base_url=sandbox.scim_url, headers=headers, trust_env=False, timeout=30) as client:
        start = 1
        while True:
            page = client.get("/Users", params={"startIndex": start, "count": PAGE}).raise_for_status().json()
            resources = page.get("Resources", [])
            found.update({one["id"]: {k: v for k, v in one.items() if k != "meta"} for one in resources})
            start += len(resources)
            if not resources or start > page["totalResults"]:
                return found


def differing(before: dict[str, Any], after: dict[str, Any]) -> int:
    """How many profiles of ``before`` are not the same in ``after``."""
    return sum(1 for key, profile in before.items() if _text(profile) != _text(after.get(key)))


def _text(profile: Any) -> str:
    return json.dumps(profile, sort_keys=True, ensure_ascii=False)


def _one_with(run: PriorRun, decision: Decision) -> str:
    from trueup.transforms.duck.database import connect
    from trueup.transforms.duck.parquet import rows_of

    with connect(threads=1) as engine:
        row = engine.execute(
            f"SELECT key FROM {rows_of(run.files.decisions)} WHERE decision = ? ORDER BY key LIMIT 1", [decision.value]
        ).fetchone()
    return str(row[0]) if row else ""


def _title(text: str) -> None:
    screen.say("")
    screen.say(Rule(Text(text, style="bold"), align="left"))


def _say(text: str) -> None:
    screen.say(text)
