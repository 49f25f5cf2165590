"""A mapping, loaded: preset or imported schema, with the configuration's own attributes laid over it."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from trueup.transforms.attributes import ManagedAttribute
from trueup.transforms.errors import Misused
from trueup.transforms.mapping.columns import kind_for
from trueup.transforms.mapping.compiler import Compiler
from trueup.transforms.mapping.errors import WrongExpression, WrongMapping, suggestion
from trueup.transforms.mapping.explaining import assumed
from trueup.transforms.mapping.model import Base, Mapping, Row
from trueup.transforms.mapping.parser import parse
from trueup.transforms.mapping.scope import filters_of
from trueup.transforms.mapping.sources import column_of
from trueup.transforms.mapping.tree import Call, Expression, attributes, walk
from trueup.transforms.mapping.values import Kind
from trueup.transforms.settings import AttributeSettings
from trueup.transforms.values.paths import parse as parse_path

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from trueup.transforms.settings import MappingSettings, SourceSettings

PRESETS = ("pingboard", "scim")
_NEW_EVERY_RUN = ("Now", "Guid", "RandomString")
_RESERVED = {"key", "left_alone"}
_NO_TIME = datetime(2000, 1, 1, tzinfo=UTC)


def load_mapping(
    settings: MappingSettings,
    *,
    read_text: Callable[[str], str],
    default_domain: str | None = None,
    skip: Collection[str] = (),
) -> Mapping:
    """The mapping the configuration names.

    Args:
        settings: ``[mapping]``.
        read_text: reads the imported document by the path written in the configuration.
        default_domain: the tenant's default domain, where it is known.
        skip: target attributes of the preset or import that are left out, and noted as such.

    Raises:
        WrongMapping: all rows whose expression does not parse (with file, key and a caret), that name an unknown
            attribute or function, or cannot be kept for another reason; and all such filters.
        Misused: unknown preset, unreadable import, paths that differ only by case, nothing to ``skip``.
    """
    base = _without(_base(settings, read_text), skip)
    rows = _merged(settings, base)
    _check_names(rows)
    managed, trees = [], {}
    notes = list(base.notes)
    wrong: list[tuple[str, Misused]] = []
    for row in rows:
        try:
            attribute, tree = _managed(row, settings, default_domain)
        except Misused as error:
            wrong.append((row.path, error))
            continue
        managed.append(attribute)
        trees[row.path] = tree
        notes += _remarks(attribute, tree)
    if wrong or base.problems:
        raise WrongMapping(wrong, base.problems) from (wrong[0][1] if wrong else base.problems[0])
    columns = {name for attribute in managed for name in attribute.source_columns}
    columns |= {column_of(clause.attribute) for one in base.filters for clause in one}
    return Mapping(
        attributes=tuple(managed),
        trees=trees,
        source_columns=frozenset(columns),
        notes=tuple(notes),
        matching=base.matching,
        scope_filters=base.filters,
        places={row.path: row.place for row in rows},
    )


def columns_for(mapping: Mapping, source: SourceSettings) -> frozenset[str]:
    """Columns of ``source.parquet`` that mapping, scope and filters read.

    Raises:
        Misused: a filter that does not parse or names an unknown attribute.
    """
    clauses = {column_of(clause.attribute) for one in filters_of(mapping, source) for clause in one}
    scope = set() if source.scope == "all" else {"assigned"}
    return mapping.source_columns | clauses | scope


def _base(settings: MappingSettings, read_text: Callable[[str], str]) -> Base:
    if settings.import_:
        from trueup.transforms.mapping.schema_import import read_schema

        try:
            text = read_text(settings.import_)
        except (OSError, UnicodeDecodeError) as error:
            raise Misused(
                f"[mapping] import: {settings.import_} cannot be read ({type(error).__name__}).",
                remedy="Export it with GET …/synchronization/jobs/{id}/schema; docs/mapping.md says how.",
            ) from error
        return read_schema(text, settings.import_)
    if not settings.preset:
        return Base(())
    if settings.preset not in PRESETS:
        raise Misused(
            f"[mapping] preset: there is no preset {settings.preset!r}.",
            remedy=suggestion(settings.preset, PRESETS) or f"Presets are {', '.join(PRESETS)}.",
        )
    return Base(preset(settings.preset))


def _without(base: Base, skip: Collection[str]) -> Base:
    """``base`` less the rows of ``skip``, each named in its notes.

    Raises:
        Misused: one of them is not an attribute of ``base``, or nothing is left.
    """
    if not skip:
        return base
    paths = {row.path.lower(): row.path for row in base.rows}
    gone: dict[str, None] = {}
    for written in skip:
        found = paths.get(written.strip().lower()) or paths.get(_spelt(written).lower())
        if found is None:
            guess = suggestion(written, [row.path for row in base.rows])
            raise Misused(
                f"--skip {written}: the document maps no such attribute.",
                remedy=guess or f"It maps {', '.join(paths.values())}.",
            )
        gone[found.lower()] = None
    left = tuple(row for row in base.rows if row.path.lower() not in gone)
    if not left:
        raise Misused("--skip leaves no attribute to map.", remedy="Leave out only the rows that cannot be kept.")
    matching = tuple(path for path in base.matching if path.lower() not in gone)
    notes = [f"{paths[path]}: left out by --skip" for path in gone]
    if base.matching and not matching:
        notes.append("no matching attribute is left; [matching] by has its default")
    return replace(base, rows=left, notes=(*base.notes, *notes), matching=matching)


def _spelt(path: str) -> str:
    try:
        return str(parse_path(path))
    except ValueError:
        return path


@cache
def preset(name: str) -> tuple[Row, ...]:
    """The rows of a shipped preset."""
    text = files("trueup.transforms.mapping").joinpath(f"presets/{name}.toml").read_text(encoding="utf-8")
    table: dict[str, dict[str, Any]] = tomllib.loads(text)["attributes"]
    return tuple(Row(path, place=f"preset {name}, {path}", **keys) for path, keys in table.items())


def _merged(settings: MappingSettings, base: Base) -> list[Row]:
    """The base's rows with the configuration's laid over them, key by key; an empty expression takes a row out."""
    rows = {row.path: row for row in base.rows}
    for written, given in settings.attributes.items():
        place = f"[mapping.attributes] {written!r}"
        path = written if written in rows else _normal(written, place)
        own = AttributeSettings(expression=given) if isinstance(given, str) else given
        before = rows.get(path)
        if own.expression is not None and not own.expression.strip() and own.default is None:
            if before is None:
                raise Misused(
                    f"{place}: an empty expression takes a row out, but there is none to take out.",
                    remedy=suggestion(path, rows) or "Give it an expression.",
                )
            del rows[path]
            continue
        if before is None and own.expression is None and own.default is None:
            raise Misused(f"{place}: it has neither an expression nor a default.", remedy="Give it an expression.")
        row = before or Row(path)
        expression = row.expression if own.expression is None else own.expression
        rows[path] = replace(
            row,
            expression=expression,
            apply=own.apply,
            when_empty=own.when_empty or "",
            default=row.default if own.default is None else own.default,
            place=place,
            problem=row.problem if own.expression is None else None,
        )
    return list(rows.values())


def _normal(path: str, place: str) -> str:
    try:
        return str(parse_path(path))
    except ValueError as error:
        raise Misused(f"{place}: this is not a SCIM path: {error}.", remedy="E.g. name.givenName.") from error


def _check_names(rows: list[Row]) -> None:
    seen: dict[str, str] = {}
    for row in rows:
        lowered = row.path.lower()
        if lowered in _RESERVED:
            raise Misused(f"{row.place}: {row.path} is a column Trueup keeps for itself.")
        if (other := seen.setdefault(lowered, row.path)) != row.path:
            raise Misused(
                f"{row.place}: {other} and {row.path} differ only by case.", remedy="Spell both the same way, once."
            )


def _managed(
    row: Row, settings: MappingSettings, default_domain: str | None
) -> tuple[ManagedAttribute, Expression | None]:
    if row.problem is not None:
        raise row.problem
    try:
        tree = parse(row.expression) if row.expression.strip() else None
        columns = [] if tree is None else [column_of(node.name, node.at) for node in attributes(tree)]
        given = Kind.NOTHING if tree is None else _kind(tree, row, default_domain)
        kind = kind_for(row.path, given)
    except WrongExpression as wrong:
        raise wrong.placed(row.expression, row.place) from wrong
    attribute = ManagedAttribute(
        path=row.path,
        kind=kind,
        expression=row.expression,
        source_columns=tuple(dict.fromkeys(columns)),
        required=row.required,
        case_exact=row.case_exact,
        apply="create" if row.apply == "create" else "always",
        when_empty=_when_empty(row, settings, tree),
        default=row.default,
    )
    return attribute, tree


def _when_empty(row: Row, settings: MappingSettings, tree: Expression | None) -> Any:
    """What a true empty does; where there is no expression nothing can ever be said, so nothing is cleared."""
    return "keep" if tree is None else (row.when_empty or settings.when_empty)


def _kind(tree: Expression, row: Row, default_domain: str | None) -> Kind:
    """What the expression gives, found by compiling it as if every attribute could be read."""
    compiler = Compiler(
        resolve=assumed,
        at=_NO_TIME,
        seed="",
        key="''",
        default_domain=default_domain,
        taken="SELECT '', '', ''" if row.apply == "create" else None,
    )
    return compiler.compile(tree).kind


def _remarks(attribute: ManagedAttribute, tree: Expression | None) -> list[str]:
    if tree is None or attribute.apply == "create":
        return []
    calls = [node.function for node in walk(tree) if isinstance(node, Call)]
    return [
        f"{attribute.path}: {name}() gives another value in every run, so that everybody changes every time; "
        'use it with apply = "create", or inside a comparison.'
        for name in dict.fromkeys(calls)
        if name in _NEW_EVERY_RUN and name != "Now"
    ]
