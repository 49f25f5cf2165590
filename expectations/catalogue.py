"""The checks as data: what each one is called, how severe it is, what a finding says, and who can mend it."""

from __future__ import annotations

from dataclasses import dataclass

from trueup.transforms.vocabulary import Severity


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that can be wrong with a person."""

    name: str
    """Word in ``findings.parquet`` and in ``[checks] file``."""
    severity: Severity
    reason: str
    """A sentence; ``{subject}`` is the attribute, ``{detail}`` what only this person's row knows."""
    remedy: str


_HR = "Correct it where the account is maintained (HR system or Entra ID)"
_IT = "Correct the account in Entra ID"

CHECKS: dict[str, Check] = {
    check.name: check
    for check in (
        Check(
            "verdict_unsure",
            Severity.WARNING,
            "It is not clear whether this account is a person: {detail}.",
            "Say so in [people] always or never, or complete the account in Entra ID.",
        ),
        Check(
            "not_a_person",
            Severity.INFO,
            "Not a person: {detail}.",
            "If this is a person, add the account to [people] always.",
        ),
        Check(
            "account_state_unknown",
            Severity.WARNING,
            "The source does not say whether the account is enabled.",
            f"{_IT}: accountEnabled must be true or false.",
        ),
        Check("first_name_missing", Severity.WARNING, "The first name is missing.", f"{_HR}: fill in the first name."),
        Check("last_name_missing", Severity.WARNING, "The last name is missing.", f"{_HR}: fill in the last name."),
        Check(
            "names_missing",
            Severity.WARNING,
            "First and last name are both missing.",
            f"{_HR}: fill in both names; if this is not a person, add it to [people] never.",
        ),
        Check(
            "mononym",
            Severity.WARNING,
            "The account has one name only, and so has its display name: {detail}.",
            "If the person has one name, set [checks] mononym or fill the other field as your directory expects it.",
        ),
        Check(
            "mononym_repeated",
            Severity.INFO,
            "The person has one name only, {detail}; it stands in both fields.",
            "Nothing to do: [checks] mononym = repeat.",
        ),
        Check(
            "required_missing",
            Severity.WARNING,
            "The target requires {subject}, and it is empty.",
            f"{_HR}, or give the mapping a default.",
        ),
        Check(
            "placeholder_name",
            Severity.WARNING,
            "A placeholder stands where a name should be ({subject}).",
            f"{_HR}: write the name as the person does.",
        ),
        Check(
            "invisible_characters",
            Severity.WARNING,
            "There are invisible or control characters in {subject}.",
            f"{_HR}: type the value anew instead of pasting it.",
        ),
        Check(
            "outer_space",
            Severity.INFO,
            "There is a space too many in {subject}.",
            f"{_HR}, or trim it in the mapping.",
        ),
        Check(
            "broken_encoding",
            Severity.WARNING,
            "Letters were lost or mangled in {subject}: {detail}.",
            "Mend the import that fills Entra ID, or the export (both may use the wrong encoding), then the value.",
        ),
        Check(
            "spreadsheet_damage",
            Severity.INFO,
            "A spreadsheet left an error or a rounded number in place of a value, which is left alone: {detail}.",
            "Format the column as text before the file is saved, or export the users again.",
        ),
        Check(
            "type_name",
            Severity.INFO,
            "The name of a .NET type stands in place of a value, which is left alone: {detail}.",
            "Export the value itself, e.g. Select-Object @{n='businessPhones';e={$_.BusinessPhones -join ';'}}.",
        ),
        Check(
            "not_said",
            Severity.INFO,
            "The source did not give {subject} for this person; what depends on it is left as it is: {detail}.",
            "Look at how the source is read or exported; what it says again is taken over by itself.",
        ),
        Check(
            "name_is_address",
            Severity.WARNING,
            "An address stands where a name should be ({subject}).",
            f"{_HR}: the columns of an import may have moved.",
        ),
        Check(
            "names_doubled", Severity.INFO, "First and last name are the same.", "Nothing to do if that is the name."
        ),
        Check(
            "names_swapped",
            Severity.INFO,
            "First and last name may be swapped: display name and user name have them the other way round.",
            f"{_HR} if they are.",
        ),
        Check("user_name_missing", Severity.WARNING, "The user name is missing.", f"{_IT}: it needs a user name."),
        Check(
            "user_name_unusable",
            Severity.WARNING,
            "The user name has spaces or control characters.",
            f"{_IT}: change the user name.",
        ),
        Check(
            "email_unusable",
            Severity.WARNING,
            "The work e-mail is not a usable address.",
            f"{_IT}: correct mail or the mapping.",
        ),
        Check("email_missing", Severity.INFO, "There is no work e-mail.", f"{_IT} if the person has a mailbox."),
        Check(
            "duplicate_user_name",
            Severity.WARNING,
            "The user name is also that of {detail}.",
            f"{_IT}: one of them needs another; compared without case and by Unicode's compatible forms.",
        ),
        Check(
            "duplicate_email",
            Severity.WARNING,
            "The work e-mail is also that of {detail}.",
            f"{_IT}: one of them needs another.",
        ),
        Check(
            "duplicate_employee_number",
            Severity.WARNING,
            "The employee number is also that of {detail}.",
            f"{_HR}: one of them needs another; two accounts of one person are one too many.",
        ),
        Check(
            "employee_number_of_leaver",
            Severity.INFO,
            "The employee number is also that of the disabled account {detail}: probably rehired.",
            "If this is the same person, set [matching] links to the profile of the old account.",
        ),
        Check(
            "wrong_type",
            Severity.WARNING,
            "The source sent a value of a wrong type: {detail}.",
            "Look at the value in the source; what was sent could not be read.",
        ),
        Check(
            "wrong_type_unused",
            Severity.INFO,
            "The source sent a value of a wrong type that the mapping does not use: {detail}.",
            "Look at the value in the source.",
        ),
        Check("manager_is_self", Severity.INFO, "The person is their own manager.", f"{_HR}."),
        Check(
            "manager_cycle",
            Severity.INFO,
            "The chain of managers leads back to the person.",
            f"{_HR}: somebody in the circle has the wrong manager.",
        ),
        Check(
            "manager_unknown",
            Severity.INFO,
            "The manager {detail} is not a user of the tenant.",
            f"{_HR}: set the manager.",
        ),
        Check(
            "manager_out_of_scope", Severity.INFO, "The manager {detail} is out of scope.", "Nothing to do if intended."
        ),
        Check("manager_leaving", Severity.INFO, "The manager {detail} is disabled.", f"{_HR}: set the manager."),
        Check(
            "manager_not_a_person",
            Severity.INFO,
            "The manager {detail} is not a person.",
            f"{_HR}: set the manager.",
        ),
        Check("manager_held", Severity.INFO, "The manager {detail} is held.", "See the finding of the manager."),
        Check(
            "manager_span",
            Severity.INFO,
            "The person is now the manager of {detail}.",
            f"{_HR} if that is not so: an import may have given everybody the same manager.",
        ),
    )
}
"""Every check that can stand in ``findings.parquet`` without a ``[checks] file``."""

SHARED_BY = {
    "duplicate_user_name": "user_name",
    "duplicate_email": "email",
    "duplicate_employee_number": "employee_number",
}
"""Check of uniqueness → column of the relation ``people``."""
