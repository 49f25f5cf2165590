"""Approving, rejecting and keeping the archive by the command line, on real sealed runs; no server is asked."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.support.archive_runs import Person, applied, begin_journal, manifest_of, write_people
from tests.support.at_rest import a_key, in_clear, whole_run
from trueup.connectors.archive import add_act, apply_lock, open_archive, seal
from trueup.connectors.archive.unfinished import died
from trueup.flows import configuration
from trueup.transforms.errors import Refusal
from trueup.transforms.fingerprint import fingerprint
from trueup.transforms.history import last_learned
from trueup.transforms.vocabulary import Act, Kind, Outcome

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.warm_commands import Warm
    from trueup.connectors.archive import Archive
    from trueup.transforms.history import PriorRun
    from trueup.transforms.settings import Settings

LIMIT = Refusal("limit_deactivate", "the plan deactivates 2 of 9 profiles", 0.2, 0.05, overridable=True)
PEOPLE = (
    Person("boss", "create", {"userName": (None, "boss@x.example")}, "boss@x.example"),
    Person("k-1", "update", {"manager": (None, "boss"), "title": ("a", "b")}, "ann@x.example", "p-1"),
    Person("k-2", "update", {"title": ("a", "b")}, "<b>bob</b>@x.example", "p-2"),
)


@dataclass
class Desk:
    folder: Path
    settings: Settings
    archive: Archive
    warm: Warm

    def trueup(self, *words: str, code: int = 0) -> str:
        done = self.warm.run(words, self.folder, {**os.environ, "T": "secret"})
        assert "Traceback" not in done.stderr + done.stdout, done.stderr
        assert done.returncode == code, (words, done.returncode, done.stdout, done.stderr)
        return done.stdout + (done.stderr if code else "")

    def json(self, *words: str, code: int = 0) -> Any:
        out = self.trueup(*words, "--json", code=code)
        # Of a command that failed, ``trueup`` also tells what stood on stderr.
        return json.JSONDecoder().raw_decode(out)[0] if code else json.loads(out)

    def configure(self, more: str = "") -> None:
        text = '[source]\nkind = "file"\npath = "users.json"\nscope = "all"\n'
        text += '[target]\nurl = "http://127.0.0.1:9/scim/v2"\ntoken = "env:T"\n'
        (self.folder / "trueup.toml").write_text(text + more, encoding="utf-8")
        self.settings = configuration.load(self.folder / "trueup.toml")

    def run(self, *refusals: Refusal, at: datetime | None = None, **facts: Any) -> PriorRun:
        moment = at or datetime.now(UTC)
        files = self.archive.new_run(facts.get("kind", Kind.RECONCILE), moment)
        write_people(files, PEOPLE)
        for path in (files.source, files.target):
            pq.write_table(pa.table({"id": ["1", "2"]}), path)
        files.mapping_sql.write_text("SELECT 1", encoding="utf-8")
        digest = configuration.digest(self.settings)
        said = {
            "target": self.settings.target.url,
            "started": moment,
            "sealed": moment,
            "configuration_digest": digest,
            "configuration": self.settings.what_matters(),
            "fingerprint": fingerprint(files, digest),
            "outcome": Outcome.REFUSED if refusals else Outcome.READY,
            "refusals": refusals,
        }
        seal(files, manifest_of(files, **{**said, **facts}))
        return self.archive.load(files.run_id)

    def act(self, run: PriorRun) -> Any:
        return self.archive.load(run.run_id).acts[-1].model_dump(mode="json")


@pytest.fixture
def desk(tmp_path: Path, warm: Warm) -> Desk:
    (tmp_path / "users.json").write_text("[]", encoding="utf-8")
    desk = Desk.__new__(Desk)
    desk.folder, desk.warm = tmp_path, warm
    desk.configure()
    desk.archive = open_archive(desk.settings)
    return desk


def test_doctor_relearn_notes_that_what_was_learnt_is_forgotten_and_changes_nothing_sealed(desk: Desk) -> None:
    target = desk.settings.target.url

    def said() -> str:
        return str(
            next(line["text"] for line in desk.json("doctor", "--relearn", code=1) if "learnt" in line["subject"])
        )

    assert said().startswith("Nothing was learnt of this target yet")
    run = applied(desk.archive, desk.run())
    learnt = {"dialect": {"forms": {"title": "put"}, "not_kept": ["nickName"]}}
    add_act(run, Act.APPLIED, "trueup", at=datetime.now(UTC), details=learnt)
    with apply_lock(desk.archive.path, target, "apply"):
        assert "apply_running" in desk.trueup("doctor", "--relearn", "--json", code=3)
    assert last_learned(desk.archive.history(target)) == learnt["dialect"]
    assert said().startswith("Forgotten: how best to write 1 attribute, and 1 attribute that the target did not keep.")
    act = desk.act(run)
    assert (act["act"], desk.archive.load(run.run_id).state) == ("forgotten", "applied")
    assert last_learned(desk.archive.history(target)) is None
    desk.trueup("verify", "--archive")
    assert said().startswith("Nothing was learnt of this target yet")


def test_an_approval_says_who_what_and_until_when(desk: Desk) -> None:
    run = desk.run()
    (desk.folder / "out.txt").write_text("boss\n\n<b>bob</b>@x.example\n", encoding="utf-8")
    prefix = run.manifest.fingerprint[:10]
    desk.trueup("approve", run.run_id, "--as", "Ann", "--exclude", "@out.txt", "--fingerprint", prefix)
    act = desk.act(run)
    assert (act["act"], act["who"], act["fingerprint"]) == ("approved", "Ann", run.manifest.fingerprint)
    assert act["details"]["exclude"] == ["boss", "k-2"]
    left = {(row["key"], row["attribute"]) for row in act["details"]["left_out"]}
    assert left == {("boss", None), ("k-1", "manager"), ("k-2", None)}
    until = datetime.fromisoformat(act["details"]["expires"]) - datetime.fromisoformat(act["at"])
    assert until == timedelta(hours=24)
    [row] = desk.json("runs")
    assert (row["state"], row["approved_by"]) == ("approved", ["Ann"])
    assert "Ann" in desk.trueup("runs")
    again = desk.trueup("approve", run.run_id, "--as", "Ann")
    assert "Ann had approved it already" in again
    assert "already" not in desk.trueup("approve", run.run_id, "--as", "Bo")
    assert desk.json("runs")[0]["approved_by"] == ["Ann", "Bo"]


KILLED = """
import os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from trueup.connectors.archive.archive import Archive
from trueup.transforms.vocabulary import Kind
Archive(Path(sys.argv[1])).new_run(Kind.RECONCILE, datetime.now(UTC))
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_the_next_command_tells_of_a_run_whose_process_died(desk: Desk) -> None:
    run = desk.run()
    subprocess.run([sys.executable, "-c", KILLED, str(desk.archive.path)], check=False)
    (one,) = died(desk.archive.path)
    for words, code in (
        (("runs",), 0),
        (("plan",), 1),
        (("apply", run.run_id), 3),
        (("rollback", "--before", "2001"), 2),
    ):
        done = desk.warm.run(words, desk.folder, {**os.environ, "T": "secret"})
        assert done.returncode == code, (words, done.stdout, done.stderr)
        assert done.stderr.count(f"{one.text} {one.remedy}") == 1, (words, done.stderr)
    desk.trueup("approve", run.run_id, "--as", "Ann")  # what came before is as good as it was


def test_wrong_words_are_usage_and_wrong_plans_are_refused(desk: Desk) -> None:
    run = desk.run()
    desk.trueup("approve", run.run_id, "--as", "Ann", "--only", "nobody@x.example", code=2)
    desk.trueup("approve", run.run_id, "--as", "auto", code=2)
    desk.trueup("approve", run.run_id, "--as", "Ann", "--allow", "delete", "--reason", "no need", code=2)
    desk.trueup("approve", run.run_id, "--as", "Ann", "--fingerprint", "0000", code=3)
    desk.trueup("approve", "2001", "--as", "Ann", code=2)
    assert not run.files.acts.exists()


def test_a_run_is_shown_as_one_document(desk: Desk) -> None:
    run = desk.run()
    assert desk.json("show")["run_id"] == run.run_id
    assert desk.json("show", run.run_id) == json.loads(desk.trueup("show", run.run_id, "--format", "json"))
    assert set(desk.json("show", "2001", code=2)) == {"error", "remedy", "exit_code", "refusals"}


def test_auto_approves_nothing_that_a_person_turned_down(desk: Desk) -> None:
    desk.configure("[approval]\nrequired = false\n[approval.auto]\nmax_changes = 1000\n")
    run = desk.run()
    desk.trueup("reject", run.run_id, "--as", "Ann")
    assert "rejected by Ann" in desk.trueup("apply", run.run_id, code=3)
    assert desk.act(run)["act"] == "rejected"


def test_a_run_refused_on_limits_is_approved_limit_by_limit(desk: Desk) -> None:
    run = desk.run(LIMIT)
    assert "--allow deactivate" in desk.trueup("approve", run.run_id, "--as", "Ann", code=3)
    desk.trueup("approve", run.run_id, "--as", "Ann", "--allow", "deactivate", code=2)
    desk.trueup("approve", run.run_id, "--as", "Ann", "--allow", "deactivate", "--reason", "season ends")
    assert desk.act(run)["details"]["allowed"] == {"deactivate": "season ends"}


def test_what_no_person_can_override_is_refused_whatever_files_it_came_to(desk: Desk) -> None:
    unread = Refusal("source_incomplete", "half a read")
    desk.trueup("approve", desk.run(LIMIT, unread).run_id, "--as", "Ann", code=3)
    files = desk.archive.new_run(Kind.RECONCILE, datetime.now(UTC))
    facts = {"target": desk.settings.target.url, "configuration_digest": configuration.digest(desk.settings)}
    refused = {"outcome": Outcome.REFUSED, "refusals": (unread,), "fingerprint": ""}
    seal(files, manifest_of(files, **facts, **refused))
    assert "half a read" in desk.trueup("approve", files.run_id, "--as", "Ann", code=3)
    desk.trueup("apply", files.run_id, code=3)


def test_an_overtaken_plan_is_refused_and_so_is_one_beside_an_interrupted_run(desk: Desk) -> None:
    first, second = desk.run(), desk.run()
    assert second.run_id in desk.trueup("approve", first.run_id, "--as", "Ann", code=3)
    begin_journal(first)
    assert first.run_id in desk.trueup("approve", second.run_id, "--as", "Ann", code=3)
    desk.trueup("reject", first.run_id, "--as", "Ann", "--reason", "given up")
    desk.trueup("approve", second.run_id, "--as", "Ann")
    assert [row["state"] for row in desk.json("runs")] == ["approved", "rejected"]


def test_an_expired_approval_stops_the_apply_and_is_recorded(desk: Desk) -> None:
    run = desk.run()
    desk.trueup("apply", run.run_id, code=3)
    yesterday = datetime.now(UTC) - timedelta(hours=25)
    details = {"only": [], "exclude": [], "allowed": {}, "expires": (yesterday + timedelta(hours=24)).isoformat()}
    add_act(run, Act.APPROVED, "Ann", at=yesterday, fingerprint=run.manifest.fingerprint, details=details)
    assert "expired" in desk.trueup("apply", run.run_id, code=3)
    desk.trueup("apply", run.run_id, code=3)
    states = [act.act for act in desk.archive.load(run.run_id).acts]
    assert states == [Act.APPROVED, Act.EXPIRED]


def test_two_approvers_must_be_two_people(desk: Desk) -> None:
    desk.configure("[approval]\napprovers = 2\n")
    run = desk.run()
    desk.trueup("approve", run.run_id, "--as", "Ann")
    desk.trueup("approve", run.run_id, "--as", " ANN ")
    assert "1 of 2" in desk.trueup("apply", run.run_id, code=3)


def test_a_second_apply_at_the_same_time_is_refused_by_name(desk: Desk) -> None:
    run = desk.run()
    with apply_lock(desk.archive.path, desk.settings.target.url, f"apply {run.run_id}"):
        assert f"process {os.getpid()}" in desk.trueup("apply", run.run_id, code=3)
        desk.trueup("reject", run.run_id, "--as", "Ann", code=3)
    desk.trueup("reject", run.run_id, "--as", "Ann")
    assert "rejected by Ann" in desk.trueup("apply", run.run_id, code=3)


def test_the_archive_is_listed_checked_and_kept_small(desk: Desk) -> None:
    long_ago = datetime.now(UTC) - timedelta(days=500)
    old = applied(desk.archive, desk.run(at=long_ago))
    new = applied(desk.archive, desk.run())
    assert [row["run_id"] for row in desk.json("runs")] == [new.run_id, old.run_id]
    assert desk.json("verify", "--archive") == {"whole": True, "runs": 2, "damages": []}
    assert [row["run_id"] for row in desk.json("history", "ann@x.example")] == [new.run_id] * 2 + [old.run_id] * 2
    assert "\x1b" not in desk.trueup("history", "k-2")
    assert [row["run_id"] for row in desk.json("prune")["runs"]] == [old.run_id]
    assert old.files.decisions.exists()
    desk.trueup("prune", "--yes")
    assert sorted(path.name for path in old.files.path.iterdir()) == ["acts", "manifest.json"]
    assert desk.json("verify", "--archive")["whole"] is True
    new.files.decisions.write_bytes(new.files.decisions.read_bytes() + b"\0")
    found = desk.json("verify", "--archive", code=3)
    assert [(one["run_id"], one["file"], one["kind"]) for one in found["damages"]] == [
        (new.run_id, "decisions.parquet", "changed")
    ]
    new.files.manifest.write_bytes(b"{}")
    assert [row["state"] for row in desk.json("runs")] == ["damaged", "applied"]


def test_an_archive_with_a_key_is_kept_small_too(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARCHIVE_KEY", a_key())
    desk.configure('[archive]\nencryption_key = "env:ARCHIVE_KEY"\n')
    archive = open_archive(desk.settings)
    old, new = whole_run(archive, days=-500), whole_run(archive)
    assert [row["run_id"] for row in desk.json("prune")["runs"]] == [old.run_id]
    desk.trueup("prune", "--yes")
    assert not old.files.file("decisions.parquet").exists()
    assert desk.json("verify", "--archive") == {"whole": True, "runs": 2, "damages": []}
    assert [row["run_id"] for row in desk.json("history", "k-ann")] == [new.run_id]
    assert in_clear(archive.path) == []


def test_a_rollback_is_released_by_person_and_as_a_whole(desk: Desk) -> None:
    undone = applied(desk.archive, desk.run())
    desk.trueup("release", undone.run_id, code=2)
    back = applied(desk.archive, desk.run(kind=Kind.ROLLBACK, parent_run=undone.run_id))
    assert desk.json("release", "ann@x.example", "--as", "Ann") == {"released": {back.run_id: ["k-1"]}}
    assert desk.json("release", undone.run_id)["released"] == {back.run_id: ["boss", "k-1", "k-2"]}
    desk.trueup("release", "nobody", code=2)
    assert desk.json("runs")[0]["state"] == "applied"


def test_an_empty_archive_is_no_error(desk: Desk) -> None:
    assert desk.json("runs") == []
    assert desk.json("prune")["runs"] == []
    assert desk.json("verify", "--archive")["whole"] is True
    desk.trueup("history", "anybody", code=2)


def test_the_archive_is_asked_shown_and_exported_from_the_command_line(desk: Desk, tmp_path: Path) -> None:
    run = applied(desk.archive, desk.run())
    rows = desk.json("sql", "SELECT run_id, state FROM nights")
    assert rows == [{"run_id": run.run_id, "state": "applied"}]
    assert run.run_id in desk.trueup("sql", "FROM nights")
    said = desk.trueup("sql", "SELECT '=1+1' AS sum", "--format", "csv")
    assert said.splitlines() == ["sum", "'=1+1"]
    assert desk.json("sql", "SELECT sum(changes) AS changes, 1.5 AS half FROM nights") == [{"changes": 0, "half": 1.5}]
    twice = "SELECT a.state, b.state, a.changes FROM nights AS a JOIN nights AS b USING (night)"
    assert desk.trueup("sql", twice, "--format", "csv").splitlines() == ["state,state,changes", "applied,applied,0"]
    assert desk.trueup("sql", twice).splitlines()[-1].split() == ["applied", "applied", "0"]
    assert "Two columns are called 'state'" in desk.trueup("sql", twice, "--format", "json", code=2)
    file = tmp_path / "moves.parquet"
    desk.trueup("sql", "FROM moves", "--format", "parquet", "--output", str(file))
    assert pq.read_table(file).num_rows > 0
    assert file.stat().st_mode & 0o777 == 0o600
    refused = desk.trueup("sql", f"COPY (SELECT 1) TO '{run.files.changes}'", code=2)
    assert "Only SELECT, DESCRIBE and SUMMARIZE" in refused
    assert run.run_id in desk.trueup("nights")
    page = tmp_path / "nights.html"
    desk.trueup("nights", "--output", str(page))
    assert "What came of each night" in page.read_text(encoding="utf-8")
    assert desk.json("nights")["nights"][0]["run_id"] == run.run_id
    assert "1 night written" in desk.trueup("export", str(tmp_path / "out"), "--to", "duckdb")
    assert "0 nights written" in desk.trueup("export", str(tmp_path / "out"), "--to", "duckdb")
    assert json.loads(desk.trueup("verify", "--archive", "--json"))["whole"]
