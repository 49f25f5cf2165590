"""A data team's own checks: ``[checks] file``, validated before anything is read (docs/checks.md).

TOML: ``[[expectations]]`` with ``suite``, ``type``, ``name``, ``severity``, ``reason``, ``remedy`` and the
expectation's own arguments; ``[override.<check>]`` with ``severity`` or ``enabled``. A Python module has the same as
``EXPECTATIONS = {"source": […], "desired": […]}`` (instances of Expectation classes) and ``OVERRIDES = {…}``.
"""

from __future__ import annotations

import tomllib
import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from trueup.expectations.catalogue import CHECKS, Check
from trueup.transforms.attributes import CATALOGUE
from trueup.transforms.errors import Misused
from trueup.transforms.vocabulary import Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from trueup.transforms.settings import Settings

SUITES = ("source", "desired")
OURS = frozenset({"suite", "type", "name", "severity", "reason", "remedy"})
GATES = frozenset(
    {
        "nobody_is_a_person",
        "everybody_disabled",
        "identities_replaced",
        "last_names_disagree",
        "first_names_disagree",
        "same_for_everybody",
    }
)
"""Critical checks of the whole that may be lowered; the others are about identity itself."""
NUMBERS_ONLY = frozenset(
    {
        "expect_column_values_to_be_between",
        "expect_column_max_to_be_between",
        "expect_column_min_to_be_between",
        "expect_column_mean_to_be_between",
        "expect_column_median_to_be_between",
        "expect_column_sum_to_be_between",
        "expect_column_stdev_to_be_between",
        "expect_column_quantile_values_to_be_between",
        "expect_column_value_z_scores_to_be_less_than",
    }
)
"""Expectations that compare the values themselves with a bound; on text Great Expectations raises, every time."""
_REMEDY = "See docs/checks.md for what the file may hold."


@dataclass(frozen=True, slots=True)
class Override:
    """What the file says of one of Trueup's checks."""

    severity: Severity | None = None
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class OwnChecks:
    """Further expectations by suite, and what is changed about the ones that are there."""

    source: tuple[Any, ...] = ()
    desired: tuple[Any, ...] = ()
    own: Mapping[str, Check] = field(default_factory=dict)
    overrides: Mapping[str, Override] = field(default_factory=dict)
    source_columns: frozenset[str] = frozenset()
    """Columns of ``source.parquet`` the expectations of suite ``source`` look at."""
    desired_columns: frozenset[str] = frozenset()

    def is_on(self, check: str) -> bool:
        """Whether the check is made at all."""
        return check not in self.overrides or self.overrides[check].enabled

    def known(self, check: str) -> Check:
        """The check by its name, with its reason and remedy."""
        return self.own.get(check) or CHECKS[check]

    def severity_of(self, check: str, given: str) -> str:
        """``given`` unless the file says another."""
        override = self.overrides.get(check)
        return str(override.severity) if override and override.severity else given

    def adjusted(self, expectations: Iterable[Any]) -> list[Any]:
        """The built-in ``expectations`` with the file's severities, without those it turns off."""
        found = []
        for expectation in expectations:
            check = expectation.meta["check"]
            if self.is_on(check):
                expectation.severity = self.severity_of(check, str(expectation.severity.value))
                found.append(expectation)
        return found

    def require(self, source: frozenset[str], desired: frozenset[str]) -> None:
        """Every column the file names is there.

        Raises:
            Misused: one is not: a check that cannot look must not pass in silence.
        """
        for suite, wanted, there in (
            ("source", self.source_columns, source),
            ("desired", self.desired_columns, desired),
        ):
            if missing := sorted(wanted - there):
                raise Misused(
                    f"checks.file: the suite {suite} has no column {missing[0]!r} in this run.",
                    remedy="Use an attribute that the source can be read for, or that the mapping manages.",
                )


def source_columns(
    settings: Settings, managed: Iterable[str] | None = None, *, text: str | None = None
) -> frozenset[str]:
    """Source attributes the file's checks need to be read, beside those mapping and checks use.

    Args:
        settings: with ``[checks] file``.
        managed: paths of the mapping; where given, what the file says of the suite ``desired`` is held against them
            here, before anything is read.
        text: of the file, where it was read already.

    Raises:
        Misused: as ``load_own_checks``, or a column that the mapping does not manage.
    """
    if not settings.checks.file:
        return frozenset()
    own = load_own_checks(settings, text=text)
    if managed is not None:
        own.require(own.source_columns, frozenset(managed) | {"left_alone"})
    return own.source_columns


def load_own_checks(settings: Settings, *, text: str | None = None) -> OwnChecks:
    """What ``[checks] file`` says; nothing where none is named. ``text`` is its content, where it was read already.

    Raises:
        Misused: the file cannot be read, or says something unknown; the message names file and key.
    """
    if not settings.checks.file:
        return OwnChecks()
    path = settings.place(settings.checks.file)
    if text is None:
        text = settings.carried.get(settings.checks.file)
    if path.suffix == ".py":
        from trueup.expectations.custom_modules import from_module

        return _collected(path.name, *from_module(path, _text_of(path) if text is None else text))
    document = _parsed(path, _text_of(path) if text is None else text)
    unknown = sorted(set(document) - {"expectations", "override"})
    if unknown:
        raise _misused(path.name, unknown[0], "is not a key of this file")
    listed = document.get("expectations", [])
    if not isinstance(listed, list):
        raise _misused(path.name, "expectations", "must be a list of tables")
    built: dict[str, list[Any]] = {suite: [] for suite in SUITES}
    for number, entry in enumerate(listed):
        suite, expectation = _built(path.name, f"expectations[{number}]", entry)
        built[suite].append(expectation)
    return _collected(path.name, built, document.get("override", {}))


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise Misused(
            f"checks.file: {path.name} cannot be read.", remedy="Check the path; it starts at the file."
        ) from error


def _parsed(path: Path, text: str) -> dict[str, Any]:
    if path.suffix in {".yaml", ".yml"}:
        from trueup.expectations.yaml_files import refusal_of

        raise refusal_of(path, text)
    if path.suffix != ".toml":
        raise Misused(f"checks.file: {path.name} is neither .toml nor .py.", remedy=_REMEDY)
    try:
        return tomllib.loads(text)
    except ValueError as error:
        raise Misused(f"checks.file: {path.name} does not parse: {_first_line(error)}", remedy=_REMEDY) from error


def _built(name: str, place: str, entry: Any) -> tuple[str, Any]:
    if not isinstance(entry, dict):
        raise _misused(name, place, "must be a table")
    suite = entry.get("suite", "desired")
    if suite not in SUITES:
        raise _misused(name, f"{place}.suite", f"must be one of {', '.join(SUITES)}")
    kind = entry.get("type")
    if not isinstance(kind, str):
        raise _misused(name, f"{place}.type", "must name an expectation, e.g. expect_column_values_to_match_regex")
    severity = entry.get("severity", "warning")
    if severity not in set(Severity):
        raise _misused(name, f"{place}.severity", "must be critical, warning or info")
    for text in ("name", "reason", "remedy"):
        if not isinstance(entry.get(text, ""), str):
            raise _misused(name, f"{place}.{text}", "must be text")
    arguments = {key: value for key, value in entry.items() if key not in OURS}
    meta = {"check": entry.get("name") or kind, "reason": entry.get("reason", ""), "remedy": entry.get("remedy", "")}
    return suite, _expectation(name, place, kind, {**arguments, "severity": severity, "meta": meta})


def _expectation(name: str, place: str, kind: str, arguments: dict[str, Any]) -> Any:
    from trueup.expectations.telemetry import expectation_class

    found = expectation_class(kind)
    if found is None:
        raise _misused(name, f"{place}.type", f"{kind!r} is not an expectation of Great Expectations")
    known = set(found.model_fields) if hasattr(found, "model_fields") else set(found.__fields__)
    for key in arguments:
        if key not in known:
            raise _misused(name, f"{place}.{key}", f"is not an argument of {kind}")
    try:
        with warnings.catch_warnings():
            # A condition as text is deprecated for Python; in a file of TOML it is how a person writes one.
            warnings.simplefilter("ignore", DeprecationWarning)
            return found(**arguments)
    except (ValueError, TypeError) as error:
        problems: Any = getattr(error, "errors", list)()
        first = problems[0] if problems else {"loc": (), "msg": "cannot be used"}
        key = ".".join(str(part) for part in first["loc"])
        raise _misused(name, f"{place}.{key}" if key else place, f"cannot be used: {first['msg']}") from error


def _collected(name: str, built: Mapping[str, Sequence[Any]], said: Any) -> OwnChecks:
    own: dict[str, Check] = {}
    columns: dict[str, set[str]] = {suite: set() for suite in SUITES}
    for suite, expectations in built.items():
        for expectation in expectations:
            check = _named(name, suite, expectation, own)
            own[check.name] = check
            columns[suite] |= _columns(name, check.name, expectation)
            _require_numbers(name, suite, check.name, expectation)
    for column in sorted(columns["source"]):
        if column not in CATALOGUE and not column.startswith("extension_"):
            raise _misused(name, "column", f"{column!r} is not a source attribute that Trueup knows")
    return OwnChecks(
        source=tuple(built.get("source", ())),
        desired=tuple(built.get("desired", ())),
        own=own,
        overrides=_overrides(name, said),
        source_columns=frozenset(columns["source"]),
        desired_columns=frozenset(columns["desired"]),
    )


def _columns(name: str, check: str, expectation: Any) -> set[str]:
    from trueup.expectations.frames import columns_in

    try:
        return set(columns_in([expectation])) - {"key"}
    except ValueError as error:
        raise _misused(name, f"{check}.row_condition", str(error)) from error


def _require_numbers(name: str, suite: str, check: str, expectation: Any) -> None:
    """Refuse bounds on a column of text: Great Expectations makes numbers or dates of them and then cannot compare.

    Raises:
        Misused: the column holds text, as all of the suite ``desired`` do but ``active``.
    """
    column = str(getattr(expectation, "column", "") or "")
    if expectation.expectation_type not in NUMBERS_ONLY or column in {"", "key"}:
        return
    known = CATALOGUE.get(column)
    is_text = column != "active" if suite == "desired" else known is None or known.type not in {"integer", "boolean"}
    if is_text:
        raise Misused(
            f"checks.file: {name}: {check}: {column} holds text, which {expectation.expectation_type} cannot compare.",
            remedy="Use a pattern (expect_column_values_to_match_regex) or a list (expect_column_values_to_be_in_set).",
        )


def _named(name: str, suite: str, expectation: Any, own: Mapping[str, Check]) -> Check:
    meta = dict(expectation.meta or {})
    check = str(meta.get("check") or expectation.expectation_type)
    if check in CHECKS or check in GATES:
        raise _misused(
            name, f"{suite}: {check}", "is the name of a built-in check; choose another, or override that one"
        )
    subject = str(getattr(expectation, "column", "") or "")
    expectation.meta = {**meta, "check": check, "subject": subject, "own": True}
    severity = Severity(str(getattr(expectation.severity, "value", expectation.severity)))
    reason = (
        str(meta.get("reason") or "") or f"{'{subject}' if subject else 'The row'} does not pass the check {check}."
    )
    remedy = str(meta.get("remedy") or "") or "See the rule in [checks] file."
    known = own.get(check)
    if known is None:
        return Check(check, severity, reason, remedy)
    if (known.reason, known.remedy) != (reason, remedy):
        raise _misused(name, f"{suite}: {check}", "names two checks with another reason or remedy; give each a name")
    return known


def _overrides(name: str, said: Any) -> dict[str, Override]:
    if not isinstance(said, dict):
        raise _misused(name, "override", "must be a table")
    found = {}
    for check, entry in said.items():
        if check not in CHECKS and check not in GATES:
            raise _misused(name, f"override.{check}", "is not a check that may be overridden")
        if not isinstance(entry, dict):
            raise _misused(name, f"override.{check}", "must be a table")
        for key in entry:
            if key not in {"severity", "enabled"}:
                raise _misused(name, f"override.{check}.{key}", "is unknown; there are severity and enabled")
        severity, enabled = entry.get("severity"), entry.get("enabled", True)
        if severity is not None and severity not in set(Severity):
            raise _misused(name, f"override.{check}.severity", "must be critical, warning or info")
        if not isinstance(enabled, bool):
            raise _misused(name, f"override.{check}.enabled", "must be true or false")
        found[check] = Override(Severity(severity) if severity else None, enabled)
    return found


def _misused(name: str, key: str, what: str) -> Misused:
    return Misused(f"checks.file: {name}: {key} {what}.", remedy=_REMEDY)


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return f"{lines[0].rstrip('.')}." if lines else "it is damaged."
