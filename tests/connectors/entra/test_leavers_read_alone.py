"""A few people asked for by id: what is concluded of them alone, and when everybody must be read instead."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from pyarrow import parquet

from tests.support.sandbox import small_company, uid
from trueup.connectors.source import NotAlone, SourceRequest, leavers
from trueup.sandbox import DirectoryData, running
from trueup.sandbox.tenant.faults import Fault
from trueup.transforms.attributes import CHECKED
from trueup.transforms.errors import Refused
from trueup.transforms.run_files import RunFiles
from trueup.transforms.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from trueup.connectors.source import SourceSnapshot
    from trueup.sandbox import Sandbox

LEAVER, DELETED, PURGED, STAYS = uid(5), uid(7), uid(8), uid(4)


@contextmanager
def company() -> Iterator[Sandbox]:
    """Number 5 is disabled, 7 lies in the bin, 8 is gone for good."""
    with running(tenant=small_company(), directory=DirectoryData()) as sandbox, sandbox.in_environment():
        sandbox.tenant.delete(DELETED)
        sandbox.tenant.delete(PURGED)
        sandbox.tenant.purge(PURGED)
        sandbox.tenant.requests.clear()
        yield sandbox


def asked(
    sandbox: Sandbox, folder: Path, named: Mapping[str, Sequence[str]], name: str = "run"
) -> tuple[SourceSnapshot, RunFiles]:
    files = RunFiles(folder / name)
    files.work.mkdir(parents=True)
    given = {
        "kind": "entra",
        "tenant_id": sandbox.tenant_id,
        "client_id": sandbox.client_id,
        "client_secret": f"env:{next(iter(sandbox.environment))}",
        "graph_url": sandbox.graph_url,
        "login_url": sandbox.login_url,
    }
    settings = Settings.model_validate({"source": given})
    return leavers(settings, SourceRequest(frozenset(CHECKED)), files, named), files


def test_disabled_and_deleted_are_told_apart_and_nobody_else_is_read(tmp_path: Path) -> None:
    with company() as sandbox:
        named = {"person5@contoso.example": [LEAVER], DELETED: [DELETED]}
        found, files = asked(sandbox, tmp_path, named)
        rows = parquet.read_table(files.source).to_pylist()
        assert [(row["id"], row["accountEnabled"], row["assigned"]) for row in rows] == [(LEAVER, False, None)]
        absent = {row["key"]: row["state"] for row in parquet.read_table(files.work_absent).to_pylist()}
        assert absent == {DELETED: "deleted"}
        assert found.users == 1
        assert found.completeness["proof"] == "asked_by_id"
        told = " ".join(seen.path for seen in sandbox.tenant.requests)
        assert "appRoleAssignedTo" not in told
        assert "members" not in told
        # Nobody left at all: the file is there, with all its columns and no row.
        found, files = asked(sandbox, tmp_path, {DELETED: [DELETED]}, "none")
        assert (found.users, parquet.read_table(files.source).num_rows) == (0, 0)
        assert "userPrincipalName" in parquet.read_schema(files.source).names


def test_whoever_stays_or_shares_a_name_is_not_judged_alone(tmp_path: Path) -> None:
    with company() as sandbox:
        with pytest.raises(NotAlone, match="people who stay"):
            asked(sandbox, tmp_path, {LEAVER: [LEAVER], STAYS: [STAYS]}, "stays")
        with pytest.raises(NotAlone, match="belongs to somebody else"):
            asked(sandbox, tmp_path, {"person4@contoso.example": [LEAVER]}, "borne")


def test_whoever_is_neither_there_nor_in_the_bin_is_judged_beside_everybody(tmp_path: Path) -> None:
    """Two answers of 404, a moment apart, may be one bad moment of Graph's; the whole list would tell."""
    with company() as sandbox, pytest.raises(NotAlone, match="nor among the deleted"):
        asked(sandbox, tmp_path, {PURGED: [PURGED]})


def test_a_404_that_graph_itself_contradicts_takes_nobody_away(tmp_path: Path) -> None:
    with company() as sandbox:
        sandbox.tenant.faults.add(Fault("status", rf"GET /v1\.0/users/{STAYS}\?", times=-1, status=404))
        with pytest.raises(NotAlone, match="contradicts itself"):
            asked(sandbox, tmp_path, {STAYS: [STAYS]})


def test_a_graph_that_finds_nobody_by_id_proves_nobody_gone(tmp_path: Path) -> None:
    with company() as sandbox:
        sandbox.tenant.faults.add(Fault("status", rf"GET /v1\.0/users/{STAYS}\?", times=-1, status=404))
        sandbox.tenant.faults.add(Fault("status", r"/users/", times=-1, status=404, within_batch=True))
        with pytest.raises(Refused, match="did not find by id a user it had just listed"):
            asked(sandbox, tmp_path, {STAYS: [STAYS]})
