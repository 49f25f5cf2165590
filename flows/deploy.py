"""``trueup deploy``: one Prefect deployment per target on a work pool, so that any worker of it runs any night."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trueup.flows import flow_runs, screen
from trueup.flows.bundle import Bundle, Carried, gather
from trueup.flows.orchestrator import orchestrator
from trueup.flows.prefect_settings import ON_A_WORKER
from trueup.transforms.errors import Misused, Refusal, Refused
from trueup.transforms.targets import same_target
from trueup.transforms.vocabulary import Exit, Kind

if TYPE_CHECKING:
    from pathlib import Path

    from prefect.client.schemas.responses import DeploymentResponse


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for, of every configuration alike."""

    pool: str
    cron: str = ""
    """In place of ``[schedule] cron``."""
    host: str = ""
    """The one host whose folders the archives are."""


@dataclass(frozen=True, slots=True)
class _Plan:
    """One deployment that is about to be made."""

    config: Path
    bundle: Bundle
    carried: Carried
    found: DeploymentResponse | None
    """What there is of it already."""

    @property
    def name(self) -> str:
        return flow_runs.deployment_name(self.bundle.settings)


def deploy_command(configs: tuple[Path, ...], wish: Wish, *, as_json: bool) -> int:
    """Deploy all of them, or none where anything is wrong with one; returns the exit code."""
    bundles = [(config, gather(config, cron=wish.cron)) for config in configs]
    carried = [bundle.carried(host=wish.host) for _, bundle in bundles]
    _refuse_doubles([(config, one.target) for (config, _), one in zip(bundles, carried, strict=True)])
    _refuse_one_name([(config, flow_runs.deployment_name(bundle.settings)) for config, bundle in bundles])
    if not os.environ.get("PREFECT_API_URL"):
        raise Misused(
            "PREFECT_API_URL is not set: a deployment needs a Prefect server that its workers reach.",
            remedy="Set it, such as http://prefect:4200/api. For one target on this host: trueup serve",
        )
    with orchestrator() as server:
        server.ready()
        _refuse_no_pool(wish.pool)
        plans = [_planned(*pair, one) for pair, one in zip(bundles, carried, strict=True)]
        for plan in plans:
            plan.bundle.put()
        from trueup.flows.automations import see_to_automations

        see_to_automations()
        _look_after(wish.pool)
        rows = [_deploy(plan, wish.pool) for plan in plans]
    if as_json:
        screen.document(rows)
        return Exit.DONE
    for row in rows:
        paused = "; paused in Prefect, and stays so" if row["paused"] else ""
        screen.say(
            f"{row['deployment']}: {row['cron']} ({row['timezone']}), configuration {row['digest'][:12]}{paused}"
        )
    screen.say(f"Nights of {len(rows)} targets wait for workers: prefect worker start --pool '{wish.pool}'")
    return Exit.DONE


def _refuse_doubles(targets: list[tuple[Path, str]]) -> None:
    for target, configs in _shared(targets):
        raise Misused(
            f"{len(configs)} of the configurations mean one target, {target}: {', '.join(configs)}.",
            remedy="Two deployments of one target would each plan its nights. Leave one out.",
        )


def _refuse_one_name(names: list[tuple[Path, str]]) -> None:
    """Return where no deployment would take another's place."""
    for name, configs in _shared(names):
        raise Misused(
            f"{len(configs)} targets would have one name in Prefect, {name}: {', '.join(configs)}.",
            remedy="Their addresses differ too little. Deploy them on Prefect servers of their own.",
        )


def _shared(said: list[tuple[Path, str]]) -> list[tuple[str, list[str]]]:
    """What several configurations say, with those that say it."""
    configs: dict[str, list[str]] = {}
    for config, one in said:
        configs.setdefault(one, []).append(str(config))
    return [(one, names) for one, names in configs.items() if len(names) > 1]


def _refuse_no_pool(pool: str) -> None:
    from prefect.exceptions import ObjectNotFound

    with flow_runs.client() as api:
        try:
            found = api.read_work_pool(pool)
        except ObjectNotFound:
            raise Misused(
                f"There is no work pool {pool!r} on this Prefect server.",
                remedy=f"Make it: prefect work-pool create '{pool}' --type process",
            ) from None
    if found.is_paused:
        screen.note(f"The work pool {pool} is paused: no night begins until it is resumed in Prefect.")


def _planned(config: Path, bundle: Bundle, carried: Carried) -> _Plan:
    """What is to be made of it, where nothing else plans the same target.

    Raises:
        Refused: something else does.
    """
    own = flow_runs.deployment_name(bundle.settings)
    found = None
    for one in flow_runs.nights_deployed(bundle.settings):
        said = one.parameters.get("deployed")
        name = f"nightly/{one.name}"
        if not said:
            raise _refused(f"trueup serve plans {carried.target} already, as {name}.", name, "Stop that service")
        if Carried.of(said).target != carried.target:
            if one.name == own:
                raise _another_of_that_name(name, Carried.of(said).target)
            continue
        if Carried.of(said).archive != carried.archive:
            raise _refused(
                f"{carried.target} is deployed already, as {name}, with another archive: {Carried.of(said).archive}.",
                name,
                "See which archive has the nights that were applied",
            )
        found = one if one.name == own else found
    return _Plan(config, bundle, carried, found)


def _another_of_that_name(name: str, target: str) -> Refused:
    return Refused(
        Refusal(
            "deployed_already",
            f"{name} has the name that this target's deployment would have, and plans {target}.",
            remedy="It would lose its nights. Deploy this one on another Prefect server; or, if its address was only "
            f"corrected, first: prefect deployment delete '{name}'",
        )
    )


def _refused(message: str, name: str, first: str) -> Refused:
    return Refused(
        Refusal(
            "deployed_already",
            f"{message} Two would each plan by links that the other one changes.",
            remedy=f"{first}; then: prefect deployment delete '{name}', and deploy again.",
        )
    )


def _deploy(plan: _Plan, pool: str) -> dict[str, Any]:
    from prefect.schedules import Cron
    from prefect.types.entrypoint import EntrypointType

    from trueup.flows.automations import TAG
    from trueup.flows.nightly import nightly
    from trueup.flows.serve import is_active
    from trueup.flows.watch import is_paused

    settings = plan.bundle.settings
    made = nightly.to_deployment(
        name=plan.name,
        schedule=Cron(settings.schedule.cron, timezone=settings.schedule.timezone, active=is_active(plan.found)),
        paused=plan.found is not None and plan.found.paused,
        parameters={"deployed": plan.carried.as_parameter()},
        concurrency_limit=None,
        entrypoint_type=EntrypointType.MODULE_PATH,
        tags=[*flow_runs.tags_of(settings, Kind.RECONCILE), TAG],
        work_pool_name=pool,
        job_variables={"env": ON_A_WORKER},
        description="Plans the night that is due, on any worker. Applies only under [approval.auto].",
    )
    if isinstance(made, Coroutine):  # only inside an event loop
        raise TypeError(plan.name)
    made.apply()
    return {
        "config": str(plan.config),
        "deployment": f"nightly/{plan.name}",
        "target": same_target(settings.target.url),
        "archive": plan.carried.archive,
        "digest": plan.carried.digest,
        "cron": settings.schedule.cron,
        "timezone": settings.schedule.timezone,
        "paused": plan.found is not None and is_paused(plan.found),
    }


def _look_after(pool: str) -> None:
    """Somebody looks after all targets of the pool once an hour; what a person paused stays paused."""
    from prefect.exceptions import ObjectNotFound
    from prefect.schedules import Cron
    from prefect.types.entrypoint import EntrypointType

    from trueup.flows import look_after
    from trueup.flows.automations import LOOK_TAG
    from trueup.flows.serve import is_active

    found = None
    with flow_runs.client() as api, contextlib.suppress(ObjectNotFound):
        found = api.read_deployment_by_name(f"{look_after.NAME}/{pool}")
    made = look_after.look_after.to_deployment(
        name=pool,
        schedule=Cron(look_after.CRON, timezone="UTC", active=is_active(found)),
        paused=found is not None and found.paused,
        parameters={"pool": pool},
        concurrency_limit=None,
        entrypoint_type=EntrypointType.MODULE_PATH,
        tags=[flow_runs.TAG, LOOK_TAG],
        work_pool_name=pool,
        job_variables={"env": ON_A_WORKER},
        description="Tells [notify] of each target that no night has succeeded for long, and of plans that wait.",
    )
    if isinstance(made, Coroutine):  # only inside an event loop
        raise TypeError(pool)
    made.apply()
