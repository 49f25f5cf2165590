"""``trueup deploy`` and ``trueup runs`` of a folder, against a Prefect server and no worker."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING, Any

import httpx

if TYPE_CHECKING:
    from pathlib import Path

    from tests.end_to_end.conftest import Done, Office

HERE = socket.gethostname()


def api(office: Office, path: str, document: Any = None, *, method: str = "POST") -> Any:
    url = f"{office.environment['PREFECT_API_URL']}{path}"
    answer = httpx.request(method, url, json=document, trust_env=False, timeout=60)
    assert answer.is_success, answer.text
    return answer.json() if answer.content else None


def deployment(office: Office) -> dict[str, Any]:
    host = office.sandbox.scim_url.split("/")[2]
    found: dict[str, Any] = api(office, f"/deployments/name/nightly/{host}", method="GET")
    return found


def deploy(office: Office, *words: str, pool: str) -> Done:
    return office.trueup("deploy", "trueup.toml", "--pool", pool, "--single-host", HERE, *words)


def refused_for_its_name(office: Office, other: Path, pool: str) -> None:
    """Another target of that host whose deployment would take the first one's place."""
    bare = other.read_text(encoding="utf-8").replace(
        office.sandbox.scim_url, office.sandbox.scim_url[: -len("/scim/v2")]
    )
    other.write_text(bare, encoding="utf-8")
    same_name = office.trueup("deploy", "other.toml", "--pool", pool, "--single-host", HERE)
    assert same_name.code == 3, same_name.err
    assert "has the name that this target's deployment would have" in same_name.err
    both = office.trueup("deploy", "trueup.toml", "other.toml", "--pool", pool, "--single-host", HERE)
    assert both.code == 2, both.err
    assert "would have one name in Prefect" in both.err


def only_what_is_deployed_stays(office: Office, *, deployed: str, before: str) -> None:
    """What no deployment carries any more goes with ``prune``; where nobody can say what is used, all stays."""
    place = office.archive / "configurations"
    assert {path.stem for path in place.iterdir()} == {deployed, before}
    unknown = office.trueup("prune", "--yes", "--json", PREFECT_API_URL="")
    assert (unknown.code, unknown.json["configurations"]) == (0, []), unknown.err
    assert unknown.json["configurations_kept"].startswith("2 deployed configurations kept: which are used is known by")
    shown = office.trueup("prune")
    assert "Would remove 1 deployed configuration that no deployment uses any more." in shown.out
    assert "trueup prune --yes" in shown.out
    assert len(list(place.iterdir())) == 2
    assert office.trueup("prune", "--yes", "--json").json["configurations"] == [f"{before}.json"]
    assert [path.stem for path in place.iterdir()] == [deployed]


def test_a_target_is_deployed_once_stays_paused_and_two_archives_are_refused(office: Office) -> None:
    pool = f"pool-{office.sandbox.scim_url.rpartition(':')[2].split('/')[0]}"
    missing = deploy(office, pool=pool)
    assert missing.code == 2
    assert f"There is no work pool '{pool}'" in missing.err
    assert not (office.archive / "configurations").exists(), "nothing was written"
    api(office, "/work_pools/", {"name": pool, "type": "process"})
    done = deploy(office, "--json", "--schedule", "15 2 * * *", pool=pool)
    assert done.code == 0, done.err
    [row] = done.json
    first = deployment(office)
    assert (first["work_pool_name"], first["entrypoint"]) == (pool, "trueup.flows.nightly.nightly")
    assert first["parameters"]["deployed"]["digest"] == row["digest"]
    assert first["schedules"][0]["schedule"]["cron"] == "15 2 * * *"
    assert not any(secret in json.dumps(first) for secret in (office.sandbox.scim_token, office.sandbox.client_secret))
    names = {one["name"] for one in api(office, "/automations/filter", {}) if one["name"].startswith("trueup: ")}
    assert len(names) == 3

    # Paused in Prefect, switched off, and changed: deployed again it is the new configuration, and still paused.
    [schedule] = first["schedules"]
    api(office, f"/deployments/{first['id']}/schedules/{schedule['id']}", {"active": False}, method="PATCH")
    [lost] = [one for one in api(office, "/automations/filter", {}) if one["name"].endswith("once more")]
    api(office, f"/automations/{lost['id']}", {"enabled": False}, method="PATCH")
    office.configure(more="[limits]\ndeactivate = 3\n")
    again = deploy(office, pool=pool)
    assert again.code == 0, again.err
    assert "paused in Prefect, and stays so" in again.out
    second = deployment(office)
    assert second["id"] == first["id"]
    assert second["parameters"]["deployed"]["digest"] != row["digest"]
    assert [one["active"] for one in second["schedules"]] == [False]
    automations = [one for one in api(office, "/automations/filter", {}) if one["name"].startswith("trueup: ")]
    assert len(automations) == 3
    assert [one["enabled"] for one in automations if one["name"].endswith("once more")] == [False]

    only_what_is_deployed_stays(office, deployed=second["parameters"]["deployed"]["digest"], before=row["digest"])

    # The same target with another archive, or twice at once.
    other = office.folder / "other.toml"
    other.write_text(office.sandbox.configuration(office.folder / "other-runs"), encoding="utf-8")
    twice = office.trueup("deploy", "trueup.toml", "other.toml", "--pool", pool, "--single-host", HERE)
    assert twice.code == 2
    assert "2 of the configurations mean one target" in twice.err
    taken = office.trueup("deploy", "other.toml", "--pool", pool, "--single-host", HERE)
    assert taken.code == 3
    assert "is deployed already" in taken.err
    refused_for_its_name(office, other, pool)
    assert not (office.folder / "other-runs").exists(), "nothing was written"
    alone = office.trueup("deploy", "trueup.toml", "--pool", pool)
    assert alone.code == 2
    assert "--single-host NAME" in alone.err
    assert office.trueup("deploy", "trueup.toml", "--pool", pool, PREFECT_API_URL="").code == 2
    assert deployment(office)["parameters"] == second["parameters"]


def test_all_targets_of_a_folder_are_shown_and_a_broken_one_ends_nothing(office: Office) -> None:
    plan = office.plan()
    folder = office.folder / "targets"
    (folder / "berlin").mkdir(parents=True)
    (folder / "berlin" / "trueup.toml").write_text(office.config.read_text(encoding="utf-8"), encoding="utf-8")
    new = office.sandbox.configuration(folder / "nowhere").replace(office.sandbox.scim_url, "https://new.example/v2")
    (folder / "new.toml").write_text(new, encoding="utf-8")
    (folder / "broken.toml").write_text("[source]\nkind = 'entra", encoding="utf-8")
    told = office.trueup("runs", "--config", str(folder), "--json")
    assert told.code == 0, told.err
    rows = {row["config"]: row for row in told.json}
    assert set(rows) == {"berlin/trueup.toml", "broken.toml", "new.toml"}
    berlin = rows["berlin/trueup.toml"]
    assert (berlin["run_id"], berlin["state"], berlin["waits"]) == (plan["run_id"], plan["outcome"], plan["run_id"])
    assert 0 <= berlin["age_seconds"] < 600
    assert rows["new.toml"]["run_id"] is rows["new.toml"]["error"] is None
    assert "is not valid TOML" in rows["broken.toml"]["error"]
    assert not (folder / "nowhere").exists(), "a look makes nothing"

    shown = office.trueup("runs", "--config", str(folder))
    assert shown.code == 0
    assert f"{plan['run_id']}  {plan['outcome']}" in shown.out
    assert "no runs yet" in shown.out
    assert "broken.toml: " in shown.err
    other = office.trueup("plan", "--config", str(folder))
    assert other.code == 2
    assert f"trueup runs --config {folder}" in other.err
    empty = office.folder / "empty"
    empty.mkdir()
    assert office.trueup("runs", "--config", str(empty)).code == 2
