"""Exported synchronization schemas: what an import brings along, what it cannot honour, and what is refused."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from trueup.transforms.errors import Misused
from trueup.transforms.mapping import WrongMapping, load_mapping
from trueup.transforms.mapping.filters import Clause, parse_clause
from trueup.transforms.mapping.toml_text import as_toml, single_valued
from trueup.transforms.settings import MappingSettings

EMAIL = 'emails[type eq "work"].value'


def clause(name: str, operator: str, *values: str) -> dict[str, Any]:
    return {"sourceOperandName": name, "operatorName": operator, "targetOperand": {"values": list(values)}}


def attribute(target: str, expression: str | None, **more: Any) -> dict[str, Any]:
    source = None if expression is None else {"expression": expression, "name": "x", "type": "Function"}
    return {"targetAttributeName": target, "source": source, "flowType": "Always", "matchingPriority": 0, **more}


def schema(*attributes: dict[str, Any], scope: Any = None, **mapping: Any) -> str:
    users = {
        "name": "Provision Microsoft Entra ID Users",
        "enabled": True,
        "flowTypes": "Add, Update, Delete",
        "sourceObjectName": "User",
        "targetObjectName": "User",
        "scope": scope,
        "attributeMappings": list(attributes),
        **mapping,
    }
    groups = {**users, "name": "Groups", "sourceObjectName": "Group", "attributeMappings": []}
    definitions = [{"name": "title", "required": True, "caseExact": True}]
    return json.dumps(
        {
            "directories": [{"name": "customappsso", "objects": [{"name": "User", "attributes": definitions}]}],
            "synchronizationRules": [
                {"name": "r", "priority": 1, "targetDirectoryName": "customappsso", "objectMappings": [groups, users]}
            ],
            "unknown": {},
        }
    )


def imported(text: str) -> Any:
    settings = MappingSettings.model_validate({"import": "schema.json"})
    return load_mapping(settings, read_text=lambda _: text)


def test_an_import_brings_expressions_flow_types_defaults_matching_and_scope() -> None:
    scope = {
        "groups": [
            {"name": "Staff", "clauses": [clause("accountEnabled", "IS TRUE"), clause("employeeId", "IS NOT NULL")]},
            {"name": "Others", "clauses": [clause("department", "Greater_Than", "5")]},
        ]
    }
    mapping = imported(
        schema(
            attribute(EMAIL, "[mail]", matchingPriority=2),
            attribute("userName", "[userPrincipalName]", matchingPriority=1),
            attribute("title", "[jobTitle]", flowType="ObjectAddOnly", defaultValue="Staff"),
            attribute("locale", None, defaultValue="en-US"),
            scope=scope,
        )
    )
    paths = {a.path: a for a in mapping.attributes}
    assert mapping.matching == ("userName", EMAIL)
    assert (paths["title"].apply, paths["title"].default, paths["title"].required) == ("create", "Staff", True)
    assert paths["title"].case_exact
    assert paths["userName"].required
    assert (paths["locale"].apply, paths["locale"].expression) == ("create", "")
    assert [[str(c) for c in f] for f in mapping.scope_filters] == [
        ["accountEnabled IS TRUE", "employeeId IS NOT NULL"],
        ["department Greater_Than 5"],
    ]
    assert {"employeeId", "accountEnabled", "department"} <= mapping.source_columns
    assert mapping.notes == ("object mapping 'Groups': only users are provisioned, this is left out",)


def test_what_an_import_cannot_honour_is_listed() -> None:
    mapping = imported(
        schema(
            attribute("title", "[jobTitle]", flowType="MultiValueAddOnly", flowBehavior="FlowAlways"),
            attribute("locale", None),
            {"source": {}},
            scope={"groups": [{"name": "E", "clauses": []}], "inputFilterGroups": [{}]},
            flowTypes="Add, Update",
        )
    )
    said = "\n".join(mapping.notes)
    for word in (
        "MultiValueAddOnly",
        "FlowAlways",
        "locale",
        "without a target",
        "filter E",
        "inputFilterGroups",
        "Delete",
    ):
        assert word in said


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("no json", "not JSON"),
        ("[]", "synchronizationRules"),
        ('{"synchronizationRules": []}', "no enabled mapping"),
        (schema(enabled=False), "no enabled mapping"),
        (schema(attribute("title", "Join(")), "expected"),
        (schema(attribute("title", "[nope]")), "no source attribute"),
        (schema(attribute("no path", "[mail]")), "not a SCIM path"),
        (schema(attribute("title", "[mail]"), attribute("Title", "[mail]")), "twice"),
        (schema(scope={"groups": [{"clauses": [clause("mail", "LIKE", "x")]}]}), "not an operator"),
        (schema(scope={"groups": [{"clauses": [clause("nope", "EQUALS", "x")]}]}), "no source attribute"),
        (schema(scope={"groups": [{"clauses": [clause("IsSoftDeleted", "IS TRUE")]}]}), "scope itself"),
        (schema({"targetAttributeName": "title", "source": {"name": "Join", "type": "Function"}}), "no expression"),
    ],
)
def test_an_import_that_cannot_be_kept_is_refused(text: str, reason: str) -> None:
    with pytest.raises(Misused) as caught:
        imported(text)
    assert "schema.json" in str(caught.value)
    assert reason in str(caught.value)


def test_a_source_without_expression_is_read_by_type_and_name() -> None:
    mapping = imported(
        schema(
            {"targetAttributeName": "title", "source": {"name": "jobTitle", "type": "Attribute"}},
            {"targetAttributeName": "locale", "source": {"name": 'a"b', "type": "Constant"}},
        )
    )
    assert [a.expression for a in mapping.attributes] == ["[jobTitle]", '"a\\"b"']


def test_an_import_that_cannot_be_read_is_refused() -> None:
    settings = MappingSettings.model_validate({"import": "missing.json"})

    def read(_: str) -> str:
        raise FileNotFoundError

    with pytest.raises(Misused, match="missing.json"):
        load_mapping(settings, read_text=read)


def test_the_toml_of_an_import_loads_to_the_same_mapping() -> None:
    first = imported(
        schema(
            attribute("userName", 'Join("@", [mailNickname], "x\\"y\\\\z\'")', matchingPriority=1),
            attribute(EMAIL, "[mail]"),
            attribute("title", 'Replace([jobTitle], , "\\\\d+", , "", , )', flowType="ObjectAddOnly", defaultValue="S"),
            attribute("locale", None, defaultValue="en\n\x7f"),
            scope={"groups": [{"clauses": [clause("userPrincipalName", "NOT REGEX MATCH", '^"svc-\\d')]}]},
        )
    )
    table = tomllib.loads(as_toml(first, where="schema.json"))
    again = load_mapping(MappingSettings.model_validate(table["mapping"]), read_text=str)
    assert [(a.path, a.expression, a.apply, a.default) for a in again.attributes] == [
        (a.path, a.expression, a.apply, a.default) for a in first.attributes
    ]
    assert tuple(table["matching"]["by"]) == first.matching
    filters = tuple(tuple(parse_clause(text) for text in group) for group in table["source"]["filters"])
    assert filters == first.scope_filters


def test_an_exported_schema_of_seventeen_rows_comes_along_whole() -> None:
    text = (Path(__file__).parent / "synchronization_schema.json").read_text(encoding="utf-8")
    mapping = imported(text)
    assert len(mapping.attributes) == 17
    assert mapping.notes == ()
    assert mapping.matching == ("userName",)
    assert [len(one) for one in mapping.scope_filters] == [3, 2]
    primary = next(a for a in mapping.attributes if a.path == 'emails[type eq "work"].primary')
    assert (primary.kind, primary.apply, primary.default) == ("boolean", "create", "True")


def test_clauses_of_several_values_become_clauses_of_one() -> None:
    either, neither = Clause("a", "EQUALS", ("x", " y")), Clause("b", "NOT EQUALS", ("1", "2"))
    listed, null = Clause("c", "&", ("5", "6")), Clause("d", "IS NULL")
    filters = single_valued((either, neither, listed, null))
    rest = ["b NOT EQUALS 1", "b NOT EQUALS 2", "c & 5,6", "d IS NULL"]
    assert [[str(c) for c in one] for one in filters] == [["a EQUALS x", *rest], ['a EQUALS " y"', *rest]]
    assert parse_clause('a EQUALS " y"').values == (" y",)


def rules(*given: tuple[str | None, str | None, str]) -> str:
    """A schema with a rule for each source directory, target directory and target attribute."""
    document = json.loads(schema())
    mapping = document["synchronizationRules"][0]["objectMappings"][1]
    document["synchronizationRules"] = [
        {
            "name": "USER_OUTBOUND_USER",
            "priority": number,
            "sourceDirectoryName": source,
            "targetDirectoryName": target,
            "objectMappings": [{**mapping, "name": f"to {path}", "attributeMappings": [attribute(path, "[mail]")]}],
        }
        for number, (source, target, path) in enumerate(given)
    ]
    return json.dumps(document)


ENTRA = "Azure Active Directory"


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ([("Workday", ENTRA, "in"), (ENTRA, "customappsso", "out")], "out"),
        ([(ENTRA, "customappsso", "out"), (ENTRA, ENTRA, "itself")], "out"),
        ([(ENTRA, f"{ENTRA} (target tenant)", "other")], "other"),
        ([("Microsoft Entra ID", "customappsso", "out"), (None, "customappsso", "unsaid")], "out"),
        ([(None, "customappsso", "unsaid"), ("Workday", ENTRA, "in")], "unsaid"),
    ],
)
def test_the_rule_that_flows_out_of_entra_is_the_mapping(given: list[tuple[str | None, str, str]], taken: str) -> None:
    mapping = imported(rules(*given))
    assert [a.path for a in mapping.attributes] == [taken]
    others = [path for _, _, path in given if path != taken]
    assert all(any(f"'to {path}'" in note for note in mapping.notes) for path in others), "each other is named"


@pytest.mark.parametrize(
    "given",
    [
        [(ENTRA, "customappsso", "a"), (ENTRA, "elsewhere", "b"), ("Workday", ENTRA, "c")],
        [("Workday", ENTRA, "a"), ("SAP", "Workday", "b")],
    ],
)
def test_rules_that_could_not_be_told_apart_are_refused_by_name(given: list[tuple[str | None, str, str]]) -> None:
    with pytest.raises(Misused) as caught:
        imported(rules(*given))
    for text in ("'to a'", "'to b'", given[0][0], given[1][1]):
        assert str(text) in str(caught.value)
    assert "'to c'" not in str(caught.value)


def test_everything_that_cannot_be_kept_is_named_at_once_and_rows_can_be_left_out() -> None:
    text = schema(
        attribute("userName", "[userPrincipalName]", matchingPriority=1),
        attribute("title", "Join("),
        attribute("not a path", "[mail]"),
        attribute("locale", "[nope]", matchingPriority=2),
        attribute("nickName", "Guess([mail])"),
        scope={"groups": [{"name": "Staff", "clauses": [clause("nope", "EQUALS", "x"), clause("mail", "LIKE", "x")]}]},
    )
    with pytest.raises(WrongMapping) as caught:
        imported(text)
    assert caught.value.paths == ("title", "not a path", "locale", "nickName")
    assert caught.value.others == 2
    assert "4 rows and 2 scoping filters" in str(caught.value)
    settings = MappingSettings.model_validate({"import": "schema.json"})
    with pytest.raises(WrongMapping) as left:
        load_mapping(settings, read_text=lambda _: text, skip=caught.value.paths)
    assert (left.value.paths, left.value.others) == ((), 2), "who is in scope is never left out"
    whole = json.loads(text)
    whole["synchronizationRules"][0]["objectMappings"][1]["scope"] = None
    mapping = load_mapping(
        settings, read_text=lambda _: json.dumps(whole), skip=("TITLE", "not a path", "locale", "nickName")
    )
    assert [a.path for a in mapping.attributes] == ["userName"]
    assert mapping.matching == ("userName",)
    assert next(note for note in mapping.notes if "--skip" in note) == "title: left out by --skip"
    with pytest.raises(Misused, match="Did you mean nickName"):
        load_mapping(settings, read_text=lambda _: text, skip=("nickname2",))
    with pytest.raises(Misused, match="no attribute to map"):
        load_mapping(settings, read_text=lambda _: schema(attribute("title", "[mail]")), skip=("title",))


def test_a_row_that_cannot_be_kept_gives_way_to_the_configurations_own() -> None:
    text = schema(attribute("title", "Join("), attribute("not a path", "[mail]"), attribute("locale", "[mail]"))
    table = {"import": "schema.json", "attributes": {"title": "[jobTitle]", "not a path": ""}}
    mapping = load_mapping(MappingSettings.model_validate(table), read_text=lambda _: text)
    assert {a.path: a.expression for a in mapping.attributes} == {"title": "[jobTitle]", "locale": "[mail]"}
