"""Whatever is wrong: the right exit code, a sentence on what to do, no traceback, nothing written, nothing lost."""

from __future__ import annotations

import json
import resource
import shutil
import socket
import subprocess
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.end_to_end.conftest import TRUEUP, Done
from trueup.sandbox import Fault

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.end_to_end.conftest import Office
    from tests.support.first_nights import Night


@pytest.fixture
def untouched(office: Office) -> Iterator[Office]:
    """The directory is asked before and after; whatever the test does, nothing may have been written to it."""
    before = office.everything()
    yield office
    assert office.everything() == before


@pytest.fixture
def untouched_night(planned: Night) -> Iterator[Night]:
    """The same, where the first night is planned."""
    yield planned
    assert planned.office.everything() == planned.before


def ends(done: Done, code: int, *words: str) -> None:
    assert done.code == code, (done.code, done.err, done.out[:500])
    for word in words:
        assert word in done.err + done.out, done.err
    if done.out.strip() and code in {1, 2}:
        json.loads(done.out)


def test_a_wrong_secret(untouched: Office) -> None:
    ends(untouched.trueup("plan", "--json", TRUEUP_CLIENT_SECRET="not-the-secret"), 1, "secret")
    sealed = untouched.trueup("runs", "--json").json
    assert [run["outcome"] for run in sealed] in ([], ["failed"])


def test_an_unknown_tenant(untouched: Office) -> None:
    untouched.configure(**{f'tenant_id = "{untouched.sandbox.tenant_id}"': 'tenant_id = "nobody.example"'})
    ends(untouched.trueup("plan", "--json"), 1, "tenant")


def test_an_unknown_client(untouched: Office) -> None:
    client = "00000000-0000-0000-0000-00000000dead"
    untouched.configure(**{f'client_id = "{untouched.sandbox.client_id}"': f'client_id = "{client}"'})
    ends(untouched.trueup("plan", "--json"), 1)


def test_an_unreachable_tenant(untouched: Office) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{taken.getsockname()[1]}"
        untouched.configure(**{f'graph_url = "{untouched.sandbox.graph_url}"': f'graph_url = "{nobody}"'})
        ends(untouched.trueup("plan", "--json"), 1, "reach")


def test_an_unreachable_target(untouched: Office) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{taken.getsockname()[1]}/scim/v2"
        untouched.configure(**{untouched.sandbox.scim_url: nobody})
        ends(untouched.trueup("plan", "--json"), 1, "reach")


def test_a_target_that_is_not_scim(untouched: Office) -> None:
    untouched.configure(**{f'url = "{untouched.sandbox.scim_url}"': f'url = "{untouched.sandbox.graph_url}/v1.0"'})
    ends(untouched.trueup("plan", "--json"), 1)


def test_a_wrong_target_token(untouched: Office) -> None:
    ends(untouched.trueup("plan", "--json", TRUEUP_SCIM_TOKEN="not-the-token"), 1, "token")


def test_an_unknown_enterprise_application(untouched: Office) -> None:
    untouched.configure(**{'enterprise_app = "Pingboard"': 'enterprise_app = "Pinboard"'})
    ends(untouched.trueup("plan", "--json"), 2, "Pinboard")


def test_a_misspelt_key(untouched: Office) -> None:
    untouched.configure(tenant_id="tennant_id")
    ends(untouched.trueup("plan", "--json"), 2, "tenant_id", "trueup.toml")


def test_a_secret_that_does_not_resolve(untouched: Office) -> None:
    untouched.configure(**{"env:TRUEUP_SCIM_TOKEN": "env:NOT_THERE"})
    ends(untouched.trueup("plan", "--json"), 2, "NOT_THERE", "target.token")


def test_an_expression_that_does_not_parse(untouched: Office) -> None:
    untouched.configure('[mapping.attributes]\n"title" = "Join([jobTitle]"\n')
    ends(untouched.trueup("plan", "--json"), 2, "title")


def test_an_unreadable_source_file(untouched: Office) -> None:
    untouched.configure(**{'kind = "entra"': 'kind = "file"\npath = "nowhere.json"'})
    done = untouched.trueup("plan", "--json")
    assert done.code in {1, 2}, done.err
    assert "nowhere.json" in done.err


def test_an_unknown_run(untouched: Office) -> None:
    for words in (("show", "20991231"), ("approve", "20991231"), ("apply", "20991231"), ("rollback", "20991231")):
        ends(untouched.trueup(*words), 2, "20991231")


def test_an_empty_tenant_is_refused(untouched: Office) -> None:
    untouched.sandbox.tenant.lose([user["id"] for user in untouched.sandbox.tenant.users()])
    done = untouched.trueup("plan", "--json")
    ends(done, 3)
    assert done.json["outcome"] == "refused"


def test_nobody_in_scope_is_refused(untouched: Office) -> None:
    untouched.configure(**{'scope = "assigned"': 'scope = "assigned"\nfilters = [["department EQUALS Nowhere"]]'})
    done = untouched.trueup("plan", "--json")
    ends(done, 3)
    assert done.json["outcome"] == "refused"


def test_a_count_that_never_agrees_is_refused(untouched: Office) -> None:
    untouched.sandbox.tenant.faults.add(Fault("wrong_count", path="/users/[$]count", times=-1, amount=3))
    done = untouched.trueup("plan", "--json")
    assert done.code in {0, 3}
    if done.code == 0:
        manifest = json.loads((untouched.run_folder(done.json) / "manifest.json").read_text(encoding="utf-8"))
        assert "count" in json.dumps(manifest["completeness"]["source"])


def test_a_full_disk_never_leaves_half_a_run(untouched: Office) -> None:
    def tiny() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

    import os

    done = subprocess.run(
        [TRUEUP, "plan", "--json"],
        cwd=untouched.folder,
        env={**os.environ, **untouched.sandbox.environment, **untouched.environment},
        capture_output=True,
        text=True,
        preexec_fn=tiny,
        timeout=240,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert untouched.trueup("runs", "--json").code == 0
    assert untouched.trueup("verify", "--archive", "--json").code == 0


def damage(office: Office, plan: Any, name: str) -> None:
    path = office.run_folder(plan) / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.chmod(0o600)
    path.write_bytes(bytes(content))


def test_a_damaged_run_is_refused_by_name_at_every_door(untouched_night: Night) -> None:
    untouched, plan = untouched_night.office, untouched_night.plan
    untouched.accept(plan)
    folder = untouched.run_folder(plan)
    saved = folder.with_name("saved")
    shutil.copytree(folder, saved)
    for name in ("changes.parquet", "decisions.parquet", "mapping.sql", "report.html"):
        damage(untouched, plan, name)
        ends(untouched.trueup("apply", plan["run_id"]), 3, name)
        shutil.rmtree(folder)
        shutil.copytree(saved, folder)
    (folder / "target.parquet").unlink()
    ends(untouched.trueup("apply", plan["run_id"]), 3, "target.parquet")
    shutil.copy2(saved / "target.parquet", folder / "target.parquet")
    (folder / "extra.parquet").write_bytes(b"smuggled")
    ends(untouched.trueup("apply", plan["run_id"]), 3, "extra.parquet")
    shutil.rmtree(saved)


def test_no_approval_a_wrong_fingerprint_a_changed_configuration_and_an_overtaken_plan_are_refused(
    untouched_night: Night,
) -> None:
    untouched, plan = untouched_night.office, untouched_night.plan
    ends(untouched.trueup("apply", plan["run_id"]), 3, "not approved")
    ends(untouched.trueup("approve", plan["run_id"], "--as", "A", "--fingerprint", "0123456789"), 3, "fingerprint")
    untouched.accept(plan)
    untouched.configure("[deprovision]\nleavers = 'delete'\n")
    ends(untouched.trueup("apply", plan["run_id"]), 3, "deprovision")
    untouched.configure()
    later = untouched.plan()
    ends(untouched.trueup("apply", plan["run_id"]), 3, later["run_id"])
    ends(untouched.trueup("approve", plan["run_id"], "--as", "A"), 3)
    assert untouched.trueup("reject", later["run_id"], "--as", "A", "--reason", "no").code == 0
    ends(untouched.trueup("approve", later["run_id"], "--as", "A"), 3, "rejected")


def test_a_file_of_an_earlier_run_that_was_changed(applied: Night) -> None:
    """A plan rests on it: who is whose, what was approved. Nobody plans by what may be somebody else's."""
    office, plan = applied.office, applied.plan
    before = office.everything()
    links, decisions = (office.run_folder(plan) / f"{name}.parquet" for name in ("links", "decisions"))
    for path in (links, decisions):
        path.chmod(0o600)
    kept = links.read_bytes(), decisions.read_bytes()
    table = pq.read_table(links)
    values = table.column("profile_id").to_pylist()
    swapped = pa.array([*values[1:], values[0]], pa.string())
    pq.write_table(table.set_column(table.column_names.index("profile_id"), "profile_id", swapped), links)
    ends(office.trueup("plan", "--json"), 3, "damaged: links.parquet is not what was written")
    links.write_bytes(kept[0])
    decisions.write_bytes(kept[1][: len(kept[1]) // 2])
    ends(office.trueup("plan", "--json"), 3, "damaged: decisions.parquet is not what was written")
    decisions.write_bytes(kept[1])
    assert office.plan()["outcome"] == "nothing_to_do"
    assert office.everything() == before
