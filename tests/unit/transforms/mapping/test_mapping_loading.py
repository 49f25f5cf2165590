"""Presets, overrides, imports and filters: what is loaded, and what is refused with file, key and caret."""

from __future__ import annotations

from typing import Any

import pytest

from trueup.transforms.errors import Misused
from trueup.transforms.mapping import columns_for, load_mapping, parse
from trueup.transforms.mapping.errors import WrongExpression
from trueup.transforms.mapping.filters import Clause, parse_clause
from trueup.transforms.settings import AttributeSettings, MappingSettings, SourceSettings

MANAGER = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager"
EMAIL = 'emails[type eq "work"].value'


def load(preset: str = "", **attributes: str | AttributeSettings) -> Any:
    return load_mapping(MappingSettings(preset=preset, attributes=attributes), read_text=str)


def one(path: str, expression: str | AttributeSettings) -> Any:
    return load_mapping(MappingSettings(preset="", attributes={path: expression}), read_text=str).attributes[0]


@pytest.mark.parametrize("name", ["pingboard", "scim"])
def test_a_preset_loads_and_knows_its_columns(name: str) -> None:
    mapping = load(name)
    paths = {attribute.path: attribute for attribute in mapping.attributes}
    assert paths["active"].kind == "boolean"
    assert paths[MANAGER].kind == "reference"
    assert paths["externalId"].expression == "[objectId]"
    assert paths['phoneNumbers[type eq "work"].value'].source_columns == ("businessPhones",)
    assert {"accountEnabled", "givenName", "officeLocation"} <= mapping.source_columns
    assert mapping.notes == ()


def test_pingboard_needs_both_names_and_takes_user_name_and_mail_from_one_expression() -> None:
    paths = {attribute.path: attribute for attribute in load("pingboard").attributes}
    assert paths["userName"].expression == paths[EMAIL].expression
    assert {path for path, a in paths.items() if a.required} == {"userName", "name.givenName", "name.familyName", EMAIL}


def test_own_attributes_lie_over_the_preset_key_by_key() -> None:
    title = AttributeSettings(expression="[companyName]", apply="create", when_empty="keep", default="Staff")
    mapping = load("pingboard", title=title, nickName="[mailNickname]", displayName="", userName="[mail]")
    paths = {attribute.path: attribute for attribute in mapping.attributes}
    assert (paths["title"].apply, paths["title"].when_empty, paths["title"].default) == ("create", "keep", "Staff")
    assert paths["nickName"].when_empty == "clear_removed"
    assert "displayName" not in paths
    assert paths["userName"].required, "what the target needs stays needed"


def test_flags_alone_keep_the_expression_of_the_preset() -> None:
    mapping = load("pingboard", title=AttributeSettings(when_empty="clear"))
    title = next(a for a in mapping.attributes if a.path == "title")
    assert (title.expression, title.when_empty) == ("[jobTitle]", "clear")


def test_a_default_without_an_expression_is_written_on_creation_and_never_cleared() -> None:
    locale = one("locale", AttributeSettings(apply="create", default="en-US"))
    assert (locale.expression, locale.default, locale.when_empty, locale.source_columns) == ("", "en-US", "keep", ())


@pytest.mark.parametrize(
    ("path", "expression", "kind"),
    [
        ("active", "[accountEnabled]", "boolean"),
        (MANAGER, "[manager]", "reference"),
        (f"{MANAGER}.value", "[manager]", "reference"),
        ("roles", "AppRoleAssignmentsComplex([appRoleAssignments])", "complex"),
        ("roles", "[jobTitle]", "complex"),
        ("urn:example:User:tags", "[otherMails]", "complex"),
        ("title", "Len([jobTitle])", "text"),
        ('emails[type eq "work"].primary', '"True"', "boolean"),
    ],
)
def test_the_kind_follows_path_and_expression(path: str, expression: str, kind: str) -> None:
    assert one(path, expression).kind == kind


@pytest.mark.parametrize(
    ("path", "expression", "reason"),
    [
        ("title", "[jobTitel]", "Did you mean jobTitle?"),
        ("title", "[JobTitle]", "case-sensitive"),
        ("title", "Joinn([jobTitle])", "Did you mean Join?"),
        ("title", '"open', "closing"),
        (EMAIL, "[otherMails]", "several values"),
        ("title.x", "[otherMails]", "several values"),
        ("roles", "[appRoleAssignments]", "AppRoleAssignmentsComplex"),
        ("title", "[appRoleAssignments]", "AppRoleAssignmentsComplex"),
        ("id", "[mail]", "cannot be written by a mapping"),
        ("meta.version", "[mail]", "cannot be written by a mapping"),
        (MANAGER, "[otherMails]", "object id"),
        ("title", 'SelectUniqueValue([mail], "x")', 'apply = "create"'),
        ("not a path", "[mail]", "not a SCIM path"),
        ("key", "[mail]", "keeps for itself"),
        ("left_alone", "[mail]", "keeps for itself"),
        ("title", "", "none to take out"),
    ],
)
def test_a_row_that_cannot_be_is_refused_with_its_key(path: str, expression: str, reason: str) -> None:
    with pytest.raises(Misused) as caught:
        one(path, expression)
    assert path.split(".", maxsplit=1)[0] in str(caught.value)
    assert reason in str(caught.value)
    assert caught.value.exit_code == 2


def test_the_caret_stands_under_the_offending_character() -> None:
    with pytest.raises(Misused) as caught:
        one("title", 'Join(" ", [givenName] [surname])')
    lines = str(caught.value).splitlines()
    assert "expected a comma or the ) of Join(, found '['" in lines[0]
    assert lines[1][lines[2].index("^")] == "["
    assert lines[1][lines[2].index("^") :].startswith("[surname]")


def test_the_caret_finds_its_line_and_shows_nothing_that_repaints() -> None:
    with pytest.raises(WrongExpression) as caught:
        parse('Join(" ",\n\t[givenName], \x1b ?)')
    assert str(caught.value.placed('Join(" ",\n\t[givenName], \x1b ?)')).splitlines()[0].startswith("line 2, ")
    assert "\x1b" not in str(caught.value.placed('Join(" ",\n\t[givenName], \x1b ?)')).splitlines()[1]


@pytest.mark.parametrize(
    ("text", "at", "expected"),
    [
        ("", 0, "an attribute in [brackets]"),
        ("[", 0, "] after"),
        ("[]", 1, "the name of an attribute"),
        ("[a", 0, "] after"),
        ('"a\\"', 0, "closing"),
        ("Join(", 5, "an attribute"),
        ("Join([a]", 8, "a comma or the )"),
        ("[a] [b]", 4, "the end of the expression"),
        ("[a] = [b] = [c]", 10, "no AND or OR"),
        ("12x", 2, "the end of the number"),
        ("1.", 1, "the end of the number"),
        ("&", 0, "an attribute"),
        ("(1)", 0, "an attribute"),
        ("Not(" * 60 + '"x"' + ")" * 60, 192, "calls inside one another"),
        (" & ".join(["[a]"] * 200), 598, "joined by &"),
        ("\ud800", 0, "surrogate"),
        ("x" * 10_001, 10_000, "10000"),
    ],
)
def test_a_syntax_error_names_the_place_and_what_was_expected(text: str, at: int, expected: str) -> None:
    with pytest.raises(WrongExpression) as caught:
        parse(text)
    assert caught.value.at == at
    assert expected in caught.value.problem


def test_paths_that_differ_only_by_case_are_refused() -> None:
    with pytest.raises(Misused, match="differ only by case"):
        load("pingboard", Title="[jobTitle]")


def test_an_unknown_preset_is_refused_with_a_suggestion() -> None:
    with pytest.raises(Misused, match="Did you mean pingboard"):
        load("pingbord")


def test_a_row_with_neither_expression_nor_default_is_refused() -> None:
    with pytest.raises(Misused, match="neither"):
        one("title", AttributeSettings(apply="create"))


def test_what_changes_in_every_run_is_noted() -> None:
    assert "every run" in load(title="Guid()").notes[0]
    assert load(title=AttributeSettings(expression="Guid()", apply="create")).notes == ()


def test_columns_needed_include_scope_and_filters() -> None:
    mapping = load(title="[jobTitle]")
    source = SourceSettings(filters=(("employeeType EQUALS x",),))
    assert columns_for(mapping, source) == {"jobTitle", "employeeType", "assigned"}
    assert columns_for(mapping, SourceSettings(scope="all")) == {"jobTitle"}


@pytest.mark.parametrize("clause", ["IsSoftDeleted IS TRUE", "departmnt EQUALS x", "department LIKE x"])
def test_a_filter_that_cannot_be_is_refused(clause: str) -> None:
    with pytest.raises(Misused, match=r"\[source\] filters"):
        columns_for(load(title="[jobTitle]"), SourceSettings(filters=((clause,),)))


# Clauses


@pytest.mark.parametrize(
    ("text", "clause"),
    [
        ("department EQUALS Sales and more", Clause("department", "EQUALS", ("Sales and more",))),
        ('department EQUALS " Sales\\"s "', Clause("department", "EQUALS", (' Sales"s ',))),
        ("[a b] not  equals x", Clause("a b", "NOT EQUALS", ("x",))),
        ("mail IS NOT NULL", Clause("mail", "IS NOT NULL")),
        ("x GREATER_THAN_or_EQUALS 5", Clause("x", "GREATER THAN OR EQUALS", ("5",))),
        ("x !& 5,6", Clause("x", "!&", ("5,6",))),
        ('mail ENDS_WITH "@x.y"', Clause("mail", "ENDS WITH", ("@x.y",))),
    ],
)
def test_a_clause_is_read(text: str, clause: Clause) -> None:
    assert parse_clause(text) == clause


@pytest.mark.parametrize(
    "text",
    [
        "",
        "mail",
        "mail IS NULL x",
        "mail EQUALS",
        "mail Greater_Than x",
        "mail REGEX MATCH (",
        'mail EQUALS "x',
        "mail = x",
    ],
)
def test_a_clause_that_cannot_be_is_refused(text: str) -> None:
    with pytest.raises(WrongExpression):
        parse_clause(text)
