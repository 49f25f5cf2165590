"""Reading a pretend tenant the way a run does, with a clock that sleeps in no time."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from pyarrow import parquet

from tests.support.graph_server import CLIENT, SECRET, TENANT, Tenant, serving
from trueup.connectors.entra.retry import RetryPolicy
from trueup.connectors.entra.tenant import read_tenant
from trueup.connectors.source_request import SourceRequest, SourceSnapshot
from trueup.transforms.attributes import CHECKED
from trueup.transforms.progress import silent
from trueup.transforms.run_files import RunFiles
from trueup.transforms.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

COLUMNS = frozenset({*CHECKED, "businessPhones", "mobilePhone", "officeLocation", "extensionAttribute1", "division"})


@dataclass
class Clock:
    """Real time plus everything that was slept."""

    slept: list[float] = field(default_factory=list)

    def now(self) -> float:
        return time.monotonic() + sum(self.slept)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await asyncio.sleep(0)


def patience(clock: Clock | None = None, **other: Any) -> RetryPolicy:
    clock = clock or Clock()
    return replace(RetryPolicy(), now=clock.now, sleep=clock.sleep, **other)


def configured(url: str, **source: Any) -> Settings:
    given = {
        "tenant_id": TENANT,
        "client_id": CLIENT,
        "client_secret": "env:TRUEUP_TEST_SECRET",
        "graph_url": url,
        "login_url": url,
        "scope": "all",
        **source,
    }
    return Settings.model_validate({"source": given})


@dataclass(frozen=True)
class Outcome:
    """A snapshot and what lies on disk."""

    snapshot: SourceSnapshot
    files: RunFiles

    @property
    def rows(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = parquet.read_table(self.files.source).to_pylist()
        return rows

    @property
    def by_id(self) -> dict[str, dict[str, Any]]:
        return {row["id"]: row for row in self.rows}

    @property
    def problems(self) -> list[tuple[str, str, str]]:
        return [
            (r["key"], r["attribute"], r["problem"]) for r in parquet.read_table(self.files.work_problems).to_pylist()
        ]

    @property
    def absent(self) -> dict[str, str]:
        return {row["key"]: row["state"] for row in parquet.read_table(self.files.work_absent).to_pylist()}


def links(path: Path, ids: list[str]) -> Path:
    place = path / "links-before.parquet"
    parquet.write_table(pa.table({"source_id": pa.array(ids, pa.string())}), place)
    return place


def read(
    tenant: Tenant,
    folder: Path,
    *,
    clock: Clock | None = None,
    request: SourceRequest | None = None,
    url: str = "",
    name: str = "run",
    bounds: dict[str, Any] | None = None,
    **source: Any,
) -> Outcome:
    """One read of ``tenant`` into ``folder``; serves it unless ``url`` says where it is served."""
    files = RunFiles(folder / name)
    files.work.mkdir(parents=True, exist_ok=True)
    request = request or SourceRequest(COLUMNS)

    def go(address: str) -> SourceSnapshot:
        return asyncio.run(
            read_tenant(
                configured(address, **source),
                request,
                files,
                progress=silent,
                patience=patience(clock, **(bounds or {})),
            )
        )

    if url:
        return Outcome(go(url), files)
    with serving(tenant) as address:
        return Outcome(go(address), files)


__all__ = ["COLUMNS", "SECRET", "Clock", "Outcome", "configured", "links", "patience", "read"]
