"""``trueup mapping …`` as a person sees it: text, JSON, exit codes."""

from __future__ import annotations

import json
import tomllib
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from trueup.flows.commands import mapping as commands
from trueup.transforms.errors import Failed, Misused
from trueup.transforms.run_files import RunFiles

if TYPE_CHECKING:
    from pathlib import Path

CASES: list[dict[str, Any]] = [
    {"id": "good", "expression": "[a]", "inputs": {"a": "x"}, "output": "x", "flow": "value"},
    {"id": "bad", "expression": "[a]", "inputs": {"a": "x\x1b"}, "output": "y", "flow": "value"},
    {"id": "refused", "expression": 'Replace([a], , "\\\\bx", , "", , )', "inputs": {}, "output": "y", "flow": "value"},
    {
        "id": "left",
        "expression": "IgnoreFlowIfNullOrEmpty([a])",
        "inputs": {},
        "output": None,
        "flow": "ignore-attribute",
    },
    {"id": "aside", "expression": 'Error("no")', "inputs": {}, "output": None, "flow": "ignore-object"},
    {"id": "now", "expression": "Now()", "now": "2020-01-01T00:00:00+01:00", "output": "12/31/2019 11:00:00 PM"},
    {"id": "true", "expression": "CBool(1)", "output": 1},
]


def written(path: Path, value: Any) -> Path:
    path.write_text(value if isinstance(value, str) else json.dumps(value), encoding="utf-8")
    return path


def test_check_counts_what_passed_failed_and_was_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert commands.check_cases(written(tmp_path / "c.json", CASES), as_json=True) == 1
    document = json.loads(capsys.readouterr().out)
    assert {key: document[key] for key in ("passed", "failed", "refused")} == {"passed": 4, "failed": 2, "refused": 1}
    by_id = {case["id"]: case for case in document["cases"]}
    assert by_id["bad"] == {"id": "bad", "ok": False, "got": "x\x1b", "expected": "y", "error": None}
    assert by_id["true"]["got"] is True, "true is not 1"
    assert by_id["refused"]["ok"] is False
    assert "\\b" in by_id["refused"]["error"]


def test_check_says_in_words_what_did_not_pass(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert commands.check_cases(written(tmp_path / "c.json", {"cases": CASES}), as_json=False) == 1
    shown = capsys.readouterr().out
    assert "4 passed, 2 failed, 1 refused." in shown
    assert 'failed  bad: got "x\\u001b", expected "y"' in shown


def test_check_ends_well_when_all_is_well(tmp_path: Path) -> None:
    assert commands.check_cases(written(tmp_path / "c.json", CASES[:1]), as_json=True) == 0


@pytest.mark.parametrize(
    "document",
    [
        "no json",
        "{}",
        [1],
        [{"id": "x"}],
        [{"expression": "[a]", "flow": "other"}],
        [{"expression": "[a]", "inputs": []}],
        [{"expression": "[a]", "inputs": [1]}],
        [{"expression": "[a]", "now": "soon"}],
        [{"expression": "[a]", "taken_in_target": "x"}],
    ],
)
def test_check_refuses_what_is_no_list_of_cases(tmp_path: Path, document: Any) -> None:
    with pytest.raises(Misused):
        commands.check_cases(written(tmp_path / "c.json", document), as_json=True)


def test_check_refuses_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(Misused, match="cannot be read"):
        commands.check_cases(tmp_path / "c.json", as_json=True)


def test_explain_shows_the_sql_and_what_it_reads(capsys: pytest.CaptureFixture[str]) -> None:
    assert commands.explain_expression('Join(" ",[givenName],  ToLower([surname]))', as_json=False) == 0
    shown = capsys.readouterr().out
    assert 'Join(" ", [givenName], ToLower([surname]))' in shown
    assert "reads givenName, surname" in shown
    assert "concat_ws" in shown
    assert commands.explain_expression("SelectUniqueValue([mail], CDate([telephoneNumber]))", as_json=True) == 0
    assert json.loads(capsys.readouterr().out)["columns"] == ["mail", "businessPhones"]
    assert commands.explain_expression("[IsSoftDeleted]", as_json=False) == 0


def test_explain_points_at_a_mistake() -> None:
    with pytest.raises(Misused) as caught:
        commands.explain_expression("Join([givenNme])", as_json=False)
    assert "Did you mean givenName?" in str(caught.value)
    assert str(caught.value).splitlines()[2].index("^") == 4 + 5


SCHEMA = {
    "synchronizationRules": [
        {
            "objectMappings": [
                {
                    "sourceObjectName": "User",
                    "flowTypes": "Add",
                    "attributeMappings": [
                        {"targetAttributeName": "userName", "source": {"expression": "[mail]"}, "matchingPriority": 1}
                    ],
                }
            ]
        }
    ]
}


def test_import_writes_toml_and_says_what_is_not_honoured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = written(tmp_path / "schema.json", SCHEMA)
    assert commands.import_schema(file, output=None) == 0
    shown = capsys.readouterr()
    table = tomllib.loads(shown.out)
    assert table["mapping"]["attributes"] == {"userName": "[mail]"}
    assert table["matching"] == {"by": ["userName"]}
    assert "Update is switched off" in shown.err
    output = tmp_path / "out.toml"
    assert commands.import_schema(file, output=output) == 0
    assert tomllib.loads(output.read_text(encoding="utf-8")) == table
    with pytest.raises(Misused, match="already there"):
        commands.import_schema(file, output=output)
    with pytest.raises(Failed, match="cannot be written"):
        commands.import_schema(file, output=tmp_path / "no" / "out.toml")


def test_import_says_before_the_first_night_where_mapping_and_schema_differ_in_type(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    schema = json.loads(json.dumps(SCHEMA))
    rule = schema["synchronizationRules"][0]
    rule["targetDirectoryName"] = "customappsso"
    mapping = rule["objectMappings"][0]
    mapping["targetObjectName"] = "User"
    extension = "urn:ietf:params:scim:schemas:extension:acme:2.0:User"
    for name, source in (("floor", "department"), ("isLead", "accountEnabled"), ("desk", "jobTitle")):
        mapping["attributeMappings"].append(
            {
                "targetAttributeName": f"{extension}:{name}",
                "source": {"expression": f"[{source}]", "name": source, "type": "Attribute"},
            }
        )
    types = {"floor": "Integer", "isLead": "Boolean", "desk": "String"}
    attributes = [{"name": f"{extension}:{name}", "type": kind} for name, kind in types.items()]
    schema["directories"] = [{"name": "customappsso", "objects": [{"name": "User", "attributes": attributes}]}]
    assert commands.import_schema(written(tmp_path / "schema.json", schema), output=None) == 0
    said = capsys.readouterr().err
    assert f"{extension}:floor: the mapping gives text, the target's schema in the document says Integer" in said
    assert "isLead" not in said
    assert "desk" not in said


CONFIG = """
[source]
kind = "file"
path = "users.json"
scope = "all"
[target]
url = "https://example.com/scim"
[mapping.attributes]
nickName = { expression = "Guid()" }
locale = { apply = "create", default = "en" }
"""


def test_show_lists_every_attribute_and_what_is_worth_knowing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = written(tmp_path / "trueup.toml", CONFIG)
    assert commands.show_mapping(config, as_json=False) == 0
    shown = capsys.readouterr().out
    assert "userName ← Coalesce([mail], [userPrincipalName])   (required)" in shown
    assert 'locale ← nothing   (on creation only, default "en")' in shown
    assert "note: nickName: Guid()" in shown
    assert commands.show_mapping(config, as_json=True) == 0
    document = json.loads(capsys.readouterr().out)
    assert {"attributes", "matching", "notes"} == set(document)


def test_test_needs_a_run_that_read_the_source(tmp_path: Path) -> None:
    config = written(tmp_path / "trueup.toml", CONFIG)
    with pytest.raises(Failed, match="No run has read"):
        commands.trace_person(config, "x", as_json=True)
    with pytest.raises(Misused, match="has no attribute"):
        commands.trace_person(config, "x", attributes=("nope",), as_json=True)


@pytest.fixture
def snapshot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunFiles:
    files = RunFiles(tmp_path / "20261123T010000Z-7f3a")
    files.path.mkdir()
    people = [
        {"id": "1", "mail": "ann@x.y", "givenName": "A\x1bnn", "employeeHireDate": "soon", "accountEnabled": True},
        {"id": "2", "mail": None, "givenName": "Bob", "employeeHireDate": None, "accountEnabled": True},
    ]
    pq.write_table(pa.Table.from_pylist(people), files.source)
    pq.write_table(pa.table({"id": ["p"], "nickName": ["x"], "userName": ["x"], "externalId": ["x"]}), files.target)
    monkeypatch.setattr(commands, "_snapshot", lambda *_: files)
    return files


def test_test_shows_one_person_with_every_intermediate_value(
    tmp_path: Path, snapshot: RunFiles, capsys: pytest.CaptureFixture[str]
) -> None:
    config = written(tmp_path / "trueup.toml", CONFIG + '\ntitle = "CDate([employeeHireDate])"\n')
    assert commands.trace_person(config, "ann@X.y", as_json=True) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["key"], document["run_id"], document["in_scope"]) == ("1", snapshot.run_id, True)
    assert document["held"] == "title: text that is not a date"
    rows = {row["attribute"]: row for row in document["attributes"]}
    assert rows["title"]["left_alone"] is True
    assert rows["active"]["value"] is True
    assert [part["value"] for part in rows["name.givenName"]["parts"]] == ["A\x1bnn"]
    assert commands.trace_person(config, "1", attributes=("TITLE", "name.givenName"), as_json=False) == 0
    shown = capsys.readouterr().out
    assert "set aside: title: text that is not a date" in shown
    assert "CDate([employeeHireDate])  →  set aside: text that is not a date" in shown
    assert "\x1b" not in shown
    assert "userName" not in shown


def test_import_offers_the_command_that_takes_the_rest(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document = json.loads(json.dumps(SCHEMA))
    rows = document["synchronizationRules"][0]["objectMappings"][0]["attributeMappings"]
    email = 'emails[type eq "work"].value'
    rows += [{"targetAttributeName": path, "source": {"expression": "[nope]"}} for path in ("title", email)]
    file = written(tmp_path / "schema.json", document)
    with pytest.raises(Misused) as caught:
        commands.import_schema(file, output=None)
    assert "2 rows of the mapping cannot be kept" in str(caught.value)
    assert f"mapping import {file} --skip title --skip '{email}'" in caught.value.remedy
    assert commands.import_schema(file, output=None, skip=("title", email)) == 0
    shown = capsys.readouterr()
    assert tomllib.loads(shown.out)["mapping"]["attributes"] == {"userName": "[mail]"}
    assert f"# Not honoured: {email}: left out by --skip." in shown.out
    assert "title: left out by --skip" in shown.err
