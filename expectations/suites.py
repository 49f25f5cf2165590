"""The suites: which expectations stand over which columns. Importing this loads Great Expectations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from great_expectations.expectations.core.expect_column_max_to_be_between import ExpectColumnMaxToBeBetween
from great_expectations.expectations.core.expect_column_values_to_be_in_set import ExpectColumnValuesToBeInSet
from great_expectations.expectations.core.expect_column_values_to_be_unique import ExpectColumnValuesToBeUnique
from great_expectations.expectations.core.expect_column_values_to_not_be_null import ExpectColumnValuesToNotBeNull
from great_expectations.expectations.metadata_types import FailureSeverity

from trueup.expectations.catalogue import CHECKS
from trueup.expectations.metrics import (
    ExpectNoAddressAsName,
    ExpectNoInvisibleCharacters,
    ExpectNoOuterSpace,
    ExpectNoPlaceholder,
    ExpectSoundEncoding,
    ExpectStateOtherThan,
    ExpectTextToBePresent,
    ExpectUsableAddress,
)
from trueup.expectations.patterns import PLACEHOLDER_FIRST, PLACEHOLDER_LAST

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from trueup.expectations.damage import Damage
    from trueup.expectations.facts import Collapse
    from trueup.expectations.subjects import Subjects

MANY_DISABLED = 0.9
RENEWED = 0.5
DISAGREEING = 0.8
SWAPPED = 0.2


def _people(check: str, kind: Any, column: str, subject: str = "", **more: Any) -> Any:
    severity = more.pop("severity", CHECKS[check].severity.value)
    meta = {"check": check, "subject": subject or column}
    return kind(column=column, severity=severity, meta=meta, **more)


def source_people(subjects: Subjects) -> list[Any]:
    """What every account in scope that is or may be a person must show in the source."""
    expectations = [
        _people("verdict_unsure", ExpectStateOtherThan, "verdict", states=["unsure"]),
        _people("names_doubled", ExpectStateOtherThan, "name_order", states=["doubled"]),
        _people("names_swapped", ExpectStateOtherThan, "name_order", states=["swapped"]),
    ]
    if subjects.state_was_read:
        expectations.append(_people("account_state_unknown", ExpectColumnValuesToNotBeNull, "accountEnabled"))
    return expectations


def references() -> list[Any]:
    """What is odd about managers; never a hold."""
    states = (
        "manager_is_self",
        "manager_cycle",
        "manager_unknown",
        "manager_out_of_scope",
        "manager_leaving",
        "manager_not_a_person",
        "manager_held",
    )
    found = [
        _people(state, ExpectStateOtherThan, "manager_state", subject="manager", states=[state]) for state in states
    ]
    return [*found, _people("manager_span", ExpectStateOtherThan, "span_state", subject="manager", states=["wide"])]


def desired_people(subjects: Subjects, *, repeat_mononyms: bool) -> list[Any]:
    """What the target would be given must be usable, and belong to one person only."""
    expectations: list[Any] = []
    if subjects.given and subjects.family:
        expectations += _names(subjects, repeat_mononyms=repeat_mononyms)
    for path, last in ((subjects.given, False), (subjects.family, True)):
        if path:
            pattern = PLACEHOLDER_LAST if last else PLACEHOLDER_FIRST
            expectations += [
                _people("placeholder_name", ExpectNoPlaceholder, path, pattern=pattern),
                _people("name_is_address", ExpectNoAddressAsName, path),
                _people("broken_encoding", ExpectSoundEncoding, path),
            ]
    for path in subjects.texts:
        expectations.append(_people("invisible_characters", ExpectNoInvisibleCharacters, path))
        expectations.append(_people("outer_space", ExpectNoOuterSpace, path))
    if subjects.user_name:
        expectations.append(_people("user_name_missing", ExpectTextToBePresent, subjects.user_name))
    if subjects.email:
        expectations.append(_people("email_missing", ExpectTextToBePresent, subjects.email))
        expectations.append(_people("email_unusable", ExpectUsableAddress, subjects.email))
    expectations += [_people("required_missing", ExpectTextToBePresent, path) for path in subjects.required]
    return [*expectations, *_unique(subjects)]


def _names(subjects: Subjects, *, repeat_mononyms: bool) -> list[Any]:
    severity = "warning" if subjects.names_required else "info"
    mononym = "mononym_repeated" if repeat_mononyms else "mononym"
    return [
        _people("first_name_missing", ExpectStateOtherThan, "names", states=["no_first"], severity=severity),
        _people("last_name_missing", ExpectStateOtherThan, "names", states=["no_last"], severity=severity),
        _people("names_missing", ExpectStateOtherThan, "names", states=["none"], severity=severity),
        _people(
            mononym,
            ExpectStateOtherThan,
            "names",
            states=["mononym"],
            severity="info" if repeat_mononyms else severity,
        ),
    ]


def _unique(subjects: Subjects) -> list[Any]:
    found = []
    for check, there in (
        ("duplicate_user_name", bool(subjects.user_name)),
        ("duplicate_email", bool(subjects.email)),
        ("duplicate_employee_number", True),
    ):
        if there:
            description = "Nobody shares it: compared without case and in Unicode's compatible form."
            found.append(_people(check, ExpectColumnValuesToBeUnique, f"{check} (folded)", description=description))
    found.append(_people("employee_number_of_leaver", ExpectStateOtherThan, "rehired", states=["yes"]))
    return found


@dataclass(frozen=True, slots=True)
class Gate:
    """One figure about the whole with the bound it must keep, and what is said when it does not."""

    name: str
    value: float
    message: str
    remedy: str
    least: float | None = None
    most: float | None = None
    overridable_by_file: bool = True
    """Whether ``[checks] file`` may lower it; identity itself may not be given up."""


def gates(facts: Mapping[str, int], earlier_disabled: float | None, few: int) -> list[Gate]:
    """The figures that refuse a run whatever anybody allows, each with its sentence."""
    users, in_scope, people = facts["users"], facts["in_scope"], facts["people"]
    disabled = facts["disabled"] / max(in_scope, 1)
    bound = MANY_DISABLED if earlier_disabled is not None and earlier_disabled < 0.7 else 0.999
    named = facts["named"]
    replaced = facts["replaced"] / facts["earlier_users"] if facts["earlier_users"] >= max(few, 1) else 0.0
    enough = named >= 50
    firsts, lasts = facts["usual_firsts"], facts["usual_lasts"]
    return [
        Gate("source_empty", users, "The source has no users.", "Look at the source; an empty tenant changes nothing.",
             least=1, overridable_by_file=False),
        Gate("ids_missing", facts["ids_missing"], f"{facts['ids_missing']:,} users have no id.",
             "The read is damaged; read again.", most=0, overridable_by_file=False),
        Gate("ids_repeated", users - facts["ids"] - facts["ids_missing"],
             f"{users - facts['ids']:,} of {users:,} users repeat another's id.",
             "The read is damaged; read again.", most=0, overridable_by_file=False),
        Gate("nobody_in_scope", in_scope if users else 1, f"None of {users:,} users is in scope.",
             "Check [source] scope, the enterprise application's assignments and filters.",
             least=1, overridable_by_file=False),
        Gate("nobody_is_a_person", people if in_scope else 1, f"None of the {in_scope:,} users in scope is a person.",
             "Check [people] and the scope.", least=1),
        Gate("everybody_disabled", disabled if in_scope >= few else 0.0,
             f"{facts['disabled']:,} of {in_scope:,} users in scope are disabled ({disabled:.0%}).",
             "Look at the accounts in Entra ID; if so many really left, lower the check in [checks] file.", most=bound),
        Gate("identities_replaced", replaced,
             f"{facts['replaced']:,} of {facts['earlier_users']:,} users kept the user name and have another id.",
             "This looks like another tenant, or one set up anew. Check [source] tenant_id.", most=RENEWED),
        Gate("last_names_disagree", facts["last_names_disagree"] / max(named, 1) if enough else 0.0,
             f"{facts['last_names_disagree']:,} of {named:,} last names stand neither in display nor user name.",
             "The column may have moved by a row. Mend the import that fills Entra ID.", most=DISAGREEING),
        Gate("first_names_disagree", facts["first_names_disagree"] / max(named, 1) if enough else 0.0,
             f"{facts['first_names_disagree']:,} of {named:,} first names stand neither in display nor user name.",
             "The column may have moved by a row. Mend the import that fills Entra ID.", most=DISAGREEING),
        Gate("first_and_last_names_swapped", lasts / max(people, 1) if people >= 50 and lasts > 3 * firsts else 0.0,
             f"{lasts:,} of {people:,} people have a usual first name as last name, only {firsts:,} as first name.",
             "The columns seem to have changed places. Mend the import that fills Entra ID; if the names are right, "
             "lower the check in [checks] file.",
             most=SWAPPED),
    ]  # fmt: skip


def collapse_gates(collapses: Iterable[Collapse]) -> list[Gate]:
    """One gate per attribute that has become the same for everybody."""
    return [
        Gate(
            f"same_for_everybody:{found.attribute}",
            found.share,
            f"{found.attribute} would be the same for {found.share:.0%} of the people; "
            f"the target has {found.distinct_before:,} different values.",
            "Look at the attribute in the source and at the mapping.",
            most=0.9,
        )
        for found in collapses
    ]


def damage_gate(found: Damage, people: int, *, few: int, share: float) -> Gate:
    """One gate for one kind of damage in one attribute; up to ``few`` people it says nothing about the whole."""
    check = CHECKS[found.check]
    reason = check.reason.replace("{subject}", found.attribute).replace(": {detail}", f" ({found.attribute})")
    have = found.people / max(people, 1)
    return Gate(
        f"{found.check}:{found.attribute}",
        have if found.people > few else 0.0,
        f"{reason} This is so for {found.people:,} of {people:,} people in scope ({have:.0%}): "
        "the source as a whole looks wrong.",
        f"{check.remedy} Then plan again; the check {found.check} may be lowered in [checks] file.",
        most=share,
    )


def gate_expectations(gates: Iterable[Gate], severities: Mapping[str, str]) -> list[Any]:
    """The gates in Great Expectations' words, over a frame of one row with a column per gate."""
    return [
        ExpectColumnMaxToBeBetween(
            column=gate.name,
            min_value=gate.least,
            max_value=gate.most,
            strict_max=gate.name.startswith("same_for_everybody"),
            severity=FailureSeverity(severities[gate.name]),
            meta={"check": gate.name},
            description=gate.message,
        )
        for gate in gates
    ]


def drift_expectations(now: Mapping[str, float], medians: Mapping[str, float]) -> list[Any]:
    """History: rows within a tenth, null shares within ten points, distinct values within a half of the usual."""
    found = []
    for name in now:
        usual = medians.get(name)
        if usual is None:
            low, high = 0.0, None
        elif name.startswith("nulls:"):
            low, high = max(usual - 0.1, 0.0), min(usual + 0.1, 1.0)
        elif name.startswith("distinct:"):
            low, high = usual * 0.5, usual * 1.5 + 5
        else:
            low, high = usual * 0.9, usual * 1.1 + 5
        found.append(
            ExpectColumnMaxToBeBetween(
                column=name,
                min_value=low,
                max_value=high,
                severity=FailureSeverity.INFO,
                meta={"check": f"drift:{name}"},
            )
        )
    return found


def plan_people(decisions: Sequence[str]) -> list[Any]:
    """Every person decided about once, and nobody written who is not to be."""
    critical = FailureSeverity.CRITICAL
    odd = (
        "change_without_a_decision",
        "decision_without_a_change",
        "deactivation_of_more_than_active",
        "hidden_deactivation",
        "write_without_a_profile",
        "creation_of_what_is_there",
        "unmanaged_user",
    )
    return [
        ExpectColumnValuesToNotBeNull(column="key", severity=critical, meta={"check": "plan_key_missing"}),
        ExpectColumnValuesToBeUnique(column="key", severity=critical, meta={"check": "plan_decided_twice"}),
        ExpectColumnValuesToBeInSet(
            column="decision", value_set=list(decisions), severity=critical, meta={"check": "plan_unknown_decision"}
        ),
        ExpectTextToBePresent(column="reason", severity=critical, meta={"check": "plan_no_reason"}),
        ExpectColumnValuesToBeUnique(column="profile_id", severity=critical, meta={"check": "plan_profile_twice"}),
        *(
            ExpectStateOtherThan(column="oddity", states=[state], severity=critical, meta={"check": f"plan_{state}"})
            for state in odd
        ),
    ]


def nought(names: Iterable[str]) -> list[Any]:
    """Figures over a frame of one row that must be nought."""
    return [
        ExpectColumnMaxToBeBetween(column=name, max_value=0, severity=FailureSeverity.CRITICAL, meta={"check": name})
        for name in names
    ]
